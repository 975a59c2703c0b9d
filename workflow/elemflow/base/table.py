"""A user's table for fine-tuning: one value per composition, with every row that was left out and why."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.chemistry.composition import canonical_forms
from elemflow.config.base import Transform
from elemflow.core.errors import DataError, nearest
from elemflow.curation.propose import propose
from elemflow.multitask.transforms import to_target
from elemflow.sources.table import read_table

FEWEST = 20
"""Fewest compositions that are fine-tuned on: five folds of them still calibrate an interval of 90 %."""


@dataclass(frozen=True)
class Measured:
    """Values of a property.

    Attributes:
        target: Name of its column, without the unit.
        unit: Unit of the values, or an empty text.
        compositions: Canonical compositions, sorted (rows,).
        formulas: How the table first writes each of them (rows,).
        values: Values in the unit; the median where a composition has several (rows,).
        y: What is learned of them (rows,).
        repeated: Rows whose composition another row has too.
        rejected: Row from 1, formula and reason of the rows that were left out.
    """

    target: str
    unit: str
    compositions: list[str]
    formulas: list[str]
    values: np.ndarray
    y: np.ndarray
    repeated: int
    rejected: list[tuple[int, str, str]]


def read_measured(
    table: Path, target: str, formula: str | None = None, unit: str | None = None, transform: Transform = "none"
) -> Measured:
    """Read a table with formulas and values.

    Args:
        table: A file in one of the formats of the source `table`.
        target: Column of the values.
        formula: Column of the formulas; None is the one that looks like it.
        unit: Unit of the values; None is the one in the name of the column.
        transform: What is learned of a value.

    Raises:
        DataError: A column is missing, or fewer than `FEWEST` compositions have a value, or all values are equal.
    """
    found = propose(table, [target])
    column = formula or next(iter(found.formulas), None)
    if column is None or column not in found.columns:
        raise DataError(f"{table}: no column of formulas. Name it with --formula. Found: {', '.join(found.columns)}.")
    if target not in found.columns:
        raise DataError(
            f"{table}: no column '{target}'. Found: {', '.join(found.columns)}.{nearest(target, found.columns)}"
        )
    frame = pd.concat(read_table(table, found.layout), ignore_index=True)
    texts = [str(cell).strip() for cell in frame[column]]
    numbers = [_number(cell, found.decimal) for cell in frame[target]]
    forms, unread = canonical_forms(texts)
    rejected, kept = [], []
    for row, (text, value) in enumerate(zip(texts, numbers, strict=True), start=1):
        reason = unread.get(text) or _reason(value, transform)
        if reason:
            rejected.append((row, text, reason))
        else:
            kept.append((forms[text], text, value))
    rows = pd.DataFrame(kept, columns=["composition", "formula", "value"])
    formulas = rows.groupby("composition", sort=True)["formula"].first()
    medians = rows.groupby("composition", sort=True)["value"].median()
    proposed = next((each.unit for each in found.numbers if each.name == target), None)
    title = re.sub(r"[\s_]*[(\[][^()\[\]]*[)\]]\s*$", "", target) if proposed else target
    measured = Measured(
        title or target, unit or proposed or "", medians.index.to_list(), formulas.to_list(), medians.to_numpy(),
        to_target(medians.to_numpy(), transform), int(rows["composition"].duplicated(keep=False).sum()), rejected,
    )  # fmt: skip
    _check(table, measured)
    return measured


def _number(cell: object, decimal: str) -> float:
    """Return a cell as a number; NaN if it is none."""
    text = str(cell).strip().replace("\u2212", "-")
    try:
        return float(text.replace(".", "").replace(",", ".") if decimal == "," else text)
    except ValueError:
        return float("nan")


def _reason(value: float, transform: Transform) -> str | None:
    """Return why a value is left out, or None."""
    if not np.isfinite(value):
        return "no number"
    if transform == "log10" and value <= 0:
        return f"{value:g} has no logarithm"
    return None


def _check(table: Path, measured: Measured) -> None:
    """Refuse what nothing can be learned from."""
    rows = len(measured.values)
    if rows < FEWEST:
        left = measured.rejected
        first = f" Left out: {len(left)}, the first of them row {left[0][0]}, {left[0][2]}." if left else ""
        raise DataError(
            f"{table}: {rows} compositions have a value of '{measured.target}', and {FEWEST} are the fewest that can "
            f"be fine-tuned on and tested.{first}"
        )
    if np.ptp(measured.y) == 0:
        raise DataError(
            f"{table}: all {rows} values of '{measured.target}' are {measured.y[0]:g}; there is nothing to learn."
        )
