"""The error measures against scikit-learn, and what happens at their edges."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow import metrics
from elemflow.errors import DataError
from elemflow.reporting.results import read_score


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_measures_agree_with_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    y_true, y_pred = np.array(pairs).T
    found = metrics.all_errors(y_true, y_pred)
    assert found["n"] == len(pairs)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y_true, y_pred))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(y_true, y_pred))
    assert found["median_ae"] == pytest.approx(reference.median_absolute_error(y_true, y_pred))
    assert found["max_error"] == pytest.approx(reference.max_error(y_true, y_pred))
    if np.ptp(y_true) > 1e-3:
        assert found["r2"] == pytest.approx(reference.r2_score(y_true, y_pred), rel=1e-6)


def test_percentiles_and_r2_without_spread() -> None:
    zeros = np.zeros(11)
    assert metrics.percentile_abs_error(zeros, -np.arange(11.0), 90) == 9
    assert metrics.percentile_abs_error(zeros, np.arange(11.0), 50) == 5
    assert metrics.r2(zeros, zeros) is None
    assert metrics.r2(np.ones(1), np.ones(1)) is None


def _predictions(path: Path, errors: dict[tuple[int, str], list[float]]) -> Path:
    rows = [
        {"material_id": f"m{i}", "member": member, "role": role, "y_true": float(i), "y_pred": i + error}
        for (member, role), wanted in errors.items()
        for i, error in enumerate(wanted)
    ]
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_evaluate_means_over_members(tmp_path: Path) -> None:
    found = metrics.evaluate(
        _predictions(tmp_path / "p.parquet", {(0, "test"): [1, 1], (1, "test"): [2, -2], (0, "validation"): [3.0]})
    )
    assert sorted(found) == ["test", "validation"]
    assert found["test"]["members"]["1"]["mae"] == 2
    assert found["test"]["mean"]["mae"] == 1.5
    assert found["test"]["std"]["mae"] == pytest.approx(np.std([1, 2], ddof=1))
    assert found["test"]["n_members"] == 2
    assert found["validation"]["std"]["mae"] is None
    json.dumps(found, allow_nan=False)


def test_the_member_best_on_test_can_be_reported(tmp_path: Path) -> None:
    errors = {(0, "test"): [2.0, 2], (1, "test"): [1.0, 2], (0, "validation"): [1.0, 1], (1, "validation"): [5.0, 5]}
    found = metrics.evaluate(_predictions(tmp_path / "p.parquet", errors), report="best_on_test")
    assert {role: part["reported_member"] for role, part in found.items()} == {"test": "1", "validation": "1"}
    assert found["test"]["mean"]["mae"] == 1.75
    (tmp_path / "metrics.json").write_text(json.dumps(found))
    score = read_score(tmp_path / "metrics.json", "mae")
    assert score is not None
    assert (score.mean, score.sd, score.per_member) == (1.5, None, (2.0, 1.5))


def test_evaluate_names_the_first_bad_row(tmp_path: Path) -> None:
    path = _predictions(tmp_path / "p.parquet", {(0, "test"): [1, float("nan"), 1]})
    with pytest.raises(DataError, match="first material 'm1' of member 0"):
        metrics.evaluate(path)
    pd.read_parquet(path).iloc[:0].to_parquet(path)
    with pytest.raises(DataError, match="no predictions"):
        metrics.evaluate(path)
