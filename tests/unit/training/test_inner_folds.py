"""Folds of a training set that select hyperparameters."""

import numpy as np
import pytest

from elemflow.core.errors import TrainingError
from elemflow.training.data import RoleData
from elemflow.training.fitters.common import composition_folds


def _train(*formulas: str) -> RoleData:
    ids = np.array([f"{formula}#{i}" for i, formula in enumerate(formulas)], dtype=object)
    return RoleData(ids, np.zeros((len(ids), 1), np.float32), np.zeros(len(ids)))


def test_folds_keep_compositions_together_and_evaluate_every_row_once() -> None:
    train = _train(*(f"Fe{i // 2}" for i in range(2, 122)))
    evaluated: list[str] = []
    for fitted, others in composition_folds(train, 3, seed=1):
        compositions = [{name.split("#")[0] for name in side.material_id} for side in (fitted, others)]
        assert not compositions[0] & compositions[1]
        evaluated += list(others.material_id)
    assert sorted(evaluated) == sorted(train.material_id)


def test_folds_without_rows_are_dropped() -> None:
    crowded = _train(*["SiO2"] * 90, *(f"Fe{i}O" for i in range(2, 7)))
    assert 1 < len(composition_folds(crowded, 5, seed=1)) < 5
    with pytest.raises(TrainingError, match="no 3 folds can be made of 6 training rows of 1 compositions"):
        composition_folds(_train(*["SiO2"] * 6), 3, seed=1)
