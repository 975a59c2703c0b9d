"""The error measures against scikit-learn, and what happens at their edges."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.core.files import write_json, write_parquet
from elemflow.evaluation import metrics
from elemflow.evaluation.records import Evaluation
from elemflow.reporting.results import read_note, read_score


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_measures_agree_with_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    y_true, y_pred = np.array(pairs).T
    found = metrics.all_errors(y_true, y_pred, np.arange(len(pairs))).plain()
    assert found["n"] == len(pairs)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y_true, y_pred))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(y_true, y_pred))
    assert found["median_ae"] == pytest.approx(reference.median_absolute_error(y_true, y_pred))
    assert found["max_error"] == pytest.approx(reference.max_error(y_true, y_pred))
    if np.ptp(y_true) > 1e-3:
        assert found["r2"] == pytest.approx(reference.r2_score(y_true, y_pred), rel=1e-6)


def test_the_standard_error_is_what_other_samples_of_the_rows_change() -> None:
    generator = np.random.default_rng(0)
    errors = generator.exponential(size=100_000)
    draws = [metrics.mae(np.zeros(400), generator.choice(errors, 400)) for _ in range(2000)]
    one = metrics.mae_standard_error(np.zeros(400), errors[:400], np.arange(400))
    assert one == pytest.approx(np.std(draws), rel=0.15)


@pytest.mark.parametrize("entries", [1, 2, 6])
def test_the_standard_error_is_right_for_several_entries_of_a_composition(entries: int) -> None:
    generator = np.random.default_rng(entries)
    compositions = np.repeat(np.arange(120), entries)
    maes, squares = [], []
    for _ in range(1000):
        difficulty = generator.exponential(size=120)
        errors = difficulty[compositions] * generator.uniform(0.7, 1.3, len(compositions))
        maes.append(errors.mean())
        found = metrics.mae_standard_error(np.zeros(len(errors)), errors, compositions)
        assert found is not None
        squares.append(found**2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(np.std(maes), rel=0.07)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_the_standard_error_of_rows_with_compositions_of_their_own_is_that_of_a_mean(errors: list[float]) -> None:
    found = metrics.mae_standard_error(np.zeros(len(errors)), np.array(errors), np.arange(len(errors)))
    assert found == pytest.approx(np.std(np.abs(errors), ddof=1) / np.sqrt(len(errors)), abs=1e-9)


def test_one_composition_has_no_standard_error() -> None:
    assert metrics.mae_standard_error(np.zeros(3), np.arange(3.0), np.array(["Fe2O3"] * 3)) is None
    assert metrics.mae_standard_error(np.zeros(1), np.ones(1), np.array(["Fe2O3"])) is None


def test_percentiles_and_r2_without_spread() -> None:
    zeros = np.zeros(11)
    assert metrics.percentile_abs_error(zeros, -np.arange(11.0), 90) == 9
    assert metrics.percentile_abs_error(zeros, np.arange(11.0), 50) == 5
    assert metrics.r2(zeros, zeros) is None
    assert metrics.r2(np.ones(1), np.ones(1)) is None


@given(st.floats(-1e6, 1e6), st.integers(1, 12))
def test_equal_targets_have_no_r2_whatever_their_mean_rounds_to(value: float, rows: int) -> None:
    assert metrics.r2(np.full(rows, value), np.full(rows, value) + 0.01) is None
    assert metrics.r2(np.full(3, 0.1), np.full(3, 0.2)) is None


def _predictions(path: Path, errors: dict[tuple[int, str], list[float]]) -> Path:
    rows = [
        {"material_id": f"m{i}", "member": member, "role": role, "y_true": float(i), "y_pred": i + error}
        for (member, role), wanted in errors.items()
        for i, error in enumerate(wanted)
    ]
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_evaluate_clusters_the_entries_of_a_composition(tmp_path: Path) -> None:
    names = ["Fe2O3#1", "Fe2O3#2", "FeO#3"]
    table = pd.DataFrame({"material_id": names, "member": 0, "role": "test", "y_true": 0.0, "y_pred": [1.0, 2.0, 6.0]})
    table.to_parquet(tmp_path / "p.parquet")
    # Sums of |error| - 3: -3 of Fe2O3 and 3 of FeO; sqrt(2/1 * 18) / 3.
    assert metrics.evaluate(tmp_path / "p.parquet").plain()["test"]["mean"]["mae_standard_error"] == pytest.approx(2)


def test_evaluate_means_over_members(tmp_path: Path) -> None:
    found = metrics.evaluate(
        _predictions(tmp_path / "p.parquet", {(0, "test"): [1, 1], (1, "test"): [2, -2], (0, "validation"): [3.0]})
    ).plain()
    assert sorted(found) == ["test", "validation"]
    assert found["test"]["members"]["1"]["mae"] == 2
    assert found["test"]["mean"]["mae"] == 1.5
    assert found["test"]["std"]["mae"] == pytest.approx(np.std([1, 2], ddof=1))
    assert found["test"]["n_members"] == 2
    assert found["validation"]["std"]["mae"] is None
    json.dumps(found, allow_nan=False)


def test_the_member_best_on_test_can_be_reported(tmp_path: Path) -> None:
    errors = {(0, "test"): [2.0, 2], (1, "test"): [1.0, 2], (0, "validation"): [1.0, 1], (1, "validation"): [5.0, 5]}
    found = metrics.evaluate(_predictions(tmp_path / "p.parquet", errors), report="best_on_test").plain()
    assert {role: part["reported_member"] for role, part in found.items()} == {"test": "1", "validation": "1"}
    assert found["test"]["mean"]["mae"] == 1.75
    (tmp_path / "metrics.json").write_text(json.dumps(found))
    score = read_score(tmp_path / "metrics.json", "mae")
    assert score is not None
    assert (score.mean, score.sd, score.per_member) == (1.5, None, (2.0, 1.5))


def test_members_that_predict_one_value_are_named(tmp_path: Path) -> None:
    errors = {(0, "test"): [2.0, 1, 0], (1, "test"): [2.0, 2, 2], (1, "validation"): [1.0, 0]}
    found = metrics.evaluate(_predictions(tmp_path / "p.parquet", errors)).plain()
    assert found["constant_members"] == ["0"]
    (tmp_path / "metrics.json").write_text(json.dumps(found))
    assert read_note(tmp_path / "metrics.json", "mae") == "one value for all test materials in 1 of 2 members"


def test_evaluate_names_the_first_bad_row(tmp_path: Path) -> None:
    path = _predictions(tmp_path / "p.parquet", {(0, "test"): [1, float("nan"), 1]})
    with pytest.raises(DataError, match=r"p\.parquet: .*'m1' of member 0"):
        metrics.evaluate(path)
    pd.read_parquet(path).iloc[:0].to_parquet(path)
    with pytest.raises(DataError, match=r"p\.parquet"):
        metrics.evaluate(path)


def _members(path: Path, predictions: dict[int, dict[str, list[float]]]) -> Path:
    rows = [
        {"material_id": f"{role}{i}", "member": member, "role": role, "y_true": 0.0, "y_pred": value}
        for member, roles in predictions.items()
        for role, values in roles.items()
        for i, value in enumerate(values)
    ]
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_members_of_a_split_become_one_prediction(tmp_path: Path) -> None:
    path = _members(
        tmp_path / "p.parquet",
        {0: {"test": [3, -1]}, 1: {"test": [0, 1]}, 2: {"test": [0, 3]}, 3: {"test": [2]}, 4: {"test": [2]}, 5: {"test": [8]}},
    )  # fmt: skip
    found = metrics.evaluate(path, "ensemble", "mean", 3).plain()
    combined = found["test"]["ensemble"]
    assert [each["mae"] for each in combined["members"].values()] == [1, 4]
    assert (combined["mean"]["mae"], combined["n_members"], found["test"]["n_members"]) == (2.5, 2, 6)
    assert metrics.evaluate(path, "mean", "median", 3).plain()["test"]["ensemble"]["members"]["0"]["mae"] == 0.5
    (tmp_path / "metrics.json").write_text(json.dumps(found))
    score = read_score(tmp_path / "metrics.json", "mae")
    assert score is not None
    assert (score.mean, score.per_member) == (2.5, (1, 4))


def test_uncertainty_follows_from_the_predictions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    members = {member: {role: rng.normal(size=40).tolist() for role in ("test", "validation")} for member in range(4)}
    found = metrics.evaluate(_members(tmp_path / "p.parquet", members), "mean", "mean", 2, uncertainty=True).plain()
    assert found["test"]["uncertainty"]["n"] == 80
    assert "uncertainty" not in found["validation"]
    only_test = {member: {"test": [1.0, 2.0]} for member in range(2)}
    with pytest.raises(DataError, match=r"split 0 .*`uncertainty`"):
        metrics.evaluate(_members(tmp_path / "p.parquet", only_test), "mean", "mean", 2, uncertainty=True)


def test_members_that_predict_the_same_have_no_intervals(tmp_path: Path) -> None:
    one = {role: [1.0, 2.0] for role in ("validation", "test")}
    path = _members(tmp_path / "p.parquet", dict.fromkeys((0, 1), one))
    with pytest.raises(DataError, match=r"p\.parquet: the members of split 0 predict the same values"):
        metrics.evaluate(path, "mean", "mean", 2, uncertainty=True)


def test_a_split_without_all_its_members_is_refused(tmp_path: Path) -> None:
    path = _members(tmp_path / "p.parquet", {0: {"test": [1, 2]}, 1: {"test": [1]}})
    with pytest.raises(DataError, match=r"split 0 has 1 .*'test1'.* not 2"):
        metrics.evaluate(path, ensemble="mean", members_per_split=2)


def test_an_evaluation_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    members = {member: {role: rng.normal(size=40).tolist() for role in ("test", "validation")} for member in range(4)}
    path = _members(tmp_path / "p.parquet", members)
    found = metrics.evaluate(path, "best_on_test", "mean", 2, uncertainty=True)
    write_json(tmp_path / "metrics.json", found.plain())
    assert Evaluation.read(tmp_path / "metrics.json") == found


def test_the_notes_of_predictions_are_kept(tmp_path: Path) -> None:
    rows = pa.table({"material_id": ["FeO"], "member": [0], "role": ["test"], "y_true": [0.0], "y_pred": [1.0]})
    notes = {"chosen": {"0": "ridge"}, "left_out": {"0": {"svr": "too large"}}}
    write_parquet(tmp_path / "p.parquet", rows, notes)
    assert metrics.evaluate(tmp_path / "p.parquet").plain().items() >= notes.items()
    write_parquet(tmp_path / "p.parquet", rows.slice(0, 0), {"not_run": "too large"})
    assert metrics.evaluate(tmp_path / "p.parquet").plain() == {"not_run": "too large"}
