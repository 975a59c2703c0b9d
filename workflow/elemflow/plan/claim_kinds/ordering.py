"""Errors of the cells in `order` are rising or falling."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from elemflow.plan.claim_kinds.base import Claim, ClaimKind, Selector, change


class Ordering(ClaimKind):
    """See the module."""

    needs = ("order", "direction")

    def roles(self, claim: Claim) -> list[Selector]:
        """Return the steps of the order."""
        return list(claim["order"])

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether each step goes in the direction, and the change from the first to the last in per cent."""
        sign = 1 if claim["direction"] == "rising" else -1
        steps = (sign * (after - before) > 0 for before, after in pairwise(numbers))
        return all(steps), change(numbers[-1], numbers[0])

    def sentence(self, names: Mapping[str, Any]) -> str:
        """Return what is checked, in words."""
        return f"errors {names['direction']}: {names['order']}"


KIND = Ordering()
