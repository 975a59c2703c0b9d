"""Formulas whose amounts are weights, as alloys are given: Fe70Cr18Ni12 in per cent by weight, Ti-6Al-4V."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Literal

from elemflow.chemistry.composition import canonical, canonical_of, parse_formula

Basis = Literal["atomic", "weight"]
"""What the amounts of a formula count: atoms, or weight."""

_DESIGNATION = re.compile(r"(?P<base>[A-Z][a-z]?)(?P<rest>(?:-[0-9]+(?:\.[0-9]+)?[A-Z][a-z]?)+)")
_ADDITION = re.compile(r"-([0-9.]+)([A-Z][a-z]?)")
_HYPHENS = str.maketrans("–−‐", "---")
_WHOLE = 100


@cache
def atomic_masses() -> Mapping[str, float]:
    """Return the standard atomic masses in u by symbol."""
    from pymatgen.core import Element  # noqa: PLC0415  slow to import

    return {element.symbol: float(element.atomic_mass) for element in Element if element.symbol not in {"D", "T"}}


def canonical_of_weights(formula: str) -> str:
    """Return the canonical atomic formula of one whose amounts are weights.

    Only ratios count, so that per cent, fractions and ppm by weight need no other declaration. In the designation of an
    alloy, Ti-6Al-4V, the first element has the rest to 100 %.

    Args:
        formula: Elements with weights, as `parse_formula` reads them, or a designation. An element without a number has
            the weight 1.

    Raises:
        ValueError: The text is not a formula, or a designation exceeds 100 %; the message says why.
    """
    designation = _DESIGNATION.fullmatch(formula.strip().translate(_HYPHENS))
    weights = _of_designation(designation) if designation else parse_formula(formula)
    masses = atomic_masses()
    return canonical_of({symbol: weight / Fraction(str(masses[symbol])) for symbol, weight in weights.items()})


def _of_designation(designation: re.Match[str]) -> dict[str, Fraction]:
    """Return the per cent by weight of an alloy such as Ti-6Al-4V."""
    added: dict[str, Fraction] = {}
    for number, symbol in _ADDITION.findall(designation["rest"]):
        added[symbol] = added.get(symbol, Fraction(0)) + Fraction(Decimal(number))
    base = designation["base"]
    rest = sum((-weight for weight in added.values()), Fraction(_WHOLE))
    if rest <= 0 or base in added:
        raise ValueError(f"the additions leave nothing for {base} in 100 per cent by weight")
    weights = {base: rest, **{symbol: weight for symbol, weight in added.items() if weight}}
    unknown = [symbol for symbol in weights if symbol not in atomic_masses()]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not an element")
    return weights


CANONICAL: Mapping[Basis, Callable[[str], str]] = {"atomic": canonical, "weight": canonical_of_weights}
"""The reader of a formula by what its amounts count."""
