"""Error of `a` above that of every `b`, by `percent` if given."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, Inequality, change
from elemflow.plan.claim_kinds.lower import Lower


class Highest(Lower):
    """See the module."""

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the first error is high enough, and its change against the highest other one in per cent."""
        found = change(numbers[0], max(numbers[1:]))
        return (found > 0 and found >= (claim.percent or 0)), found

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return that every other error is below the first one."""
        return [Inequality(other, 0, 1 / (1 + (claim.percent or 0) / 100)) for other in range(1, cells)]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        by = f" by at least {words.percent:g} %" if words.percent else ""
        return f"error of {words.a} above that of {words.b}{by}"


KIND = Highest()
