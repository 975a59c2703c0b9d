"""Amounts of the elements of many canonical formulas as arrays."""

from collections.abc import Collection, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np

from elemflow.chemistry.composition import LARGEST_AMOUNT, LONGEST_FORMULA, SYMBOLS

_NEWLINE = ord("\n")
_CODES = 128
_ATOMIC_NUMBER = np.zeros(_CODES * _CODES, dtype=np.int64)
for _number, _symbol in enumerate(SYMBOLS, start=1):
    _ATOMIC_NUMBER[ord(_symbol[0]) * _CODES + (ord(_symbol[1]) if len(_symbol) > 1 else 0)] = _number

_ISOTOPES = ("D", "T")

_ALPHABETIC = np.zeros(len(SYMBOLS) + 1, dtype=np.int64)
_ALPHABETIC[1:] = np.argsort(np.argsort(SYMBOLS))
_END, _CAPITAL, _SMALL, _DIGIT, _ZERO, _OTHER = range(6)
_KIND = np.full(256, _OTHER)
_KIND[_NEWLINE] = _END
_KIND[ord("A") : ord("Z") + 1], _KIND[ord("a") : ord("z") + 1] = _CAPITAL, _SMALL
_KIND[ord("0")], _KIND[ord("1") : ord("9") + 1] = _ZERO, _DIGIT
_IS_PLAIN = np.zeros((6, 6), dtype=bool)
"""Whether a character may follow another in a formula of symbols and whole amounts, by their kinds."""
_IS_PLAIN[[_END, _CAPITAL, _SMALL, _DIGIT, _ZERO], _CAPITAL] = True
_IS_PLAIN[_CAPITAL, _SMALL] = True
_IS_PLAIN[[_CAPITAL, _SMALL, _DIGIT, _ZERO], _DIGIT] = True
_IS_PLAIN[[_DIGIT, _ZERO], _ZERO] = True
_IS_PLAIN[[_CAPITAL, _SMALL, _DIGIT, _ZERO], _END] = True


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


def plain_forms(formulas: Sequence[str]) -> dict[str, str]:
    """Return the canonical forms of plain formulas, all at once, in a fifth of the time of one after the other.

    Args:
        formulas: Any texts.

    Returns:
        What `elemflow.chemistry.composition.canonical` returns, by formula. Those with anything but symbols and whole
        amounts, with an element twice or an amount above `LARGEST_AMOUNT` are missing.
    """
    plain = _plain([formula for formula in dict.fromkeys(formulas) if "\n" not in formula])
    if not plain:
        return {}
    with np.errstate(over="ignore"):  # amounts of hundreds of digits
        rows, numbers, values, unknown = element_amounts(plain)
    order = np.argsort(rows * _CODES + _ALPHABETIC[numbers])
    numbers, amounts = numbers[order], np.minimum(values[order], LARGEST_AMOUNT + 1).astype(np.int64)
    good = np.ones(len(plain), dtype=bool)
    good[[*unknown]] = False
    good[rows[amounts > LARGEST_AMOUNT]] = False
    good[rows[1:][(np.diff(numbers) == 0) & (np.diff(rows) == 0)]] = False  # an element twice
    kept = good[rows]
    rows, numbers, amounts = rows[kept], numbers[kept], amounts[kept]
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    amounts //= np.repeat(np.gcd.reduceat(amounts, first), np.diff(first, append=len(rows)))
    # The text of a symbol with its amount is made once, and copied to each place where it occurs.
    pairs, places = np.unique(numbers * (LARGEST_AMOUNT + 1) + amounts, return_inverse=True)
    texts = [_with_amount(*divmod(pair, LARGEST_AMOUNT + 1)) for pair in pairs.tolist()]
    pieces = np.array(texts, dtype=object)[places]
    pieces[first] = "\n" + pieces[first]
    return dict(zip(compress(plain, good), "".join(pieces.tolist()).split("\n")[1:], strict=True))


def _with_amount(number: int, amount: int) -> str:
    return SYMBOLS[number - 1] + (str(amount) if amount > 1 else "")


def _plain(formulas: list[str]) -> list[str]:
    """Return the formulas that consist of symbols, known or not, and whole amounts; none has a line break."""
    text = np.frombuffer("\n".join([*formulas, ""]).encode("ascii", "replace"), dtype=np.uint8)
    kinds = _KIND[text]
    ends = np.flatnonzero(kinds == _END)
    good = np.diff(ends, prepend=-1) <= LONGEST_FORMULA + 1
    wrong = ~_IS_PLAIN[np.concatenate([[_END], kinds[:-1]]), kinds]
    good[np.searchsorted(ends, np.flatnonzero(wrong))] = False
    return list(compress(formulas, good))


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
