"""Reproduced: equivalent to the published value."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ANY, Case, ClaimKind, ClaimWords, L, change, select


class Reproduced(ClaimKind):
    """See the module."""

    may = ("a",)
    on_printed = False
    fewest = 3

    def cases(self, claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
        """Return a case for each cell with a published value, unless that is of another model or quantity."""
        chosen = select((line for line in lines if line.published is not None and line.reproduces), claim.a or ANY)
        return [Case(line.named.keys(), (line,)) for line in chosen]

    def decisive(self, case: Case[L], numbers: Sequence[float | str]) -> list[float]:
        """Return the reproduced value, the published value and the margin.

        Values whose interval crosses the margin do not come here: they are undecided.
        """
        known, line = super().decisive(case, numbers), case.lines[0]
        if not known or line.published is None or line.margin is None:
            return []
        return [*known, line.published, line.margin]

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the difference is inside the margin, and the difference in per cent."""
        del claim
        return abs(numbers[0] - numbers[1]) <= numbers[2], change(numbers[0], numbers[1])

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        del words
        return "error equivalent to the published one: the 90 % interval of the difference lies inside the margin"


KIND = Reproduced()
