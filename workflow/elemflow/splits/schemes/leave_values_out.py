"""Extrapolation to values of a column, such as prototypes or space groups, that no training material has."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import DROPPED, TEST
from elemflow.splits.schemes.labels import column_labels
from elemflow.splits.schemes.whole_groups import GroupScheme, one_group_per_composition

log = logging.getLogger(__name__)


class LeaveValuesOut(GroupScheme):
    """Folds of the values of a column, such as a prototype or a space group."""

    scheme: Literal["leave_values_out"] = Field(
        description="Folds of the values of a column, such as a prototype or a space group."
    )
    column: str = Field(description="Column of the source, one of the dataset's `columns.splits`.")

    @property
    def label_column(self) -> str:
        """The declared column."""
        return self.column

    @property
    def group(self) -> str:
        """What a group is."""
        return self.column

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the values; a material without one is in no set. See `SplitScheme.labels`."""
        return column_labels(values)

    def groups(self, compositions: Sequence[str], labels: np.ndarray | None) -> list[str]:
        """Return the value of each material, one for all materials of a composition."""
        if labels is None:
            raise ValueError("a split by a column needs its values")
        return one_group_per_composition(compositions, labels.tolist())

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`.

        A composition is in the fold of one of its values. Its materials with a value of another fold are no test
        materials, and materials of other compositions with a value that the fold tests train and validate nothing.
        """
        values = np.empty(0) if labels is None else labels
        groups = np.array(self.groups(compositions, labels))
        for fold, roles in enumerate(super().splits(compositions, labels)):
            tested = roles == TEST
            dropped = tested != np.isin(values, groups[tested])
            if dropped.any():
                log.warning(
                    "%s: fold %d: %s of %s test materials are in no set, since their own value is one of another fold, "
                    "and %s of %s others, since a test material has the same value: materials of one composition have "
                    "several values and stay together.",
                    *(self.column, fold, f"{(dropped & tested).sum():,}", f"{tested.sum():,}"),
                    *(f"{(dropped & ~tested).sum():,}", f"{(~tested).sum():,}"),
                )
            yield np.where(dropped, DROPPED, roles)
