"""Cross-validation: each fold is the test set once."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    VALIDATION,
    RandomScheme,
    Shares,
    cut,
    describe_members,
    describe_reductions,
    group_numbers,
    hash_order,
    random_folds,
)


class KFold(RandomScheme):
    """Folds of the compositions; each is the test set once per repetition."""

    scheme: Literal["k_fold"] = Field(
        description="Folds of the compositions; each is the test set once per repetition."
    )
    folds: int = Field(ge=2, le=100, description="Folds per repetition.")
    repeats: int = Field(
        1, ge=1, le=100, description="Repetitions with another shuffle (5x2 CV is 5 repeats of 2 folds)."
    )
    validation: float = Field(
        0.1, ge=0, lt=1, description="Share of each training set that becomes the validation set."
    )
    members_per_fold: int = Field(1, ge=1, le=100, description="Ensemble members per fold, which differ by their seed.")

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return self.folds * self.repeats

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a fold."""
        return self.members_per_fold

    @property
    def shares(self) -> Shares:
        """Shares of the three roles."""
        rest = 1 - 1 / self.folds
        return Shares(rest * (1 - self.validation), rest * self.validation, 1 / self.folds)

    @property
    def repeated(self) -> dict[str, int]:
        """Numbers of members and of repetitions."""
        return {"members_per_fold": self.members_per_fold, "repeats": self.repeats}

    def describe(self) -> str:
        """Return the split in words, for captions."""
        often = f"{self.repeats} times " if self.repeats > 1 else ""
        text = f"{often}{self.folds}-fold cross-validation by composition"
        text += f", {100 * self.validation:g} % of each training set for validation" if self.validation else ""
        return text + describe_members(self.members_per_split, "fold") + describe_reductions(self)

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        for repeat in range(self.repeats):
            key = f"{self.seed}/{repeat}"
            folds = random_folds(compositions, self.folds, key)
            yield from rotate_test_fold(compositions, folds, self.folds, self.validation, key)


def rotate_test_fold(
    compositions: Sequence[str], folds: np.ndarray, n_folds: int, validation: float, key: str
) -> Iterator[np.ndarray]:
    """Yield the roles where each fold in turn is the test set.

    Args:
        compositions: Canonical composition of each material.
        folds: Number of its fold from 0, shape (materials,).
        n_folds: Number of folds.
        validation: Share of the other folds that becomes the validation set, by composition.
        key: What the validation sets depend on besides the compositions.
    """
    groups = group_numbers(compositions)
    for fold in range(n_folds):
        roles = np.where(folds == fold, TEST, TRAIN)
        rest = np.flatnonzero(folds != fold)
        order = hash_order([compositions[i] for i in rest.tolist()], f"{key}/{fold}/validation")
        roles[rest[cut(groups[rest], order, (validation, 1 - validation)) == 0]] = VALIDATION
        yield roles
