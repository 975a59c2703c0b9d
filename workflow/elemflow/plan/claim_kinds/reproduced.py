"""Reproduced: equivalent to the published value."""

from collections.abc import Mapping, Sequence
from typing import Any

from elemflow.plan.claim_kinds.base import Case, Claim, ClaimKind, Line, change, matches, run_keys


class Reproduced(ClaimKind):
    """See the module."""

    may = ("a",)
    fewest = 3

    def cases(self, claim: Claim, lines: Sequence[Line]) -> list[Case]:
        """Return a case for each cell with a published value."""
        chosen = (line for line in lines if line["published"] is not None and matches(line, claim.get("a", {})))
        return [Case(run_keys(line), (line,)) for line in chosen]

    def decisive(self, case: Case, numbers: Sequence[float | str]) -> list[float]:
        """Return the reproduced value, the published value and the margin.

        Values whose interval crosses the margin do not come here: they are undecided.
        """
        known = super().decisive(case, numbers)
        return [*known, case.lines[0]["published"], case.lines[0]["margin"]] if known else []

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the difference is inside the margin, and the difference in per cent."""
        del claim
        return abs(numbers[0] - numbers[1]) <= numbers[2], change(numbers[0], numbers[1])

    def sentence(self, names: Mapping[str, Any]) -> str:
        """Return what is checked, in words."""
        del names
        return "error equivalent to the published one: the 90 % interval of the difference lies inside the margin"


KIND = Reproduced()
