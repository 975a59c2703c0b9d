"""Amounts of the elements of many canonical formulas as arrays."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from elemflow.chemistry.composition import SYMBOLS

_NEWLINE = ord("\n")
_CODES = 128
_ATOMIC_NUMBER = np.zeros(_CODES * _CODES, dtype=np.int64)
for _number, _symbol in enumerate(SYMBOLS, start=1):
    _ATOMIC_NUMBER[ord(_symbol[0]) * _CODES + (ord(_symbol[1]) if len(_symbol) > 1 else 0)] = _number

_ISOTOPES = ("D", "T")


class Amounts(NamedTuple):
    """Amounts of the elements of many formulas, one entry per element of a formula, formula by formula.

    Attributes:
        rows: Index of the formula (entries,), ascending.
        numbers: Atomic number (entries,).
        values: Amount per formula unit (entries,), float64.
        reasons: Why a formula has no entry, by its index.
    """

    rows: np.ndarray
    numbers: np.ndarray
    values: np.ndarray
    reasons: dict[int, str]


def element_amounts(formulas: Sequence[str]) -> Amounts:
    """Read canonical formulas, all at once.

    Args:
        formulas: What `elemflow.chemistry.composition.canonical` returned. A string without elements, or with a symbol
            that names none (deuterium, a dummy species), gets a reason instead of entries.
    """
    text = np.frombuffer(("\n".join(formulas) + "\n\0").encode("ascii", "replace"), dtype=np.uint8)
    is_digit = (text >= ord("0")) & (text <= ord("9"))
    starts = np.flatnonzero((text >= ord("A")) & (text <= ord("Z")))
    second = text[starts + 1]
    has_second = (second >= ord("a")) & (second <= ord("z"))
    numbers = _ATOMIC_NUMBER[text[starts] % _CODES * np.int64(_CODES) + np.where(has_second, second % _CODES, 0)]
    rows = np.cumsum(text == _NEWLINE)[starts]
    values = np.zeros(len(starts))
    digits = starts + 1 + has_second
    missing = ~is_digit[digits]
    open_entries = np.flatnonzero(~missing)
    while len(open_entries):
        place = digits[open_entries]
        values[open_entries] = values[open_entries] * 10 + (text[place] - ord("0"))
        digits[open_entries] += 1
        open_entries = open_entries[is_digit[digits[open_entries]]]
    values[missing] = 1

    reasons = {int(row): _unknown(formulas[row]) for row in np.unique(rows[numbers == 0])}
    empty = np.flatnonzero(np.bincount(rows, minlength=len(formulas)) == 0)
    reasons |= dict.fromkeys(empty.tolist(), "the composition is empty")
    good = ~np.isin(rows, list(reasons)) if reasons else slice(None)
    return Amounts(rows[good], numbers[good], values[good], dict(sorted(reasons.items())))


def rows_with_others(formulas: Sequence[str], symbols: Collection[str]) -> np.ndarray:
    """Return which canonical formulas have something else than the elements of some symbols, ascending, each once."""
    found = element_amounts(formulas)
    known = np.zeros(len(SYMBOLS) + 1, dtype=bool)
    known[[SYMBOLS.index(symbol) + 1 for symbol in symbols if symbol in SYMBOLS]] = True
    return np.union1d(found.rows[~known[found.numbers]], np.array(list(found.reasons), dtype=int))


def _unknown(formula: str) -> str:
    reason = f"{formula!r} holds a symbol that is no element"
    if any(isotope in formula for isotope in _ISOTOPES):
        reason += "; write H if D and T may be merged with it"
    return reason
