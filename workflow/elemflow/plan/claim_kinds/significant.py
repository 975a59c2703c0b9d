"""Adjusted p of the corrected test of `a` against `b` below `level`."""

from collections.abc import Mapping, Sequence
from typing import Any

from elemflow.plan.claim_kinds.base import Case, Claim, ClaimKind, Line, matches, run_keys


class Significant(ClaimKind):
    """See the module."""

    table = "comparison"
    needs = ("a", "b")
    fewest = 1
    per_cent = False

    def cases(self, claim: Claim, lines: Sequence[Line]) -> list[Case]:
        """Return a case for each test of `a` against `b`."""
        chosen = (line for line in lines if matches(line, claim["a"]) and matches(line["against"], claim["b"]))
        return [Case(run_keys(line) | {"against": line["against"]["model"]}, (line,)) for line in chosen]

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the p value is below the level, and the p value."""
        return numbers[0] < claim["level"], numbers[0]

    def sentence(self, names: Mapping[str, Any]) -> str:
        """Return what is checked, in words."""
        return f"adjusted p of {names['a']} against {names['b']} below {names['level']:g}"


KIND = Significant()
