"""Standard deviation over the members, one per split, at most `percent` of the error."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, OfOneCell


class SpreadBelow(OfOneCell):
    """See the module."""

    column = "spread_percent"
    is_change = False
    on_printed = True
    of_quotes = True

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the standard deviation is small enough, and its share of the error in per cent."""
        return numbers[0] <= (claim.percent or 0), numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"standard deviation over the splits at most {words.percent:g} % of the error"


KIND = SpreadBelow()
