"""Extrapolation in time: the latest materials are the test set."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import describe_members, describe_reductions
from elemflow.splits.schemes.labels import column_labels
from elemflow.splits.schemes.ordered import OrderedScheme


class Latest(OrderedScheme):
    """The materials with the highest values of a column, such as a date, are tested, those before them validate."""

    scheme: Literal["latest"] = Field(
        description="The materials with the highest values of a column, such as a date, are the test set, those before "
        "them the validation set."
    )
    column: str = Field(
        description="Column of the source, one of the dataset's `columns.splits`: numbers, or dates such as 2021-03-31."
    )

    @property
    def label_column(self) -> str:
        """The declared column."""
        return self.column

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the values; a material without one is in no set. See `SplitScheme.labels`."""
        return column_labels(values)

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"the {100 * self.test:g} % with the latest {self.column} tested"
        return text + describe_members(self.members_per_split) + describe_reductions(self)

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        if labels is None:
            raise ValueError("a split by a column needs its values")
        yield self.roles_by(compositions, _as_numbers(labels))


def _as_numbers(labels: np.ndarray) -> np.ndarray:
    """Return numbers in the order of the labels: their values if all are numbers, else their places in the alphabet."""
    try:
        return labels.astype(np.float64)
    except ValueError:
        return np.unique(labels.astype(str), return_inverse=True)[1].astype(np.float64)
