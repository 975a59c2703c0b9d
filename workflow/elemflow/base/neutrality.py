"""Compositions that miss a charge-neutral one by little, which networks take for compounds that cannot be neutral.

Whether oxidation states can balance is an input of 0 or 1. TiO1.99 has 0 where TiO2 has 1, so the smallest deviation
moves it across, and predictions with it: a gap of TiO2 becomes one of a metal.
"""

from collections.abc import Callable, Sequence

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.formula_arrays import element_amounts
from elemflow.chemistry.oxidation_states import ALL_STATES

NEUTRAL = "compound possible"
"""Column of `pa` with whether oxidation states can balance."""
MOST_ATOMS = 40
"""Most atoms per formula unit of the compositions that others are compared with."""
NEGATIVE = [number for number, symbol in enumerate(SYMBOLS, 1) if min(ALL_STATES.get(symbol, (0,))) < 0]
"""Atomic numbers of the elements with a negative oxidation state."""
DEVIATION = 0.02
"""Largest relative deviation of the fraction of any element."""


def find_nearly_neutral(
    compositions: Sequence[str], neutral: np.ndarray, is_neutral: Callable[[list[str]], np.ndarray]
) -> dict[int, str]:
    """Return the charge-neutral composition next to each of those that are not, by its row.

    Args:
        compositions: Canonical compositions.
        neutral: Whether each can be neutral, bool (rows,).
        is_neutral: Returns the same of other compositions.
    """
    rows = np.flatnonzero(~neutral)
    if not len(rows):
        return {}
    simple = _simple([compositions[int(row)] for row in rows])
    names = sorted(set(simple.values()))
    found = dict(zip(names, is_neutral(names), strict=True)) if names else {}
    return {int(rows[place]): name for place, name in simple.items() if found[name]}


def _simple(compositions: Sequence[str]) -> dict[int, str]:
    """Return the simplest composition within `DEVIATION` of each that is not simple itself and has a negative ion."""
    amounts = element_amounts(compositions)
    counts = np.bincount(amounts.rows, minlength=len(compositions))
    starts = np.concatenate([[0], np.cumsum(counts)])
    atoms = np.arange(2, MOST_ATOMS + 1)
    found: dict[int, str] = {}
    for size in np.unique(counts[counts > 1]):
        rows = np.flatnonzero(counts == size)
        places = starts[rows][:, None] + np.arange(size)
        values, numbers = amounts.values[places], amounts.numbers[places]
        fractions = values / values.sum(axis=1, keepdims=True)
        whole = np.rint(fractions[:, None, :] * atoms[:, None])  # (rows, atoms, elements)
        given = np.maximum(whole.sum(axis=2, keepdims=True), 1)
        near = np.abs(whole / given / fractions[:, None, :] - 1).max(axis=2) <= DEVIATION
        compared = np.logical_and(values.sum(axis=1) > MOST_ATOMS, np.isin(numbers, NEGATIVE).any(axis=1))
        usable = np.logical_and(near, compared[:, None])
        for place in np.flatnonzero(usable.any(axis=1)):
            best = whole[place, np.argmax(usable[place])].astype(int)
            divided = best // np.gcd.reduce(best)
            pairs = zip((SYMBOLS[number - 1] for number in numbers[place]), divided, strict=True)
            found[int(rows[place])] = "".join(f"{symbol}{amount if amount > 1 else ''}" for symbol, amount in pairs)
    return found
