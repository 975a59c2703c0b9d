"""Splits that a column of the source names."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import describe_members
from elemflow.splits.schemes.labels import LabelledScheme, read_labels


class Column(LabelledScheme):
    """Roles or folds from a column of the source."""

    predefined: ClassVar[bool] = True
    scheme: Literal["column"] = Field(description="Roles or folds from a column of the source.")
    column: str = Field(description="Column of the source, one of the dataset's `columns.splits`.")

    @property
    def label_column(self) -> str:
        """The declared column."""
        return self.column

    def describe(self) -> str:
        """Return the split in words, for captions."""
        return f"split of the column {self.column}" + describe_members(self.members_per_split)

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the role or fold that the column names; a missing label is "". See `SplitScheme.labels`."""
        found = ["" if value is None else value for value in values]
        return read_labels(found, material_ids, self.roles, f"{where}: column '{self.column}'")
