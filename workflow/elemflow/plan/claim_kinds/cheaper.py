"""Quantity of `a`, such as a time, below that of every `b`, by `percent` if given; of tables of one quantity."""

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, Inequality
from elemflow.plan.claim_kinds.lower import Lower


class Cheaper(Lower):
    """See the module."""

    table = "quantities"

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return nothing: quantities have no errors of test materials."""
        del claim, cells
        return []

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        by = f" by at least {words.percent:g} %" if words.percent else ""
        return f"quantity of {words.a} below that of {words.b}{by}"


KIND = Cheaper()
