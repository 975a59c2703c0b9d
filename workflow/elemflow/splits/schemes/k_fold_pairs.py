"""Every pair of folds left out together, for models that learn from predictions of other models."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.core.roles import Role
from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    RandomScheme,
    Shares,
    describe_reductions,
    explain_empty_fold,
    random_folds,
)


class KFoldPairs(RandomScheme):
    """Every pair of the folds of `k_fold` with the same seed is the test set once.

    A model that was trained without the folds i and j predicts fold j for a second model that is evaluated on fold i:
    what the second model learns from then knows nothing of its test fold, at the price of one training per pair.
    """

    scheme: Literal["k_fold_pairs"] = Field(
        description="Every pair of the folds of `k_fold` with the same seed is the test set once, as nested "
        "cross-validation needs it."
    )
    folds: int = Field(ge=3, le=20, description="Folds of the compositions.")

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The two folds that each member leaves out."""
        return tuple(combinations(range(self.folds), 2))

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return len(self.pairs)

    @property
    def shares(self) -> Shares:
        """Shares of the three roles."""
        return Shares(1 - 2 / self.folds, 0.0, 2 / self.folds)

    def describe(self) -> str:
        """Return the split in words, for captions."""
        return f"every pair of {self.folds} folds by composition tested" + describe_reductions(self)

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the number of compositions; see `SplitScheme.explain_empty`."""
        return explain_empty_fold(compositions, self.folds, "compositions")

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        folds = random_folds(compositions, self.folds, f"{self.seed}/0")
        for pair in self.pairs:
            yield np.where(np.isin(folds, pair), TEST, TRAIN)
