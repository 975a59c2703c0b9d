"""What is noted of the rows of a user's table: which were left out and why, and which share a composition."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from elemflow.config.base import Transform
from elemflow.core.errors import quoted
from elemflow.curation.numbers import NUMBER, read_number, why_no_number
from elemflow.multitask.transforms import to_target

MOST_CELLS = 3
"""Most cells of each kind that a note quotes."""
UNREAD, EMPTY, NO_NUMBER, NO_LOGARITHM, NO_FEATURES = (
    "with a formula that cannot be read",
    "with an empty cell",
    "without a number",
    "without a logarithm",
    "without features",
)
"""Kinds of rows that are left out."""


class Rejected(NamedTuple):
    """A row that was left out.

    Attributes:
        row: Its number from 1, without the header.
        formula: Its formula.
        reason: Why it was left out.
        kind: The same in words that many rows share.
        cell: What it has where the reason is.
        advice: What to do; empty if the reason says enough.
    """

    row: int
    formula: str
    reason: str
    kind: str
    cell: str
    advice: str = ""


class Repeated(NamedTuple):
    """Compositions with several rows.

    Attributes:
        compositions: Number of them.
        differing: Number of those whose values are not all equal.
        formula: The one of the largest spread, as the table writes it; empty if no values differ.
        low, high: Its smallest and largest value.
        spread: Difference of the two, as it is learned.
        relative: This in standard deviations of what is learned.
        columns: Other columns with several numbers within compositions whose values differ.
    """

    compositions: int
    differing: int = 0
    formula: str = ""
    low: float = 0.0
    high: float = 0.0
    spread: float = 0.0
    relative: float = 0.0
    columns: tuple[str, ...] = ()


def text_of(cell: Any) -> str:
    """Return a cell as text without spaces around it; that of a missing cell is empty."""
    missing = pd.api.types.is_scalar(cell) and pd.isna(cell)
    return "" if missing else str(cell).strip()


def rejected_number(
    row: int, formula: str, value: float | None, cell: object, transform: Transform, decimal: str
) -> Rejected | None:
    """Return why a value is left out, or None.

    Args:
        row: Number of the row from 1.
        formula: Its formula.
        value: The cell as a number; None if it is none.
        cell: The cell.
        transform: What is learned of a value.
        decimal: What stands before decimals in the table.
    """
    text = text_of(cell)
    if not text:
        return Rejected(row, formula, "the cell is empty", EMPTY, text)
    if value is None:
        advice = _advice(text, decimal)
        reason = " ".join(filter(None, (f"{quoted(text)} is no number.", advice))).removesuffix(".")
        return Rejected(row, formula, reason, NO_NUMBER, text, advice)
    if transform == "log10" and value <= 0:
        return Rejected(row, formula, f"{value:g} has no logarithm", NO_LOGARITHM, text)
    return None


def _advice(cell: str, decimal: str) -> str:
    """Return what a cell looks like that is no number, and what to do; empty if it looks like nothing known."""
    if decimal == "." and re.fullmatch(NUMBER.replace(r"\.", ","), cell[:100]):
        return "Write it with a decimal point, and without separators of thousands."
    if decimal == "," and re.fullmatch(NUMBER, cell[:100]):
        return "It has a decimal point, and other numbers of the table a decimal comma: write all in one way."
    return why_no_number(cell, decimal)


def summary_of(rejected: Sequence[Rejected], lost: Sequence[tuple[str, int]] = ()) -> str:
    """Return numbers of rows by kind with some of their cells, and what to do; empty if no row was left out.

    Args:
        rejected: Rows that were left out.
        lost: Formulas without features, and the number of rows of each.
    """
    cells: dict[str, dict[str, int]] = {}
    for kind, cell, rows in [
        *((each.kind, each.cell, 1) for each in rejected),
        *((NO_FEATURES, formula, rows) for formula, rows in lost),
    ]:
        of_kind = cells.setdefault(kind, {})
        of_kind[cell] = of_kind.get(cell, 0) + rows
    parts = []
    for kind, found in sorted(cells.items(), key=lambda item: -sum(item[1].values())):
        some = ", ".join(quoted(cell) for cell in list(found)[:MOST_CELLS] if cell)
        parts.append(
            f"{sum(found.values()):,} {kind}" + (f" ({some}{', …' * (len(found) > MOST_CELLS)})" if some else "")
        )
    advised: dict[str, str] = {}
    for each in rejected:
        if each.advice:
            advised.setdefault(each.advice, each.cell)
    return " ".join(
        ["; ".join(parts) + "." if parts else "", *(f"{quoted(c)}: {a}" for a, c in advised.items())]
    ).strip()


def repeated_of(
    rows: pd.DataFrame, medians: np.ndarray, others: Mapping[str, pd.Series], transform: Transform, decimal: str
) -> Repeated:
    """Return what rows of one composition have in common.

    Args:
        rows: `composition`, `formula` and `value` of the rows that are kept.
        medians: What is learned, by composition.
        others: Further columns of numbers with the same index.
        transform: What is learned of a value.
        decimal: What stands before decimals in the table.
    """
    several = rows[rows["composition"].duplicated(keep=False)]
    ranges = several.groupby("composition")["value"].agg(["min", "max"])
    spreads = pd.Series(to_target(ranges["max"].to_numpy(), transform) - to_target(ranges["min"].to_numpy(), transform))
    spreads.index = ranges.index
    differing = spreads[spreads > 0]
    if differing.empty:
        return Repeated(len(ranges))
    largest, within = differing.idxmax(), several[several["composition"].isin(differing.index)]
    varying = []
    for name, cells in others.items():
        numbers = [read_number(cell, decimal) for cell in cells.loc[within.index]]
        of_composition = pd.Series(numbers, within.index, dtype=float).groupby(within["composition"])
        if (of_composition.max() > of_composition.min()).any():
            varying.append(name)
    formula = several.loc[several["composition"] == largest, "formula"].iloc[0]
    low, high, spread = (float(each) for each in (*ranges.loc[largest], spreads[largest]))
    relative = spread / float(np.std(medians)) if np.std(medians) > 0 else float("inf")
    return Repeated(len(ranges), len(differing), formula, low, high, spread, relative, tuple(varying))


def repeated_note(found: Repeated, unit: str, transform: Transform) -> list[str]:
    """Return a note if rows of one composition have different values."""
    if not found.differing:
        return []
    much = f"a factor of {10**found.spread:.3g}" if transform == "log10" else f"{found.spread:.3g} {unit}".rstrip()
    note = (
        f"{found.compositions:,} compositions have several rows, {found.differing:,} of them with different values, of "
        f"which the median counts. The largest spread is {much} ({found.formula}: {found.low:.4g} to "
        f"{found.high:.4g}), {found.relative:.2g} standard deviations of what is learned."
    )
    if found.columns:
        note += (
            f" Other numbers that vary within them: {', '.join(found.columns)}. If such a condition explains the "
            "values, keep the rows of one condition."
        )
    return [note]
