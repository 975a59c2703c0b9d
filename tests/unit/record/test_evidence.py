"""The record of runs at full scale, and the check of its evidence."""

import json
from pathlib import Path

import pandas as pd
import pytest
from factories.record import RAW, RUN, write_manifest

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.evaluation.metrics import evaluate
from elemflow.record.evidence import FOLDER, add, check, recorded_runs

NAMES = ("curation.json", "metrics.json", "predictions.parquet", "run_info.json")


@pytest.fixture
def folder(results: Path, project: Path) -> Path:
    return add(results, RUN, project / "resources/record")


def edit(path: Path, *keys: str, value: object) -> None:
    """Set a value of a JSON file."""
    content = read_json(path)
    part = content
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    write_json(path, content)


def test_a_recorded_run_keeps_its_test_set_and_the_hashes_of_its_raw_files(folder: Path, project: Path) -> None:
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert "role" not in predictions
    assert len(predictions) == 3 * 40
    assert recorded_runs(project / "resources/record") == {RUN.path: folder}
    assert read_json(folder / "raw_files.json")["kefe"]["files"] == [RAW]
    check(folder, "mean")


def test_a_run_whose_materials_were_made_anew_is_recorded_without_raw_files(results: Path, project: Path) -> None:
    write_manifest(project, "0" * 64)
    assert sorted(path.name for path in add(results, RUN, project / "record").iterdir()) == list(NAMES)


def test_a_run_that_contradicts_itself_leaves_nothing_behind(results: Path, project: Path) -> None:
    edit(results / "runs" / RUN.path / "metrics.json", "test", "mean", "mae", value=0.09)
    with pytest.raises(DataError, match=rf"results/runs/{RUN.path}/metrics.json: test.mean.mae is 0.09.*again"):
        add(results, RUN, project / "record")
    assert not list((project / "record").iterdir())


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("mean", "mae"), 0.09),
        (("std", "mae"), 0.001),
        (("mean", "mae_standard_error"), 0.001),
        (("members", "1", "mae_standard_error"), 0.001),
        (("members", "2", "n"), 41),
        (("n_members",), 2),
    ],
)
def test_an_edited_number_is_named_with_both_values(folder: Path, keys: tuple[str, ...], value: float) -> None:
    stored = read_json(folder / "metrics.json")["test"]
    for key in keys:
        stored = stored[key]
    edit(folder / "metrics.json", "test", *keys, value=value)
    given = f"{stored:.9g}"[:4]
    with pytest.raises(DataError, match=rf"/metrics.json: test.{'.'.join(keys)} is {value}, \S+ gives {given}"):
        check(folder)


def test_other_predictions_are_found(folder: Path) -> None:
    rows = pd.read_parquet(folder / "predictions.parquet")
    rows.assign(y_pred=rows["y_pred"] + 0.1).to_parquet(folder / "predictions.parquet")
    with pytest.raises(DataError, match=r"test\.mean\.mae is .* predictions.parquet gives"):
        check(folder)


def test_doubled_rows_are_found(folder: Path) -> None:
    rows = pd.read_parquet(folder / "predictions.parquet")
    pd.concat([rows, rows]).to_parquet(folder / "predictions.parquet")
    with pytest.raises(DataError, match=r"predictions.parquet: 120 rows repeat another, first material 'Fe.*O'"):
        check(folder)


@pytest.mark.parametrize(("kept", "member", "count"), [(119, 2, 39), (80, 2, 0)])
def test_fewer_rows_than_the_training_had_are_found(folder: Path, kept: int, member: int, count: int) -> None:
    pd.read_parquet(folder / "predictions.parquet").head(kept).to_parquet(folder / "predictions.parquet")
    write_json(folder / "metrics.json", evaluate_record(folder))
    with pytest.raises(DataError, match=rf"has {count} rows of member {member}, members\.2\.rows\.test of .* is 40"):
        check(folder)


def evaluate_record(folder: Path) -> dict:
    """Return the metrics of the shipped predictions, as if they were all."""
    with_role = folder.parent / "with_role.parquet"
    pd.read_parquet(folder / "predictions.parquet").assign(role="test").to_parquet(with_role)
    return evaluate(with_role).plain()


def test_ensembles_and_the_best_member_are_computed_again(folder: Path) -> None:
    with_role = folder.parent / "with_role.parquet"
    pd.read_parquet(folder / "predictions.parquet").assign(role="test").to_parquet(with_role)
    write_json(folder / "metrics.json", evaluate(with_role, "ensemble", "mean", 3).plain())
    check(folder, "ensemble")
    with pytest.raises(DataError, match=r"test.reported is ensemble, predictions.parquet gives missing"):
        check(folder, "mean")
    edit(folder / "metrics.json", "test", "ensemble", "mean", "mae", value=0.01)
    with pytest.raises(DataError, match=r"test.ensemble.mean.mae is 0.01"):
        check(folder, "ensemble")
    write_json(folder / "metrics.json", evaluate(with_role, "best_on_test").plain())
    check(folder, "best_on_test")
    edit(folder / "metrics.json", "test", "reported_member", value="2")
    with pytest.raises(DataError, match=r"test.reported_member is 2"):
        check(folder)


@pytest.mark.parametrize("name", NAMES)
def test_missing_evidence_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} missing"):
        check(folder)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_evidence_is_named_and_to_be_restored(folder: Path, name: str) -> None:
    (folder / name).write_text("{")
    with pytest.raises(DataError, match=rf"^resources/record/\S+/{name} is damaged.*Restore it.*git checkout -- "):
        check(folder)


def test_raw_files_of_other_materials_are_found(folder: Path) -> None:
    edit(folder / "raw_files.json", "kefe", "files", value=[{"file": "a.csv"}])
    with pytest.raises(DataError, match=r"raw_files.json: kefe.files lacks file, bytes, sha256"):
        check(folder)
    edit(folder / "raw_files.json", "kefe", "materials_sha256", value="00")
    with pytest.raises(DataError, match=r"raw_files.json: kefe.materials_sha256 is 00, run_info.json has fedcba98"):
        check(folder)
    write_json(folder / "raw_files.json", {"kebg": {}})
    with pytest.raises(DataError, match=r"kefe.materials_sha256 is missing"):
        check(folder)


@pytest.mark.parametrize("values", [2136, 2134])
def test_another_number_of_materials_is_found(folder: Path, values: int) -> None:
    """By it a set counts as that of the paper, or not."""
    edit(folder / "curation.json", "properties", "formation_energy", "values", value=values)
    with pytest.raises(
        DataError, match=rf"formation_energy.values is {values}, member 0 of run_info.json has 2135 row"
    ):
        check(folder)


def test_metrics_without_a_part_name_it(folder: Path) -> None:
    metrics = read_json(folder / "metrics.json")
    del metrics["test"]["mean"]["mae"]
    write_json(folder / "metrics.json", metrics)
    with pytest.raises(DataError, match=r"metrics.json is damaged: test.mean.mae +Field required"):
        check(folder)
    write_json(folder / "metrics.json", {"not_run": "too large"})
    with pytest.raises(DataError, match=r"has no errors on a test set"):
        check(folder)


def test_predictions_without_a_column_are_named(folder: Path) -> None:
    pd.read_parquet(folder / "predictions.parquet").drop(columns="y_true").to_parquet(folder / "predictions.parquet")
    with pytest.raises(DataError, match=r"predictions.parquet lacks a column .*y_true"):
        check(folder)


def test_an_unfinished_run_is_not_recorded(results: Path, tmp_path: Path) -> None:
    (results / "runs" / RUN.path / "metrics.json").unlink()
    with pytest.raises(DataError, match="the run is not finished"):
        add(results, RUN, tmp_path / "record")


@pytest.mark.parametrize("run", recorded_runs())
def test_recorded_errors_follow_from_the_shipped_predictions(run: str) -> None:
    folder = FOLDER / run
    check(folder)
    assert len(json.loads((folder / "run_info.json").read_text())["commit"]) == 40
