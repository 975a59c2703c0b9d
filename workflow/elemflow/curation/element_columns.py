"""Formulas out of tables with a column per element, as alloys are given."""

import re
from collections.abc import Mapping
from decimal import Decimal

import pandas as pd
import pyarrow as pa

from elemflow.curation.numbers import NUMBER, texts

WHOLE = Decimal(100)
"""What the amounts of a row sum up to where one element is the balance."""

_EMPTY = {"", "nan"}
_ABSENT = {*_EMPTY, "-", "–", "—"}


def formulas_of(frame: pd.DataFrame, columns: Mapping[str, str], balance: str | None, decimal: str | None) -> pa.Array:
    """Return the formula of each row.

    An empty cell, a dash and 0 mean that the element is absent; a row of empty cells has an empty formula. Other text
    that is no number stays in the formula, so that the row is rejected with it.

    Args:
        frame: The rows.
        columns: Column by element.
        balance: Element that has the rest to `WHOLE`; None if every element has a column.
        decimal: What stands before the decimals of numbers that are text.
    """
    cells = [texts(frame[column]).to_pylist() for column in columns.values()]
    return pa.array(
        [_formula(dict(zip(columns, row, strict=True)), balance, decimal) for row in zip(*cells, strict=True)],
        pa.string(),
    )


def _formula(row: Mapping[str, str], balance: str | None, decimal: str | None) -> str:
    given = {symbol: text.strip().replace(decimal or ".", ".") for symbol, text in row.items()}
    if _EMPTY.issuperset(text.lower() for text in given.values()):
        return ""
    given = {symbol: text for symbol, text in given.items() if text.lower() not in _ABSENT}
    numbers = {symbol: Decimal(text) for symbol, text in given.items() if re.fullmatch(NUMBER, text)}
    present = {symbol: text for symbol, text in given.items() if numbers.get(symbol, 1)}
    if balance is not None and len(numbers) == len(given):
        rest = WHOLE - sum(numbers.values(), Decimal(0))
        present |= {balance: f"{rest:f}"} if rest else {}
    return "".join(f"{symbol}{text.removeprefix('+')}" for symbol, text in present.items())
