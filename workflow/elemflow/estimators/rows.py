"""What estimators read of a training or validation set."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np


class Rows(Protocol):
    """Rows of one role: a training or a validation set."""

    @property
    def x(self) -> np.ndarray:
        """Features, float32, shape (rows, features)."""

    @property
    def y(self) -> np.ndarray:
        """Targets, float64, shape (rows,)."""

    def __len__(self) -> int:
        """Return the number of rows."""


class Folds(Protocol):
    """Inner folds of a training set, made one after the other so that one copy of the rows is in memory."""

    def __iter__(self) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows to fit and the rows to evaluate of each fold."""

    def __len__(self) -> int:
        """Return the number of folds."""
