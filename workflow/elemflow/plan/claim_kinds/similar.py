"""Largest error of cells that differ in `over` at most `percent` above the smallest."""

from collections.abc import Sequence
from itertools import permutations

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimKind, ClaimWords, Inequality, change


class Similar(ClaimKind):
    """See the module."""

    needs = ("over", "percent")
    may = ("a",)

    def named(self, claim: Claim) -> set[str]:
        """Return the keys of `over`."""
        return set(claim.over or ())

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the errors are alike, and the difference of the largest from the smallest in per cent."""
        found = change(max(numbers), min(numbers))
        return found <= (claim.percent or 0), found

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return that no error is above another by more."""
        return [Inequality(i, j, 1 + (claim.percent or 0) / 100) for i, j in permutations(range(cells), 2)]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"largest error with any {words.over} at most {words.percent:g} % above the smallest"


KIND = Similar()
