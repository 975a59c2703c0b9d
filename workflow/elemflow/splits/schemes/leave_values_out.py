"""Extrapolation to values of a column, such as prototypes or space groups, that no training material has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.labels import column_labels
from elemflow.splits.schemes.whole_groups import GroupScheme, one_group_per_composition


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
