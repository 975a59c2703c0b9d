"""Training loss of the first epochs of `a` below that of every `b` in its row, of tables `early_loss`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import Case, ClaimWords, L
from elemflow.plan.claim_kinds.cheaper import Cheaper


class EarlyLoss(Cheaper):
    """See the module."""

    table = "early_loss"
    column = "early_loss"
    on_printed = False

    def cases(self, claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
        """Return the cases of each row by itself."""
        rows = dict.fromkeys((line.table, line.row) for line in lines)
        return [
            Case({**case.keys, "row": row[1]}, case.lines, case.choices)
            for row in rows
            for case in super(EarlyLoss, self).cases(claim, [line for line in lines if (line.table, line.row) == row])
        ]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        by = f" by at least {words.percent:g} %" if words.percent else ""
        return f"training loss of the first epochs of {words.a} below that of {words.b}{by}"


KIND = EarlyLoss()
