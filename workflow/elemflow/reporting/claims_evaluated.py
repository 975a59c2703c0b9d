"""Claims evaluated on one set of values, and verdicts and numbers in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from elemflow.config.study import Claim
from elemflow.plan import claims
from elemflow.plan.claim_kinds.base import L
from elemflow.reporting import text as words
from elemflow.reporting.view import NO_VALUE

COUNTED = "counted from the networks"
"""Said of a verdict on numbers that the paper does not print and that follow from the declared networks."""


@dataclass(frozen=True)
class Evaluated:
    """A claim evaluated on one set of values: the verdict, the same in words, and the range of what decides."""

    verdict: claims.Verdict
    text: str
    numbers: str


def evaluate_published(
    claim: Claim, lines: Sequence[claims.Line], quoted: Mapping[str, float] | None = None
) -> tuple[Evaluated, dict[str, float | None]] | None:
    """Evaluate a claim on the published values.

    Args:
        claim: The claim.
        lines: The cells of its tables.
        quoted: Numbers that it quotes as parts of printed errors, by dataset.

    Returns:
        The verdict, and what decides each case by its key; None if the claim is not testable on published values.
    """
    kind = claims.kind_of(claim)
    if claim.printed is not True or not kind.on_printed:
        return None
    value = partial(claims.printed_part, quoted or {}) if kind.of_quotes else claims.printed_value
    known = [line for line in lines if not isinstance(value(line), str)]
    cases = claims.cases_of(claim, known)
    if not cases:
        return None
    outcomes = [claims.decide(claim, case, value) for case in cases]
    numbers = {key_of(case): outcome.number for case, outcome in zip(cases, outcomes, strict=True)}
    verdict = claims.sum_up(claim, outcomes)
    counted = any(line.published is None for case in cases for line in case.lines)
    text = ", ".join([describe_verdict(verdict), *([COUNTED] if counted else [])])
    return Evaluated(verdict, text, describe_range(claim, numbers.values())), numbers


def describe_range(claim: Claim, numbers: Iterable[float | None]) -> str:
    """Return the smallest and the largest of what decides."""
    known = [number for number in numbers if number is not None]
    return (
        " to ".join(dict.fromkeys(show_number(claim, end) for end in (min(known), max(known)))) if known else NO_VALUE
    )


def key_of(case: claims.Case[L]) -> str:
    """Return the key of a case among those of its claim."""
    return "/".join(case.keys.values())


def describe_verdict(verdict: claims.Verdict) -> str:
    """Return a verdict with its count and, where it is open, why."""
    if not verdict.cases:
        return f"{verdict.word}: {'; '.join(verdict.reasons)}" if verdict.reasons else verdict.word
    counts = [f"{verdict.true} of {verdict.cases}", *([f"{verdict.open} open"] if verdict.open else [])]
    if verdict.word != claims.OPEN:
        return f"{verdict.word} ({', '.join(counts)})"
    if verdict.reasons == (claims.REDUCED,):
        return "not testable at this scale"
    return f"{verdict.word} ({', '.join(counts)}: {'; '.join(verdict.reasons)})"


def show_number(claim: Claim, number: float | None) -> str:
    """Return what decides a case, a change or share in per cent or a p value, as pages show it."""
    if number is None:
        return NO_VALUE
    kind = claims.kind_of(claim)
    if not kind.per_cent:
        return f"p = {number:.2g}"
    return words.format_percent(number) if kind.is_change else f"{number:.2g}\u202f%"
