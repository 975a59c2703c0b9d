"""Intervals and flags for new materials: those of the evaluation, and the messages where there are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories.training import make_run, outputs_in, process_backend, train, write_inputs

from elemflow import predict as command
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json, write_parquet
from elemflow.evaluation.conformal import Calibration, EnsembleRows
from elemflow.evaluation.metrics import evaluate
from elemflow.features import elemental_fractions
from elemflow.inference.predictor import predict_parquet, predict_table
from elemflow.inference.reliability import Intervals, calibration_rows
from elemflow.training.job import train_run
from elemflow.training.run_files import RunInputs, RunOutputs

TREES = {"kind": "estimator", "estimator": "extra_trees", "parameters": {"n_estimators": 3}}
ELEMENTS = ("Fe", "Co", "Ni", "O", "S")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three members of one split, evaluated as a calibrated ensemble."""
    write_inputs(tmp_path, members=1)
    split = pd.read_parquet(tmp_path / "split.parquet")
    pd.concat(split.assign(member=member) for member in range(3)).to_parquet(tmp_path / "split.parquet")
    train(tmp_path, TREES)
    _evaluate(tmp_path / "out", 3)
    return tmp_path / "out"


def _evaluate(run: Path, members_per_split: int, uncertainty: bool = True) -> dict[str, Any]:
    found = evaluate(run / "predictions.parquet", "ensemble", "mean", members_per_split, uncertainty).plain()
    write_json(run / "metrics.json", found)
    return found


def test_intervals_are_those_that_were_evaluated(tmp_path: Path, run: Path) -> None:
    report = _evaluate(run, 3)["test"]["uncertainty"]["grouped"]
    test = pd.read_parquet(run / "predictions.parquet").query("role == 'test' and member == 0").set_index("material_id")
    for level in (50, 80):
        predict_parquet(run, [tmp_path / "part.parquet"], tmp_path / "p.parquet", level=level)
        found = pd.read_parquet(tmp_path / "p.parquet").set_index("material_id").loc[test.index]
        inside = test["y_true"].between(found["lower"], found["upper"])
        assert inside.mean() == pytest.approx(report["coverage"][str(level)])
        assert (found["upper"] - found["lower"]).mean() == pytest.approx(report["width"][str(level)])
    schema = pq.read_schema(tmp_path / "p.parquet")
    assert (schema.metadata[b"level"], schema.metadata[b"intervals"]) == (b"80", b"grouped")
    assert schema.field("upper").metadata[b"unit"] == b"eV"


def test_an_interval_ends_where_the_property_does() -> None:
    calibration = Calibration(EnsembleRows(np.full(30, 1.0), np.full(30, 0.2)))
    lower, upper = Intervals(calibration, 90, minimum=0).around(np.array([0.5, -3.0, 4.0]), np.full(3, 0.2))
    np.testing.assert_allclose(lower, [0, 0, 3])
    np.testing.assert_allclose(upper, [1.5, 0, 5])


@pytest.mark.parametrize(("level", "refused"), [(90, False), (91, True)])
def test_a_level_beyond_the_validation_rows_is_refused(level: int, refused: bool) -> None:
    calibration = Calibration(EnsembleRows(np.arange(10.0), np.ones(10)))
    if refused:
        with pytest.raises(DataError, match=r"10 compositions .* 91 %.* 90 %"):
            Intervals(calibration, level)
    else:
        Intervals(calibration, level)


def test_entries_of_one_composition_do_not_calibrate_a_level_alone() -> None:
    calibration = Calibration(EnsembleRows(np.arange(40.0), np.ones(40), np.repeat(np.arange(10), 4)))
    Intervals(calibration, 90)
    with pytest.raises(DataError, match=r"10 compositions .* 91 %"):
        Intervals(calibration, 91)


def test_runs_without_intervals_predict_and_say_why_where_some_are_asked_for(
    tmp_path: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    inputs, out = [tmp_path / "part.parquet"], tmp_path / "p.parquet"
    for change, reason in (
        (lambda: None, r"of 8 compositions are too few for 90 %"),
        (lambda: _evaluate(run, 3, uncertainty=False), "its protocol calibrates none"),
        ((run / "metrics.json").unlink, "its protocol calibrates none"),
    ):
        change()
        predict_parquet(run, inputs, out)
        assert pq.read_schema(out).names == ["material_id", "y_pred", "spread"]
        assert f"{run}: without intervals: " in caplog.text
        with pytest.raises(DataError, match=f"90 %: .*{reason}"):
            predict_parquet(run, inputs, out, level=90)


def test_several_splits_have_no_common_interval(run: Path) -> None:
    found = read_json(run / "metrics.json")
    found["test"]["ensemble"]["n_members"] = 3
    write_json(run / "metrics.json", found)
    with pytest.raises(DataError, match="3 train/validation/test splits"):
        calibration_rows(run, "mean")


@pytest.fixture
def workflow_run(tmp_path: Path) -> Path:
    """A run at its place among the results, trained on oxides and sulphides of iron, cobalt and nickel."""
    rng = np.random.default_rng(0)
    formulas = sorted(
        {f"{metal}{a}{anion}{b}" for metal in ELEMENTS[:3] for anion in "OS" for a in (1, 3) for b in (2, 4)}
    )
    x, _ = elemental_fractions.featurize(formulas)
    results = tmp_path / "results"
    features, materials = results / "features/toy/ef.parquet", results / "datasets/toy/materials.parquet"
    split = results / "splits/toy/gap/p.parquet"
    columns = {"material_id": formulas} | dict(zip(elemental_fractions.LABELS, x.T, strict=True))
    for path in (features, materials, split):
        path.parent.mkdir(parents=True)
    table = pd.DataFrame({"material_id": formulas, "composition": formulas, "gap": rng.random(len(formulas))})
    table.to_parquet(materials)
    write_parquet(features, pa.table(columns), {"part": "ef", "labels": list(elemental_fractions.LABELS)})
    roles = np.array(["train"] * 16 + ["validation"] * 4 + ["test"] * 4, dtype=object)
    members = [pd.DataFrame({"material_id": formulas, "member": m, "role": rng.permutation(roles)}) for m in range(2)]
    pd.concat(members).to_parquet(split)
    run = results / "runs/toy/gap/ef/m/p"
    outputs = RunOutputs(**outputs_in(run))
    train_run(make_run(TREES), RunInputs([features], materials, split), outputs, process_backend())
    return run


def test_formulas_are_compared_with_the_training_materials(tmp_path: Path, workflow_run: Path) -> None:
    table, out = tmp_path / "new.csv", tmp_path / "p.parquet"
    pd.DataFrame({"formula": ["FeO2", "Fe", "CaO", "Q", "NiS2"]}).to_csv(table, index=False)
    predict_table(workflow_run, table, out, skip=True, applicability=True)
    found = pd.read_parquet(out)
    assert found.columns.tolist() == [
        "formula", "composition", "y_pred", "spread", "percentile", "unseen_elements", "flag", "reason",
    ]  # fmt: skip
    assert found["flag"].tolist() == ["inside", "far", "unseen", None, "inside"]
    assert found["unseen_elements"].tolist() == ["", "", "Ca", None, ""]
    assert found["percentile"].isna().tolist() == [False, False, False, True, False]


def test_training_materials_that_are_not_those_of_the_run_are_refused(tmp_path: Path, workflow_run: Path) -> None:
    table, out = tmp_path / "new.csv", tmp_path / "p.parquet"
    pd.DataFrame({"formula": ["FeO2"]}).to_csv(table, index=False)
    arguments = [str(workflow_run), str(table), str(out), "--applicability"]
    command.main(arguments)
    materials = tmp_path / "results/datasets/toy/materials.parquet"
    pd.read_parquet(materials).iloc[::-1].to_parquet(materials)
    with pytest.raises(SystemExit, match=r"materials\.parquet is not"):
        command.main(arguments)
    materials.unlink()
    with pytest.raises(SystemExit, match=r"materials\.parquet is missing"):
        command.main(arguments)
    (workflow_run / "run_info.json").unlink()
    with pytest.raises(SystemExit, match=r"run_info\.json is missing"):
        command.main(arguments)


def test_the_command_refuses_what_makes_no_sense(tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(run), str(tmp_path / "part.parquet"), str(tmp_path / "p.parquet")]
    command.main([*given, "--level", "80"])
    assert {"lower", "upper"} <= set(pq.read_schema(given[-1]).names)
    for options, message in (
        (["--level", "100"], "'100' is no whole number of per cent from 1 to 99"),
        (["--applicability"], "give a table of them"),
    ):
        with pytest.raises(SystemExit):
            command.main([*given, *options])
        assert message in capsys.readouterr().err
