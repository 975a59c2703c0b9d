"""A user's table for fine-tuning: one value per composition, with every row that was left out and why."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.base.table_rows import (
    EMPTY,
    UNREAD,
    Rejected,
    Repeated,
    rejected_number,
    repeated_of,
    summary_of,
    text_of,
)
from elemflow.chemistry.composition import canonical_forms
from elemflow.config.base import Transform
from elemflow.core.errors import DataError, nearest
from elemflow.curation.numbers import read_number
from elemflow.curation.outliers import lone_edges
from elemflow.curation.propose import Proposal, propose, split_unit
from elemflow.multitask.transforms import to_target
from elemflow.sources.table_files import UnreadableTable
from elemflow.sources.table_rows import read_table

FEWEST = 20
"""Fewest compositions that are fine-tuned on: five folds of them still calibrate an interval of 90 %."""
FEWEST_OTHERS = 5
"""Fewest values that are not the most frequent one."""
LARGEST = 1e37
"""Largest value; the predictor stores values and errors as 32-bit numbers, which end at 3.4e38."""


@dataclass(frozen=True)
class Measured:
    """Values of a property.

    Attributes:
        target: Name of its column, without the unit.
        unit: Unit of the values, or an empty text.
        heading: Unit in the name of the column, or an empty text.
        compositions: Canonical compositions, sorted (rows,).
        formulas: How the table first writes each of them (rows,).
        values: Values in the unit; the median where a composition has several (rows,).
        y: What is learned of them (rows,).
        repeated: Rows whose composition another row has too.
        rejected: Rows that were left out.
        column: Column of the formulas.
        others: Columns that have formulas too, if none was named.
        counts: Number of rows of each composition (rows,).
        n_rows: Number of all rows of the table.
        spread: How the values of one composition differ.
        comma: First number that has a decimal comma; empty if decimals stand behind a point.
    """

    target: str
    unit: str
    heading: str
    compositions: list[str]
    formulas: list[str]
    values: np.ndarray
    y: np.ndarray
    repeated: int
    rejected: list[Rejected]
    column: str
    others: tuple[str, ...]
    counts: np.ndarray
    n_rows: int
    spread: Repeated
    comma: str


def read_measured(
    table: Path,
    target: str,
    formula: str | None = None,
    unit: str | None = None,
    transform: Transform = "none",
    *,
    minimum: float | None = None,
) -> Measured:
    """Read a table with formulas and values.

    Args:
        table: A file in one of the formats of the source `table`.
        target: Column of the values.
        formula: Column of the formulas; None is the one that looks like it.
        unit: Unit of the values; None is the one in the name of the column.
        transform: What is learned of a value.
        minimum: Lowest value that the property can have.

    Raises:
        DataError: A column is missing, the values cannot be learned (see `check_learnable`), or one is below the
            minimum.
    """
    found = _proposal(table, target)
    if target not in found.columns:  # a name without the unit that the column has in brackets
        alone = [name for name in found.columns if split_unit(name)[0] == target]
        target = alone[0] if len(alone) == 1 else target
        found = _proposal(table, target)
    column = formula or next(iter(found.formulas), None)
    if column is None or column not in found.columns:
        missing = f"no column '{column}'" if column else "no column of formulas"
        names = f"Found: {', '.join(found.columns)}.{nearest(column, found.columns) if column else ''}"
        raise DataError(f"{table}: {missing}. Name the one of the formulas with --formula. {names}")
    if target not in found.columns:
        raise DataError(
            f"{table}: no column '{target}'. Found: {', '.join(found.columns)}.{nearest(target, found.columns)}"
        )
    frame = pd.concat(read_table(table, found.layout), ignore_index=True)
    texts = [text_of(cell) for cell in frame[column]]
    numbers = [read_number(cell, found.decimal) for cell in frame[target]]
    forms, unread = canonical_forms(texts)
    rejected, kept, places = list[Rejected](), [], []
    for row, (text, value, cell) in enumerate(zip(texts, numbers, frame[target], strict=True), start=1):
        if reason := unread.get(text):
            rejected.append(Rejected(row, text, reason, UNREAD if text else EMPTY, text))
        elif refused := rejected_number(row, text, value, cell, transform, found.decimal):
            rejected.append(refused)
        else:
            kept.append((forms[text], text, value))
            places.append(row - 1)
    rows = pd.DataFrame(kept, columns=["composition", "formula", "value"], index=places)
    of_composition = rows.groupby("composition", sort=True)
    medians = of_composition["value"].median()
    y = to_target(medians.to_numpy(), transform)
    proposed = next((each.unit for each in found.numbers if each.name == target), None)
    title = split_unit(target)[0] if proposed else target
    others = {each.name: frame[each.name] for each in found.numbers if each.name not in (target, column)}
    measured = Measured(
        target=title or target,
        unit=unit or proposed or "",
        heading=proposed or "",
        compositions=medians.index.to_list(),
        formulas=of_composition["formula"].first().to_list(),
        values=medians.to_numpy(),
        y=y,
        repeated=int(rows["composition"].duplicated(keep=False).sum()),
        rejected=rejected,
        column=column,
        others=() if formula else tuple(name for name in found.formulas if name != column),
        counts=of_composition.size().to_numpy(),
        n_rows=len(frame),
        spread=repeated_of(rows, y, others, transform, found.decimal),
        comma=next(
            (cell for cell in map(text_of, frame[target]) if "," in cell and read_number(cell, ",") is not None), ""
        )
        if found.decimal == ","
        else "",
    )
    left = measured.rejected
    first = f"Left out: {summary_of(left)} The first is row {left[0].row}." if left else ""
    check_learnable(table, measured.target, measured.y, first)
    if minimum is not None:
        _check_minimum(table, rows, minimum)
    return measured


def _proposal(table: Path, target: str) -> Proposal:
    """Return what the columns of a table look like.

    Raises:
        DataError: The file is no table; the message has no keys of a dataset.
    """
    if table.is_file() and not table.stat().st_size:
        raise DataError(f"{table}: the file is empty.")
    try:
        return propose(table, [target])
    except UnreadableTable as error:
        raise DataError(
            f"{error.problem} Save it as a table of comma-separated columns (.csv), as JSON or as Parquet."
        ) from None


def implausible(measured: Measured) -> list[str]:
    """Return a note on each value at an edge that lies far from all others, as a mark for a missing value does."""
    notes = []
    for edge, low, high in lone_edges(measured.values):
        formula = next(text for text, value in zip(measured.formulas, measured.values, strict=True) if value == edge)
        notes.append(
            f"{formula}: the value {edge:g} is far from all others ({low:g} to {high:g}). It counts as it stands; if "
            "it marks a missing value, remove the row."
        )
    return notes


def check_learnable(table: Path, target: str, y: np.ndarray, left_out: str = "") -> None:
    """Check that values can be learned and tested.

    Args:
        table: Their file.
        target: Name of their column.
        y: What is learned of each composition (rows,).
        left_out: What was left out and why, for the message.

    Raises:
        DataError: They are fewer than `FEWEST`, nearly all equal, or beyond what 32-bit numbers hold.
    """
    if len(y) < FEWEST:
        count = f"{len(y)} composition{' has' if len(y) == 1 else 's have'}"
        why = f" {left_out}" if left_out else ""
        raise DataError(
            f"{table}: {count} a value of '{target}', and {FEWEST} are the fewest that can be "
            f"fine-tuned on and tested.{why}"
        )
    found, counts = np.unique(y, return_counts=True)
    most = int(counts.argmax())
    if (others := len(y) - int(counts[most])) < FEWEST_OTHERS:
        which = f"all {len(y)}" if not others else f"{counts[most]} of {len(y)}"
        raise DataError(
            f"{table}: {which} values of '{target}' are {found[most]:g}; at least {FEWEST_OTHERS} others are needed, "
            "so that each of five folds can learn and test one."
        )
    largest, spread = float(np.abs(y).max()), float(np.std(y / np.abs(y).max())) * float(np.abs(y).max())
    if largest > LARGEST or spread < 1 / LARGEST:
        size = f"reach {largest:g}" if largest > LARGEST else f"vary by {spread:g} alone"
        raise DataError(
            f"{table}: values of '{target}' {size}, beyond what the 32-bit numbers of a predictor hold. Write them in "
            "another unit, or give --transform log10."
        )


def _check_minimum(table: Path, rows: pd.DataFrame, minimum: float) -> None:
    """Refuse a minimum that a value contradicts."""
    below = rows[~(rows["value"] >= minimum)]
    if len(below):
        first = below.iloc[0]
        raise DataError(
            f"{table}: {len(below)} of {len(rows)} values are below --minimum {minimum:g}, the first of them "
            f"{first['value']:g} ({first['formula']}). Correct the table, or give a lower minimum."
        )
