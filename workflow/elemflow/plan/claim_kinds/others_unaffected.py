"""Errors without a held-out element within `percent` of the smallest over `over`, of tables `held_out_element`."""

from elemflow.plan.claim_kinds.base import ClaimWords
from elemflow.plan.claim_kinds.element_learned import ElementLearned


class OthersUnaffected(ElementLearned):
    """See the module."""

    column = "without_element"

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"error without the element, with any {words.over}, at most {words.percent:g} % above the smallest"


KIND = OthersUnaffected()
