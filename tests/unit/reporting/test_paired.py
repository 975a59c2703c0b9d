"""Differences of two runs on the test materials that they share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elemflow.reporting.paired import PairedErrors

MATERIALS = [f"Fe{n}O" for n in range(1, 101)]


def write(folder: Path, errors: np.ndarray, materials: list[str] = MATERIALS, members: int = 1) -> Path:
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
    return np.random.default_rng(0).gamma(2.0, 0.1, len(MATERIALS))


def test_the_interval_is_that_of_the_paired_differences(tmp_path, errors):
    noise = np.random.default_rng(1).normal(0.01, 0.02, len(errors))
    runs = {"a": write(tmp_path / "a", errors + noise), "b": write(tmp_path / "b", errors)}
    low, high = PairedErrors(runs).interval("a", "b", 1.0)
    difference = np.abs(errors + noise) - errors
    half = 1.6448536 * np.std(difference, ddof=1) / np.sqrt(len(errors))
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half))


def test_the_factor_multiplies_the_other_error(tmp_path, errors):
    runs = {"a": write(tmp_path / "a", errors), "b": write(tmp_path / "b", 2 * errors)}
    paired = PairedErrors(runs)
    assert paired.interval("a", "b", 0.5) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert max(paired.interval("a", "b", 1.0)) < 0


def test_members_of_a_material_count_as_their_mean(tmp_path, errors):
    runs = {"a": write(tmp_path / "a", errors, members=3), "b": write(tmp_path / "b", errors)}
    assert PairedErrors(runs).interval("a", "b", 1.0) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_runs_on_other_test_materials_are_not_compared(tmp_path, errors):
    others = [f"Mn{n}O" for n in range(1, 101)]
    runs = {"a": write(tmp_path / "a", errors), "b": write(tmp_path / "b", errors, others)}
    assert PairedErrors(runs).interval("a", "b", 1.0) is None
    assert PairedErrors(runs).interval("a", "without predictions", 1.0) is None


def test_the_record_has_no_roles(tmp_path, errors):
    folder = write(tmp_path / "a", errors)
    rows = pd.read_parquet(folder / "predictions.parquet").drop(columns="role")
    rows.to_parquet(folder / "predictions.parquet")
    assert PairedErrors({"a": folder}).interval("a", "a", 1.0) == pytest.approx((0.0, 0.0), abs=1e-12)
