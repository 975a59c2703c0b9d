"""Lowest error of the cells of `a` below that of every `b`, by `percent` if given."""

from collections.abc import Iterator, Mapping, Sequence

from elemflow.config.study import Claim
from elemflow.plan.claim_kinds.base import Case, ClaimWords, L
from elemflow.plan.claim_kinds.lower import Lower


class Lowest(Lower):
    """See the module."""

    def cases_of_group(self, claim: Claim, keys: Mapping[str, str], found: Sequence[Sequence[L]]) -> Iterator[Case[L]]:
        """Yield one case, if there is an `a` and a `b`."""
        del claim
        if found[0] and found[1]:
            yield Case(keys, (*found[0], *found[1]), choices=len(found[0]))

    def narrow(self, case: Case[L], numbers: Sequence[float | str]) -> tuple[tuple[L, ...], tuple[float | str, ...]]:
        """Return the `a` with the lowest error and every `b`; an `a` that is unknown, since it may be the lowest."""
        chosen = min(range(case.choices), key=lambda place: _order(numbers[place]))
        lines, found = case.lines, tuple(numbers)
        return (lines[chosen], *lines[case.choices :]), (found[chosen], *found[case.choices :])

    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""
        by = f" by at least {words.percent:g} %" if words.percent else ""
        return f"lowest error of {words.a} below that of {words.b}{by}"


def _order(number: float | str) -> tuple[bool, float]:
    """Return the key by which the lowest is chosen: what is unknown comes first."""
    return (False, 0.0) if isinstance(number, str) else (True, number)


KIND = Lowest()
