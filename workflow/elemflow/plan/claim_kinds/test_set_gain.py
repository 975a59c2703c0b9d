"""Epoch chosen on the test set at most `percent` below that chosen on validation, of tables `test_set_choice`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ClaimWords, OfOneCell


class TestSetGain(OfOneCell):
    """See the module; the number of a cell is the change of the error by the choice, in per cent, 0 at most."""

    table = "test_set_choice"
    column = "change_percent"

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the error falls by no more than the threshold, and its change in per cent."""
        return -numbers[0] <= (claim.percent or 0), numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        return (
            f"within one training, error of the epoch chosen on the test set at most {words.percent:g} % below that of "
            "the one chosen on the validation set"
        )


KIND = TestSetGain()
