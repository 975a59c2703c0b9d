"""Differences of two runs on the test materials that they share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import write_json
from elemflow.evaluation.hypothesis_tests import corrected_resampled_interval
from elemflow.reporting.paired import MATERIALS, SPLITS, PairedErrors

MATERIALS_OF = [f"Fe{n}O" for n in range(1, 101)]


def write(folder: Path, errors: np.ndarray, materials: list[str] = MATERIALS_OF, members: int = 1) -> Path:
    folder.mkdir()
    rows = [
        {"material_id": material, "member": member, "role": "test", "y_true": 0.0, "y_pred": error}
        for member in range(members)
        for material, error in zip(materials, errors, strict=True)
    ]
    pd.DataFrame(rows).to_parquet(folder / "predictions.parquet")
    return folder


@pytest.fixture
def errors() -> np.ndarray:
    return np.random.default_rng(0).gamma(2.0, 0.1, len(MATERIALS_OF))


def test_the_interval_is_that_of_the_paired_differences(tmp_path, errors):
    noise = np.random.default_rng(1).normal(0.01, 0.02, len(errors))
    runs = {"a": write(tmp_path / "a", errors + noise), "b": write(tmp_path / "b", errors)}
    low, high, over = ends(PairedErrors(runs).interval("a", "b", 1.0))
    assert over == MATERIALS
    difference = np.abs(errors + noise) - errors
    half = 1.6448536 * np.std(difference, ddof=1) / np.sqrt(len(errors))
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half))


def test_the_factor_multiplies_the_other_error(tmp_path, errors):
    runs = {"a": write(tmp_path / "a", errors), "b": write(tmp_path / "b", 2 * errors)}
    paired = PairedErrors(runs)
    assert ends(paired.interval("a", "b", 0.5))[:2] == pytest.approx((0.0, 0.0), abs=1e-12)
    assert paired.interval("a", "b", 1.0).high < 0


def test_members_of_a_material_count_as_their_mean(tmp_path, errors):
    runs = {"a": write(tmp_path / "a", errors, members=3), "b": write(tmp_path / "b", errors)}
    assert ends(PairedErrors(runs).interval("a", "b", 1.0))[:2] == pytest.approx((0.0, 0.0), abs=1e-12)


def test_runs_on_other_test_materials_are_not_compared(tmp_path, errors):
    others = [f"Mn{n}O" for n in range(1, 101)]
    runs = {"a": write(tmp_path / "a", errors), "b": write(tmp_path / "b", errors, others)}
    assert PairedErrors(runs).interval("a", "b", 1.0) is None
    assert PairedErrors(runs).interval("a", "without predictions", 1.0) is None


def test_the_record_has_no_roles(tmp_path, errors):
    folder = write(tmp_path / "a", errors)
    rows = pd.read_parquet(folder / "predictions.parquet").drop(columns="role")
    rows.to_parquet(folder / "predictions.parquet")
    assert ends(PairedErrors({"a": folder}).interval("a", "a", 1.0))[:2] == pytest.approx((0.0, 0.0), abs=1e-12)


def write_splits(folder: Path, errors: list[float], parts: list[list[str]], noise: float = 0.0) -> Path:
    """Write a run with a test set of its own for each member; each has 81 rows of training and 9 of validation."""
    folder.mkdir()
    drawn = np.random.default_rng(3).normal(0, noise, [len(parts), len(parts[0])])
    rows = [
        {"material_id": material, "member": member, "role": "test", "y_true": 0.0, "y_pred": error + more}
        for member, (error, part) in enumerate(zip(errors, parts, strict=True))
        for material, more in zip(part, drawn[member], strict=True)
    ]
    pd.DataFrame(rows).to_parquet(folder / "predictions.parquet")
    members = {str(each): {"rows": {"train": 81, "validation": 9, "test": 10}} for each in range(len(parts))}
    write_json(folder / "run_info.json", {"members": members})
    return folder


def ends(interval) -> tuple[float, float, str]:
    return interval.low, interval.high, interval.over


PARTS = [MATERIALS_OF[start : start + 10] for start in (0, 10, 20)]


def test_the_interval_over_splits_counts_where_it_is_wider(tmp_path):
    """Differences of three splits whose mean is clear over materials and not over splits."""
    differences = [0.012, -0.087, -0.025]
    ours = write_splits(tmp_path / "a", [0.5 + each for each in differences], PARTS)
    theirs = write_splits(tmp_path / "b", [0.5] * 3, PARTS)
    low, high, over = ends(PairedErrors({"a": ours, "b": theirs}).interval("a", "b", 1.0))
    assert over == SPLITS
    assert (low, high) == pytest.approx(corrected_resampled_interval(differences, 10 / 90, 0.9))
    assert low < 0 < high
    one_split = write_splits(tmp_path / "c", [0.5 + differences[1]], PARTS[1:2])
    other = write_splits(tmp_path / "d", [0.5], PARTS[1:2])
    assert PairedErrors({"c": one_split, "d": other}).interval("c", "d", 1.0).over == MATERIALS


def test_the_interval_over_materials_counts_where_it_is_wider(tmp_path):
    runs = {
        "a": write_splits(tmp_path / "a", [0.5] * 3, PARTS, noise=0.3),
        "b": write_splits(tmp_path / "b", [0.5] * 3, PARTS),
    }
    points = pd.read_parquet(runs["a"] / "predictions.parquet")
    centred = points["y_pred"] - points.groupby("member")["y_pred"].transform("mean") + 0.5
    points.assign(y_pred=centred).to_parquet(runs["a"] / "predictions.parquet")
    assert PairedErrors(runs).interval("a", "b", 1.0).over == MATERIALS


def test_runs_of_other_splits_have_no_interval_over_splits(tmp_path):
    """The same materials in all, divided in another way."""
    ours = write_splits(tmp_path / "a", [0.4, 0.5, 0.6], PARTS)
    mixed = [[*PARTS[0][:5], *PARTS[1][5:]], [*PARTS[1][:5], *PARTS[2][5:]], [*PARTS[2][:5], *PARTS[0][5:]]]
    theirs = write_splits(tmp_path / "b", [0.5] * 3, mixed)
    assert PairedErrors({"a": ours, "b": theirs}).interval("a", "b", 1.0).over == MATERIALS


def test_members_that_share_a_test_set_are_one_split(tmp_path):
    ours = write_splits(tmp_path / "a", [0.1, 0.5, 0.9], [PARTS[0]] * 3)
    theirs = write_splits(tmp_path / "b", [0.5] * 3, [PARTS[0]] * 3)
    assert PairedErrors({"a": ours, "b": theirs}).interval("a", "b", 1.0).over == MATERIALS


def test_several_splits_need_their_sizes(tmp_path):
    runs = {name: write_splits(tmp_path / name, [0.4, 0.5, 0.6], PARTS) for name in ("a", "b")}
    (runs["b"] / "run_info.json").unlink()
    with pytest.raises(DataError, match=r"run_info.json is missing"):
        PairedErrors(runs).interval("a", "b", 1.0)


def test_runs_with_different_numbers_of_splits_are_compared_on_those_that_both_have(tmp_path):
    runs = {
        "three": write_splits(tmp_path / "three", [0.5, 0.9, 0.9], PARTS, noise=0.01),
        "two": write_splits(tmp_path / "two", [0.4, 0.4], PARTS[:2]),
        "one": write_splits(tmp_path / "one", [0.4], PARTS[:1]),
        "last": write_splits(tmp_path / "last", [0.4], PARTS[2:]),
    }
    paired = PairedErrors(runs)
    found = ends(paired.interval("three", "one", 1.0))
    assert found[2] == MATERIALS
    drawn = np.random.default_rng(3).normal(0, 0.01, [3, 10])[0]
    assert sum(found[:2]) / 2 == pytest.approx(0.1 + drawn.mean())
    low, high, over = ends(paired.interval("two", "three", 1.0))
    assert over == SPLITS
    assert (low + high) / 2 == pytest.approx(-0.3, abs=0.01)
    assert paired.interval("three", "last", 1.0) is None
