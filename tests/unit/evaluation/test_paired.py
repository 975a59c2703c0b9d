"""Two runs on their common test materials, against a computation by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import write_json
from elemflow.evaluation.metrics import evaluate
from elemflow.evaluation.paired import compare_runs

IDS = ["NaCl", "NaCl#2", "GaAs", "Fe2O3", "SiC"]
TRUE = np.array([-2.0, -1.8, -0.4, -1.7, -0.3])


def _write(
    folder: Path, predicted: list[np.ndarray], ids: list[str] = IDS, true: np.ndarray = TRUE, **keys: object
) -> Path:
    """Write predictions of some members for test materials, and their evaluation."""
    rows = [
        pd.DataFrame({"material_id": ids, "member": m, "role": role, "y_true": true, "y_pred": y})
        for m, y in enumerate(predicted)
        for role in ("test", "validation")
    ]
    folder.mkdir(parents=True)
    pd.concat(rows).to_parquet(folder / "predictions.parquet")
    write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet", **keys).plain())
    return folder


def test_errors_and_paired_difference_by_hand(tmp_path: Path) -> None:
    errors_a, errors_b = np.array([0.1, 0.3, 0.2, 0.1, 0.0]), np.array([0.2, 0.1, 0.5, 0.1, 0.4])
    a = _write(tmp_path / "a", [TRUE + errors_a])
    b = _write(tmp_path / "b", [TRUE - errors_b])
    found = compare_runs(a, b)
    difference = errors_a - errors_b
    assert (found.materials, found.compositions) == (5, 4)
    assert found.a.mae == pytest.approx(errors_a.mean())
    assert found.b.rmse == pytest.approx(np.sqrt((errors_b**2).mean()))
    assert found.difference == pytest.approx(difference.mean())
    residual = difference - difference.mean()
    clusters = [residual[0] + residual[1], *residual[2:]]
    assert found.standard_error == pytest.approx(np.sqrt(4 / 3 * np.sum(np.square(clusters))) / 5)
    assert found.low <= found.difference <= found.high
    assert (found.a_closer, found.b_closer) == (3, 1)
    assert found.largest["material_id"].tolist()[:2] == ["SiC", "GaAs"]
    turned = compare_runs(b, a)
    assert turned.difference == pytest.approx(-found.difference)
    assert turned.standard_error == pytest.approx(found.standard_error)


def test_an_ensemble_counts_with_its_prediction_and_other_runs_with_their_members(tmp_path: Path) -> None:
    members = [TRUE + 0.4, TRUE - 0.4]
    ensemble = _write(tmp_path / "a", members, report="ensemble", ensemble="mean", members_per_split=2)
    single = _write(tmp_path / "b", members)
    found = compare_runs(ensemble, single)
    assert found.a.mae == pytest.approx(0, abs=1e-12)
    assert found.b.mae == pytest.approx(0.4)


def test_only_common_materials_count(tmp_path: Path) -> None:
    a = _write(tmp_path / "a", [TRUE + 0.1])
    b = _write(tmp_path / "b", [TRUE[2:] + 0.3], IDS[2:], TRUE[2:])
    found = compare_runs(a, b)
    assert (found.materials, found.a.materials, found.b.materials) == (3, 5, 3)
    assert found.difference == pytest.approx(-0.2)


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    a = _write(tmp_path / "a", [TRUE])
    other = _write(tmp_path / "b", [np.array([1.0])], ["KCl"], np.array([1.0]))
    values = _write(tmp_path / "c", [TRUE + 1], true=TRUE + 1)
    for run, message in (
        (other, "no test material in common"),
        (values, "'Fe2O3': -1.7 and -0.7"),
        (tmp_path, "metrics"),
    ):
        with pytest.raises(DataError, match=message):
            compare_runs(a, run)


def test_one_composition_has_no_standard_error(tmp_path: Path) -> None:
    a = _write(tmp_path / "a", [TRUE[:2]], IDS[:2], TRUE[:2])
    b = _write(tmp_path / "b", [TRUE[:2] + 0.1], IDS[:2], TRUE[:2])
    assert compare_runs(a, b).standard_error is None
