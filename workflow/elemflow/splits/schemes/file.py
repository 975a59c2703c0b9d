"""Splits that a list of entries names."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import SplitScheme, labelled_splits


class File(SplitScheme):
    """Roles or folds from a list of entries."""

    predefined: ClassVar[bool] = True
    scheme: Literal["file"]
    path: str = Field(
        description="JSON with lists of entry ids (or mappings whose keys they are) under the names of roles or folds, "
        "or CSV with the columns entry_id and role; relative paths start at `data_folder`. Unlisted entries are dropped."
    )
    roles: dict[str, Literal["train", "validation", "test", "none"]] = Field(
        default={},
        description="Labels and their roles, where they are not train, val, valid, validation, test or the number of a "
        'fold; an empty label is "", and none drops a material.',
    )
    members_per_fold: int = Field(
        1, ge=1, le=100, description="Ensemble members per split, which differ by their seed."
    )

    @property
    def n_splits(self) -> None:
        """None: the labels decide."""

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a split."""
        return self.members_per_fold

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles that the labels name, or one split for each fold; see `SplitScheme.splits`."""
        if labels is None:
            raise ValueError("file needs the label of each material")
        yield from labelled_splits(labels)
