"""Reproduced within `percent` of the published value."""

from collections.abc import Mapping, Sequence
from typing import Any

from elemflow.plan.claim_kinds.base import Case, Claim, ClaimKind, Line, change, matches, run_keys


class Within(ClaimKind):
    """See the module."""

    needs = ("percent",)
    may = ("a",)

    def cases(self, claim: Claim, lines: Sequence[Line]) -> list[Case]:
        """Return a case for each cell with a published value."""
        chosen = (line for line in lines if line["published"] is not None and matches(line, claim.get("a", {})))
        return [Case(run_keys(line), (line,)) for line in chosen]

    def decisive(self, case: Case, numbers: Sequence[float | str]) -> list[float]:
        """Return the reproduced and the published value."""
        known = super().decisive(case, numbers)
        return [*known, case.lines[0]["published"]] if known else []

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the values are alike, and their difference in per cent."""
        found = change(numbers[0], numbers[1])
        return abs(found) <= claim["percent"], found

    def sentence(self, names: Mapping[str, Any]) -> str:
        """Return what is checked, in words."""
        return f"error within {names['percent']:g} % of the published one"


KIND = Within()
