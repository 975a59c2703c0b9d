"""Share of inputs that raise the error when they are shuffled at least `percent`, of tables `important_inputs`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import Case, ClaimWords, L, OfOneCell


class RaisingInputs(OfOneCell):
    """See the module."""

    table = "important_inputs"
    column = "raising_percent"
    is_change = False

    def cases(self, claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
        """Return a case for each cell; cells of one run are of different inputs."""
        return [Case({**case.keys, "row": case.lines[0].row}, case.lines) for case in super().cases(claim, lines)]

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the share is so large, and the share in per cent."""
        return numbers[0] >= (claim.percent or 0), numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return f"at least {words.percent:g} % of the inputs raise the error when they are shuffled"


KIND = RaisingInputs()
