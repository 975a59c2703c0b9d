"""Formulas out of tables with a column per element, as alloys are given."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import pandas as pd
import pyarrow as pa

from elemflow.curation.numbers import NUMBER, texts

WHOLE = Decimal(100)
"""What the amounts of a row sum up to where one element is the balance."""

SUMS = (WHOLE, Decimal(1))
"""What the amounts of a row may sum up to: per cent, or fractions."""
ROUNDING = Decimal("0.01")
"""Relative difference of a sum that is rounding."""

_ABSENT = {"", "nan", "-", "–", "—"}


def formulas_of(frame: pd.DataFrame, columns: Mapping[str, str], balance: str | None, decimal: str | None) -> pa.Array:
    """Return the formula of each row.

    An empty cell, a dash and 0 mean that the element is absent; a row of empty cells and dashes has an empty formula.
    Other text that is no number stays in the formula, so that the row is rejected with it.

    Args:
        frame: The rows.
        columns: Column by element.
        balance: Element that has the rest to `WHOLE`; None if every element has a column.
        decimal: What stands before the decimals of numbers that are text.
    """
    return pa.array([_formula(given, balance) for given in _given(frame, columns, decimal)], pa.string())


def usual_sum(frames: Iterable[pd.DataFrame], columns: Mapping[str, str]) -> Decimal | None:
    """Return which of `SUMS` the amounts of most rows add up to; None if there is no such sum.

    Args:
        frames: All rows; rows without an amount, or with a text that is no number, do not count.
        columns: Column by element.
    """
    counts: Counter[Decimal | None] = Counter()
    for frame in frames:
        present = {symbol: column for symbol, column in columns.items() if column in frame.columns}
        for given in _given(frame, present, frame.attrs.get("decimal")):
            if (total := _sum(given)) is not None:
                counts[next((whole for whole in SUMS if _equal(total, whole)), None)] += 1
    return next((whole for whole in SUMS if 2 * counts[whole] > counts.total()), None)


def other_sums(frame: pd.DataFrame, columns: Mapping[str, str], whole: Decimal, decimal: str | None) -> pa.Array:
    """Return why rows are rejected whose amounts do not add up to what those of most rows do; null for the others."""
    reason = f"the amounts of the elements do not add up to {whole}, as those of most rows do"
    sums = map(_sum, _given(frame, columns, decimal))
    return pa.array([None if total is None or _equal(total, whole) else reason for total in sums], pa.string())


def _given(frame: pd.DataFrame, columns: Mapping[str, str], decimal: str | None) -> Iterator[dict[str, str]]:
    """Yield the cells of each row that are neither empty nor a dash, by element."""
    cells = [texts(frame[column]).to_pylist() for column in columns.values()]
    for row in zip(*cells, strict=True):
        given = {symbol: text.strip().replace(decimal or ".", ".") for symbol, text in zip(columns, row, strict=True)}
        yield {symbol: text for symbol, text in given.items() if text.lower() not in _ABSENT}


def _numbers(given: Mapping[str, str]) -> dict[str, Decimal]:
    return {symbol: Decimal(text) for symbol, text in given.items() if re.fullmatch(NUMBER, text)}


def _sum(given: Mapping[str, str]) -> Decimal | None:
    """Return the sum of a row; None if it has no amount, or a text that is no number."""
    numbers = _numbers(given)
    return sum(numbers.values(), Decimal(0)) if given and len(numbers) == len(given) else None


def _equal(total: Decimal, whole: Decimal) -> bool:
    return abs(total - whole) <= ROUNDING * whole


def _formula(given: Mapping[str, str], balance: str | None) -> str:
    if not given:
        return ""
    numbers = _numbers(given)
    present = {symbol: text for symbol, text in given.items() if numbers.get(symbol, 1)}
    if balance is not None and len(numbers) == len(given):
        rest = WHOLE - sum(numbers.values(), Decimal(0))
        present |= {balance: f"{rest:f}"} if rest else {}
    return "".join(f"{symbol}{text.removeprefix('+')}" for symbol, text in present.items())
