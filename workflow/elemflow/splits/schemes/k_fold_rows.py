"""Folds over the rows of the source, as Matbench makes them."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import Shares, SplitScheme, group_numbers
from elemflow.splits.schemes.k_fold import rotate_test_fold


class KFoldRows(SplitScheme):
    """Folds over rows as scikit-learn's shuffled KFold makes them; not grouped by composition."""

    grouped: ClassVar[bool] = False
    scheme: Literal["k_fold_rows"]
    folds: int = Field(ge=2, le=100, description="Number of folds.")
    rows: int = Field(ge=2, description="Rows of the source, all of which must be materials (`keep: all`).")
    validation: float = Field(
        0.0, ge=0, lt=1, description="Share of each training set that becomes the validation set, by composition."
    )
    members_per_fold: int = Field(1, ge=1, le=100, description="Ensemble members per fold, which differ by their seed.")
    train_rows: int | None = None
    seed: int = Field(ge=0, description="Seed of the shuffling.")

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return self.folds

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
        """Yield the roles under each split, from the number of the fold of each material; see `SplitScheme.splits`."""
        if labels is None:
            raise ValueError("k_fold_rows needs the fold of each material")
        yield from rotate_test_fold(compositions, group_numbers(compositions), labels, self, 0)
