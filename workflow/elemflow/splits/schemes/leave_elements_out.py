"""Extrapolation to elements that no training material has."""

from typing import Literal

from pydantic import Field, field_validator

from elemflow.chemistry.composition import SYMBOLS
from elemflow.core.errors import nearest
from elemflow.splits.schemes.base import describe_members, describe_reductions
from elemflow.splits.schemes.whole_groups import ClassScheme


class LeaveElementsOut(ClassScheme):
    """All materials with an element are the test set, those with other elements the validation set."""

    scheme: Literal["leave_elements_out"] = Field(
        description="All materials with an element are the test set; one split per element."
    )
    elements: tuple[str, ...] = Field(min_length=1, description="Elements that are left out, one after the other.")

    @field_validator("elements")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in value:
            if symbol not in SYMBOLS:
                raise ValueError(f"'{symbol}' is no element.{nearest(symbol, SYMBOLS)}")
        return value

    @property
    def left_out(self) -> tuple[str, ...]:
        """The elements."""
        return self.elements

    def class_of(self, element: str) -> str:
        """Return the element."""
        return element

    def named(self, name: str) -> str:
        """Return the element in words."""
        return f"the element {name}"

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"trained without {', '.join(self.elements)}, one after the other"
        return text + describe_members(self.members_per_split) + describe_reductions(self)
