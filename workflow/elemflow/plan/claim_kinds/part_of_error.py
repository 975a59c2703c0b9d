"""Part of the error that positive values have at least `percent`, of tables `positive_values`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, OfOneCell


class PartOfError(OfOneCell):
    """See the module."""

    table = "positive_values"
    column = "positive_error_percent"
    is_change = False
    on_printed = True
    of_quotes = True

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the part is large enough, and the part in per cent."""
        return numbers[0] >= (claim.percent or 0), numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"part of the error that materials with a positive value have at least {words.percent:g} %"


KIND = PartOfError()
