"""Extrapolation in the target: the materials with the highest values are the test set."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import describe_members, describe_reductions
from elemflow.splits.schemes.ordered import OrderedScheme


class HighestValues(OrderedScheme):
    """The materials with the highest or lowest values of the property are tested, those next to them validate."""

    reads_target: ClassVar[bool] = True
    scheme: Literal["highest_values"] = Field(
        description="The materials with the highest or lowest values of the property are the test set, those next to "
        "them the validation set."
    )
    end: Literal["highest", "lowest"] = Field("highest", description="Which end of the values is tested.")

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"the {100 * self.test:g} % with the {self.end} values tested"
        return text + describe_members(self.members_per_split) + describe_reductions(self)

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`. The labels are the values of the property."""
        if labels is None:
            raise ValueError("a split by the target needs its values")
        yield self.roles_by(compositions, labels if self.end == "highest" else -labels)
