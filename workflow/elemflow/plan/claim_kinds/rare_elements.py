"""Error of rare elements at least `percent` above that of the others, of tables `rare_elements`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, OfOneCell


class RareElements(OfOneCell):
    """See the module."""

    table = "rare_elements"
    column = "rare_elements_percent"

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the error is so much larger, and the difference in per cent."""
        return numbers[0] >= (claim.percent or 0), numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"error of elements in few training materials at least {words.percent:g} % above that of all others"


KIND = RareElements()
