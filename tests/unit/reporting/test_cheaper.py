"""Claims about times: the verdict of a table of quantities, and the scale that decides nothing."""

from pathlib import Path

import pytest
from factories.reporting import place, write_run

from elemflow.config.load import load
from elemflow.core.files import read_json, write_json
from elemflow.plan import claims
from elemflow.plan.build import build
from elemflow.record.cells import read_printed
from elemflow.reporting.claims_view import view_claims
from elemflow.reporting.tables.kinds.quantities import BUILDER


@pytest.fixture(scope="module")
def planned(root: Path):
    settings = load({"studies": ["irnet2021"]}, root)
    found = claims.build(settings, build(settings, read_printed(root)))["irnet2021"]
    return found.model_copy(
        update={
            "claims": {"faster_than_forest": found.claims["faster_than_forest"]},
            "tables": {"prediction_time": found.tables["prediction_time"]},
        }
    )


def evaluate(planned, folder: Path, network: float, forest: float, reduced: str = "") -> claims.Verdict:
    table = planned.tables["prediction_time"]
    if reduced:
        scales = {name: scale.model_copy(update={"reduced": (reduced,)}) for name, scale in table.scales.items()}
        table = table.model_copy(update={"scales": scales})
    metrics = {}
    for cell in table.cells:
        run = write_run(folder / "runs", cell.run, [0.1])
        info = read_json(run / "run_info.json")
        info["members"]["0"]["seconds_predicting"] = forest if "forest" in cell.model else network
        write_json(run / "run_info.json", info | {"engine": {"name": "x", "device": "cpu"}})
        metrics[cell.run] = run / "metrics.json"
    outputs = place(folder / "out", "table")
    BUILDER.write(table, metrics, {}, outputs)
    changed = planned.model_copy(update={"tables": {"prediction_time": table}})
    return view_claims(changed, {"prediction_time": outputs["csv"]}, {}, linked=False).claims[0].reproduced.verdict


@pytest.mark.parametrize(("network", "word"), [(0.9, claims.HOLDS), (2.0, claims.FAILS), (200.0, claims.FAILS)])
def test_a_hundredth_of_the_time_is_needed(planned, tmp_path, network, word):
    assert evaluate(planned, tmp_path, network, 100.0).word == word


def test_times_at_a_reduced_scale_decide_nothing(planned, tmp_path):
    verdict = evaluate(planned, tmp_path, 0.1, 100.0, reduced="2,000 materials")
    assert (verdict.word, verdict.reasons) == (claims.OPEN, (claims.REDUCED,))


@pytest.mark.parametrize(("percent", "word"), [(10, claims.HOLDS), (8, claims.FAILS)])
def test_costs_are_similar_within_a_percentage(planned, tmp_path, percent, word):
    claim = planned.claims["faster_than_forest"]
    changes = {"kind": "similar_cost", "over": ("model",), "percent": percent, "a": None, "b": None}
    similar = planned.model_copy(update={"claims": {"times": claim.model_copy(update=changes)}})
    assert evaluate(similar, tmp_path, 100.0, 109.0).word == word


@pytest.mark.parametrize("network", ["brnet", "brnet@branches=1024x1-1-1-1"])
def test_parameters_are_counted_without_a_run_and_at_any_scale(root, tmp_path, network):
    """Neither claim of brnet2023 on parameters needs one; a run at a reduced scale has the same number."""
    settings = load({"studies": ["brnet2023"]}, root)
    found = claims.build(settings, build(settings, read_printed(root)))["brnet2023"]
    name, table = ("cheaper", "parameters") if network == "brnet" else ("branches_top", "table6_parameters")
    item = found.tables[table]
    scales = {key: scale.model_copy(update={"reduced": ("5 epochs",)}) for key, scale in item.scales.items()}
    item = item.model_copy(update={"scales": scales})
    chosen = found.model_copy(update={"claims": {name: found.claims[name]}, "tables": {table: item}})
    run, counted = next((cell.run, cell.counted) for cell in item.cells if cell.model == network)
    folder = write_run(tmp_path / "runs", run, [0.1])
    info = read_json(folder / "run_info.json") | {"engine": {"name": "x", "device": "cpu"}}
    info["members"]["0"]["parameters"]["total"] = counted
    write_json(folder / "run_info.json", info)
    shown = {}
    for metrics in ({}, {run: folder / "metrics.json"}):
        outputs = place(tmp_path / str(len(metrics)), "table")
        BUILDER.write(item, metrics, {}, outputs)
        claim = view_claims(chosen, {table: outputs["csv"]}, {}, linked=False).claims[0]
        assert claim.reproduced.text == "holds (1 of 1)"
        shown[len(metrics)] = next(cell for cell in claim.cases[0].cells if cell.run == run)
    assert shown[0].reproduced.endswith("(counted)")
    assert shown[0].scale is None
    assert "counted" not in shown[1].reproduced


@pytest.mark.parametrize(
    ("devices", "word", "reasons"),
    [
        (("cpu", "cpu"), claims.HOLDS, ()),
        (("cpu", "NVIDIA H200"), claims.OPEN, (claims.UNLIKE_DEVICES,)),
    ],
)
def test_times_of_training_on_unlike_devices_decide_nothing(root, tmp_path, devices, word, reasons):
    settings = load({"studies": ["irnet2021"]}, root)
    found = claims.build(settings, build(settings, read_printed(root)))["irnet2021"]
    table = found.tables["training_time"]
    chosen = found.model_copy(
        update={"claims": {"times": found.claims["training_time"]}, "tables": {"training_time": table}}
    )
    metrics = {}
    for cell, device in zip(table.cells, devices, strict=True):
        run = write_run(tmp_path / "runs", cell.run, [0.1])
        info = read_json(run / "run_info.json") | {"engine": {"name": "x", "device": device}}
        info["members"]["0"]["seconds_per_epoch"] = 2.0
        write_json(run / "run_info.json", info)
        metrics[cell.run] = run / "metrics.json"
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(table, metrics, {}, outputs)
    verdict = view_claims(chosen, {"training_time": outputs["csv"]}, {}, linked=False).claims[0].reproduced.verdict
    assert (verdict.word, verdict.reasons) == (word, reasons)
