"""Errors with a held-out element within `percent` of the smallest over `over`, of tables `held_out_element`."""

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, Inequality
from elemflow.plan.claim_kinds.similar import Similar


class ElementLearned(Similar):
    """See the module."""

    table = "held_out_element"
    column = "with_element"
    on_printed = False

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return nothing: paired tests are of all test materials."""
        del claim, cells
        return []

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"error with the element, with any {words.over}, at most {words.percent:g} % above the smallest"


KIND = ElementLearned()
