"""Extrapolation to groups or periods of the periodic table that no training material has an element of."""

from typing import Annotated, Literal

from pydantic import Field

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.periodic_table import group_of, period_of
from elemflow.splits.schemes.base import describe_members, describe_reductions
from elemflow.splits.schemes.whole_groups import ClassScheme


class LeaveGroupsOut(ClassScheme):
    """All materials with an element of a group or period are the test set, those of other ones the validation set."""

    scheme: Literal["leave_groups_out"] = Field(
        description="All materials with an element of a group or period of the periodic table are the test set; one "
        "split each."
    )
    by: Literal["group", "period"] = Field(
        "group", description="Groups 1 to 18, lanthanides and actinides in group 3, or periods 1 to 7."
    )
    numbers: tuple[Annotated[int, Field(ge=1, le=18)], ...] = Field(
        min_length=1, description="Groups or periods that are left out, one after the other."
    )

    @property
    def left_out(self) -> tuple[str, ...]:
        """Their numbers."""
        return tuple(map(str, self.numbers))

    def class_of(self, element: str) -> str:
        """Return the group or the period of an element."""
        number = SYMBOLS.index(element) + 1
        return str(group_of(number) if self.by == "group" else period_of(number))

    def named(self, name: str) -> str:
        """Return the group or period in words."""
        return f"an element of {self.by} {name}"

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"trained without {self.by} {', '.join(self.left_out)}, one after the other"
        return text + describe_members(self.members_per_split) + describe_reductions(self)
