"""P of the corrected test of `a` against `b` below `level`, adjusted after Holm unless `adjusted: false`."""

from collections.abc import Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import ANY, Case, ClaimKind, ClaimWords, L, select


class Significant(ClaimKind):
    """See the module."""

    table = "comparison"
    needs = ("a", "b")
    may = ("adjusted",)
    on_printed = False
    fewest = 1
    per_cent = False

    def cases(self, claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
        """Return a case for each test of `a` against `b`."""
        tests = ((line, line.against) for line in select(lines, claim.a or ANY) if line.against is not None)
        chosen = ((line, other) for line, other in tests if select([other], claim.b or ANY))
        return [Case(line.named.keys() | {"against": other.named.model}, (line,)) for line, other in chosen]

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the p value is below the level, and the p value."""
        return numbers[0] < claim.level, numbers[0]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        p = "adjusted p" if words.adjusted else "p, not adjusted,"
        return f"{p} of {words.a} against {words.b} below {words.level:g}"


KIND = Significant()
