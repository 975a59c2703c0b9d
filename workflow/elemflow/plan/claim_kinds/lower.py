"""Error of `a` below that of every `b`, by `percent` if given."""

from collections.abc import Iterator, Mapping, Sequence

from elemflow.config.study import Claim, Selector
from elemflow.core.run import RUN_KEYS
from elemflow.plan.claim_kinds.base import ANY, Case, ClaimKind, ClaimWords, Inequality, L, change


class Lower(ClaimKind):
    """See the module."""

    needs = ("a", "b")
    may = ("percent",)

    def roles(self, claim: Claim) -> list[Selector]:
        """Return `a` and `b`."""
        return [claim.a or ANY, claim.b or ANY]

    def cases_of_group(self, claim: Claim, keys: Mapping[str, str], found: Sequence[Sequence[L]]) -> Iterator[Case[L]]:
        """Yield a case for each `a` that has a `b`."""
        several = [key for key in RUN_KEYS if claim.a and isinstance(claim.a.of(key), tuple)]
        for first in found[0] if found[1] else ():
            yield Case({**keys, **{key: first.key(key) for key in several}}, (first, *found[1]))

    def decisive(self, case: Case[L], numbers: Sequence[float | str]) -> list[float]:
        """Return the known errors; none if that of `a` is unknown."""
        return [] if isinstance(numbers[0], str) else super().decisive(case, numbers)

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the first error is low enough, and its change against the lowest other one in per cent."""
        found = change(numbers[0], min(numbers[1:]))
        return (found < 0 and -found >= (claim.percent or 0)), found

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return that the first error is below every other one."""
        return [Inequality(0, other, 1 - (claim.percent or 0) / 100) for other in range(1, cells)]

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        by = f" by at least {words.percent:g} %" if words.percent else ""
        return f"error of {words.a} below that of {words.b}{by}"


KIND = Lower()
