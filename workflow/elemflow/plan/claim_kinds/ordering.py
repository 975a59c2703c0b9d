"""Errors of the cells in `order` are rising or falling."""

from collections.abc import Sequence
from itertools import pairwise

from elemflow.config.study import Claim, Selector
from elemflow.plan.claim_kinds.base import ClaimKind, ClaimWords, Inequality, change


class Ordering(ClaimKind):
    """See the module."""

    needs = ("order", "direction")

    def roles(self, claim: Claim) -> list[Selector]:
        """Return the steps of the order."""
        return list(claim.order or ())

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether each step goes in the direction, and the change from the first to the last in per cent."""
        sign = 1 if claim.direction == "rising" else -1
        steps = (sign * (after - before) > 0 for before, after in pairwise(numbers))
        return all(steps), change(numbers[-1], numbers[0])

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return that each step goes in the direction."""
        steps = pairwise(range(cells))
        return [Inequality(i, j) if claim.direction == "rising" else Inequality(j, i) for i, j in steps]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"errors {words.direction}: {words.order}"


KIND = Ordering()
