"""Best rank of the named inputs by permutation importance at most `percent` of all, of tables `important_inputs`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords
from elemflow.plan.claim_kinds.raising_inputs import RaisingInputs


class LeadingInputs(RaisingInputs):
    """See the module."""

    column = "best_rank_percent"

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the rank is so high, and the rank in per cent of the number of inputs."""
        return numbers[0] <= (claim.percent or 0), numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"an input of each name is among the first {words.percent:g} % by permutation importance"


KIND = LeadingInputs()
