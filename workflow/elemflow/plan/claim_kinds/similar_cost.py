"""Largest quantity, such as a time, at most `percent` above the smallest over `over`; of tables of one quantity."""

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, Inequality
from elemflow.plan.claim_kinds.similar import Similar


class SimilarCost(Similar):
    """See the module."""

    table = "quantities"

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return nothing: quantities have no errors of test materials."""
        del claim, cells
        return []

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"largest quantity with any {words.over} at most {words.percent:g} % above the smallest"


KIND = SimilarCost()
