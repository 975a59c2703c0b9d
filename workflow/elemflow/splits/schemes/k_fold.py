"""Cross-validation: each fold is the test set once."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    VALIDATION,
    RandomScheme,
    TestedFolds,
    cut,
    describe_members,
    describe_reductions,
    group_numbers,
    hash_order,
    random_folds,
)


class KFold(TestedFolds, RandomScheme):
    """Folds of the compositions; each is the test set once per repetition."""

    holds_out: ClassVar[bool] = True
    scheme: Literal["k_fold"] = Field(
        description="Folds of the compositions; each is the test set once per repetition."
    )
    folds: int = Field(ge=2, le=100, description="Folds per repetition.")
    repeats: int = Field(
        1, ge=1, le=100, description="Repetitions with another shuffle (5x2 CV is 5 repeats of 2 folds)."
    )

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return self.folds * self.repeats

    @property
    def repeated(self) -> dict[str, int]:
        """Numbers of members and of repetitions."""
        return super().repeated | {"repeats": self.repeats}

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
