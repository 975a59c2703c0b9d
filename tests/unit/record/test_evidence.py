"""The record of runs at full scale, and the check of its evidence."""

import json
from pathlib import Path

import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import write_json
from elemflow.core.run import Run
from elemflow.record.evidence import EVIDENCE, FOLDER, add, check, recorded_runs

RUN = Run("d", "gap", "ef", "m", "p")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results/runs" / RUN.path
    folder.mkdir(parents=True)
    rows = {"material_id": ["b", "a", "c"], "member": [0, 0, 0], "role": ["test", "test", "validation"]}
    pd.DataFrame(rows | {"y_true": [1.0, 2.0, 3.0], "y_pred": [1.5, 2.1, 9.0]}).to_parquet(
        folder / "predictions.parquet"
    )
    write_json(folder / "metrics.json", {"test": {"members": {"0": {"mae": 0.3}}}})
    write_json(folder / "run_info.json", {"commit": "abc"})
    write_json(tmp_path / "results/datasets/d/curation.json", {"materials": 3})
    return tmp_path / "results"


def test_a_recorded_run_keeps_its_test_set(results: Path, tmp_path: Path) -> None:
    folder = add(results, RUN, tmp_path / "record")
    assert pd.read_parquet(folder / "predictions.parquet")["material_id"].tolist() == ["a", "b"]
    assert recorded_runs(tmp_path / "record") == {RUN.path: folder}


def test_other_predictions_are_found(results: Path, tmp_path: Path) -> None:
    folder = add(results, RUN, tmp_path / "record")
    rows = pd.read_parquet(folder / "predictions.parquet")
    rows.assign(y_pred=rows["y_pred"] + 0.1).to_parquet(folder / "predictions.parquet")
    with pytest.raises(DataError, match=r"predictions of member 0 have the mean absolute error"):
        check(folder)


@pytest.mark.parametrize("name", EVIDENCE)
def test_missing_evidence_is_named(results: Path, tmp_path: Path, name: str) -> None:
    folder = add(results, RUN, tmp_path / "record")
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
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
