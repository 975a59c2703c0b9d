"""The forecast of costs, against sums that can be done by hand."""

import json
import re

import pytest

from elemflow.config.load import load
from elemflow.core.errors import DataError
from elemflow.plan.build import build
from elemflow.plan.forecast import SECONDS_OF_A_JOB, CostedRun, Rate, cost_of, describe, forecast, read_rates
from elemflow.plan.paths import PUBLISHED_MAE
from elemflow.plan.published import read_published

RATES = {"brnet": Rate(1000, 10.0, 0.5), "ridge": Rate(0, 0.0, 2.0), "svr": Rate(0, 0.0, 3.0)}
NETWORK = CostedRun(
    run="r", studies=("a",), dataset="d", parts=("ef",), model="brnet", network=True, fits={}, members=3, materials=1000,
    sizes="printed", rows={"train": 800, "validation": 100, "test": 100}, batch_size=32, epochs=(10, 100),
)  # fmt: skip


def test_a_network_costs_steps_rows_and_validations():
    cost = cost_of(NETWORK, RATES)
    epoch_ms = 25 * 10.0 + 800 * 0.5 + 100 / 3 * 0.5
    start = 2 * SECONDS_OF_A_JOB / 3600
    assert cost.hours == pytest.approx([3 * 10 * epoch_ms / 3.6e6 + start, 3 * 100 * epoch_ms / 3.6e6 + start])
    assert cost.size == pytest.approx(3 * (4 * 1000 + 200 * 30))


def test_an_estimator_costs_its_fits_and_an_unknown_one_the_largest():
    run = NETWORK.but(network=False, fits={"ridge": 5, "new": 2})
    expected = 3 * 800 * (5 * 2.0 + 2 * 3.0) / 3.6e6 + 2 * SECONDS_OF_A_JOB / 3600
    assert cost_of(run, RATES).hours == pytest.approx([expected, expected])


def test_a_shared_run_counts_once_in_all():
    header, *lines = forecast([NETWORK.but(studies=("a", "b")), NETWORK.but(run="s")], RATES)
    assert header[:3] == ["name", "runs", "members"]
    assert [line[:4] for line in lines] == [["a", "2", "6", "2"], ["b", "1", "3", "1"], ["total", "2", "6", "2"]]
    assert {line[header.index("gpu_hours")] for line in lines} == {"not measured on a GPU"}
    assert lines[0][-1] == "0 curated, 1 printed, 0 guessed"


def test_sizes_are_the_papers_until_the_data_are_curated(root, tmp_path):
    settings = load({"studies": ["brnet2023"]}, root)
    plan = build(settings, {})
    found = {run.run: run for run in describe(settings, plan, tmp_path)}
    run = found["kefe/formation_energy/ef/brnet/brnet2023"]
    assert (run.materials, run.sizes, run.members, run.epochs) == (2135, "printed", 3, (101, 3000))
    folder = tmp_path / "datasets/kefe"
    folder.mkdir(parents=True)
    report = {"materials": 2200, "properties": {"formation_energy": {"values": 2100}}}
    (folder / "curation.json").write_text(json.dumps(report))
    found = {run.run: run for run in describe(settings, plan, tmp_path)}
    run = found["kefe/formation_energy/ef/brnet/brnet2023"]
    assert (run.materials, run.sizes) == (2100, "curated")
    assert found["kefe/formation_energy/ef/automl/brnet2023"].fits == {"automl": 60}
    run = found["oqmd/formation_energy/ef/brnet/brnet2023_5x2"]
    shares = [rows / run.materials for rows in run.rows.values()]
    assert shares == pytest.approx([0.45, 0.05, 0.5], abs=1e-4)
    small = load({"studies": ["brnet2023"], "scale": {"max_materials": 500, "max_epochs": 5, "members": 1}}, root)
    run = describe(small, build(small, {}), tmp_path)[0]
    assert (run.materials, run.epochs) == (500, (5, 5))


def test_a_property_with_fewer_values_has_the_size_that_its_cells_print(root, tmp_path):
    settings = load({"studies": ["brnet2023", "huang2020"]}, root)
    plan = build(settings, read_published(root / PUBLISHED_MAE))
    found = {run.run: run for run in describe(settings, plan, tmp_path)}
    sizes = {name: found[f"{name}/brnet2023"].materials for name in (
        "jarvis/formation_energy/ef/brnet", "jarvis/gap_tbmbj/ef/brnet", "aflow/band_gap/ef/brnet",
    )}  # fmt: skip
    assert list(sizes.values()) == [19_994, 5_287, 14_751]
    cut = found["oqmd2/formation_energy/pa/dnn17/huang2020_dnn@train_rows=45895"]
    assert (cut.materials, cut.rows["train"]) == (337_996, 45_895)


def test_rows_epochs_and_batches_are_those_that_train(root, tmp_path):
    settings = load({"studies": ["elemflow"]}, root)
    plan = build(settings, {})
    whole = "jarvis_dft3d_formation_energy/formation_energy/ef+pa/brnet_damped/recommended"
    trained = {}
    for materials in (50_000, 100_000):
        curation = tmp_path / "datasets/jarvis_dft3d_formation_energy/curation.json"
        curation.parent.mkdir(parents=True, exist_ok=True)
        curation.write_text(json.dumps({"materials": materials, "properties": {}}))
        found = {run.run: run for run in describe(settings, plan, tmp_path)}
        for run in (found[whole], found[f"{whole}@train_rows=1000"]):
            trained[run.rows["train"]] = (run.rows["test"], run.epochs, run.batch_size)
    assert trained == {
        40_500: (5_000, (100, 100), 128), 81_000: (10_000, (120, 120), 256), 1000: (10_000, (200, 200), 128),
    }  # fmt: skip
    source = next(run for name, run in found.items() if "/recipe_pretraining.before.kefe" in name)
    assert source.rows == {"train": 95_000, "validation": 0, "test": 5_000}


def test_a_network_that_was_not_timed_goes_by_its_parameters(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("model,parameters,ms_per_step,ms_per_row\na,100,1,0.1\nb,200,,\nridge,,,3\n")
    assert read_rates(path) == {"a": Rate(100, 1, 0.1), "b": Rate(200, 2, 0.2), "ridge": Rate(0, 0, 3)}
    path.write_text("model,parameters\na,100\n")
    with pytest.raises(DataError, match=re.escape("rates.csv: needs the columns")):
        read_rates(path)


def test_every_model_of_the_papers_has_a_rate(root):
    papers = ["brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020"]
    settings = load({"studies": papers}, root)
    rates = read_rates(root / "resources/rates.csv")
    for run in describe(settings, build(settings, {}), root / "no results"):
        needed = [run.model] if run.network else run.fits
        assert not {name for name in needed if name not in rates}
