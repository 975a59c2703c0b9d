"""Cross-validation: each fold is the test set once."""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    VALIDATION,
    HoldOut,
    Shares,
    SplitScheme,
    cut,
    group_numbers,
    hash_order,
)


class KFold(SplitScheme):
    """Folds of the compositions; each is the test set once per repetition."""

    scheme: Literal["k_fold"]
    folds: int = Field(ge=2, le=100, description="Folds per repetition.")
    repeats: int = Field(
        1, ge=1, le=100, description="Repetitions with another shuffle (5x2 CV is 5 repeats of 2 folds)."
    )
    validation: float = Field(
        0.1, ge=0, lt=1, description="Share of each training set that becomes the validation set."
    )
    members_per_fold: int = Field(1, ge=1, le=100, description="Ensemble members per fold, which differ by their seed.")
    seed: int = Field(ge=0, description="Seed of the split.")
    max_materials: int | None = None
    train_rows: int | None = None
    hold_out: HoldOut | None = None

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

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        groups = group_numbers(compositions)
        for repeat in range(self.repeats):
            order = hash_order(compositions, f"{self.seed}/{repeat}")
            folds = cut(groups, order, [1 / self.folds] * self.folds)
            yield from rotate_test_fold(compositions, groups, folds, self, repeat)


class FoldScheme(Protocol):
    """What `rotate_test_fold` reads of a scheme."""

    @property
    def folds(self) -> int: ...  # noqa: D102
    @property
    def validation(self) -> float: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


def rotate_test_fold(
    compositions: Sequence[str], groups: np.ndarray, folds: np.ndarray, scheme: "FoldScheme", repeat: int
) -> Iterator[np.ndarray]:
    """Yield the roles where each fold in turn is the test set.

    Args:
        compositions: Canonical composition of each material.
        groups: Number of its composition, shape (materials,).
        folds: Number of its fold, shape (materials,).
        scheme: Declares the folds, the validation share and the seed.
        repeat: Number of the repetition.
    """
    for fold in range(scheme.folds):
        roles = np.where(folds == fold, TEST, TRAIN)
        rest = np.flatnonzero(folds != fold)
        inner = hash_order([compositions[i] for i in rest.tolist()], f"{scheme.seed}/{repeat}/{fold}/validation")
        roles[rest[cut(groups[rest], inner, (scheme.validation, 1 - scheme.validation)) == 0]] = VALIDATION
        yield roles
