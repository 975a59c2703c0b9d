"""Error of `a` below that of every `b`, by `percent` if given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elemflow.plan.claim_kinds.base import Case, Claim, ClaimKind, Line, Selector, change


class Lower(ClaimKind):
    """See the module."""

    needs = ("a", "b")
    may = ("percent",)

    def roles(self, claim: Claim) -> list[Selector]:
        """Return `a` and `b`."""
        return [claim["a"], claim["b"]]

    def cases_of_group(self, claim: Claim, keys: Mapping[str, str], found: Sequence[Sequence[Line]]) -> Iterator[Case]:
        """Yield a case for each `a` that has a `b`."""
        several = [key for key, value in claim["a"].items() if isinstance(value, list)]
        for first in found[0] if found[1] else ():
            yield Case({**keys, **{key: first[key] for key in several}}, (first, *found[1]))

    def decisive(self, case: Case, numbers: Sequence[float | str]) -> list[float]:
        """Return the known errors; none if that of `a` is unknown."""
        return [] if isinstance(numbers[0], str) else super().decisive(case, numbers)

    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether the first error is low enough, and its change against the lowest other one in per cent."""
        found = change(numbers[0], min(numbers[1:]))
        return (found < 0 and -found >= claim.get("percent", 0)), found

    def sentence(self, names: Mapping[str, Any]) -> str:
        """Return what is checked, in words."""
        by = f" by at least {names['percent']:g} %" if names.get("percent") else ""
        return f"error of {names['a']} below that of {names['b']}{by}"


KIND = Lower()
