"""Tables of formulas as batches of features, for the prediction of new materials."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.chemistry.composition import canonical_forms
from elemflow.chemistry.weights import CANONICAL, Basis
from elemflow.core.errors import DataError, nearest
from elemflow.features.store import Descriptors
from elemflow.sources.table import UnreadableTable, read_table

FORMULA_COLUMNS = ("formula", "composition")

UnsupportedRows = Callable[[np.ndarray], dict[int, str]]
"""Unscaled features (rows, columns) to the rows that a model cannot read, with reasons."""


@dataclass(frozen=True)
class Batch:
    """Materials to predict.

    Attributes:
        labels: Columns that name the materials, each (rows,).
        x: Unscaled features of those that have some, float32 (rows without reason, columns).
        reasons: Why a material has no features, or None (rows,).
    """

    labels: dict[str, list[str | None]]
    x: np.ndarray
    reasons: list[str | None]

    @property
    def predicted_rows(self) -> list[int]:
        """Return the numbers of the rows that have features."""
        return [row for row, reason in enumerate(self.reasons) if reason is None]


def formula_batches(
    table: Path,
    column: str | None,
    parts: Sequence[Descriptors],
    *,
    skip: bool,
    unsupported_rows: UnsupportedRows,
    amounts: Basis = "atomic",
) -> Iterator[Batch]:
    """Yield the rows of a table of formulas with their features.

    Args:
        table: CSV, JSON or Parquet file, gzipped or not.
        column: Column of the formulas; None looks for `FORMULA_COLUMNS`.
        parts: Modules of the parts of the representation.
        skip: Whether rows that cannot be predicted get a reason; they are an error otherwise.
        unsupported_rows: Rows that the model cannot read.
        amounts: What the amounts of the formulas count.

    Raises:
        DataError: A row cannot be predicted, the table has no rows or no such column, or its format is unknown.
    """
    done = 0
    for frame in _frames(table):
        formulas = [str(text).strip() for text in frame[_column(frame.columns, column, table)]]
        forms, unread = canonical_forms(formulas, CANONICAL[amounts])
        reasons = [unread.get(formula) for formula in formulas]
        good = [row for row, reason in enumerate(reasons) if reason is None]
        computed = [_columns_of(part, [forms[formulas[row]] for row in good]) for part in parts]
        for _, rejected in computed:
            for place, reason in rejected.items():
                reasons[good[place]] = reasons[good[place]] or reason
        x = np.concatenate([matrix for matrix, _ in computed], axis=1)
        for place, reason in unsupported_rows(x).items():
            reasons[good[place]] = reasons[good[place]] or reason
        bad = next((row for row, reason in enumerate(reasons) if reason), None)
        if bad is not None and not skip:
            raise DataError(
                f"{table}, row {done + bad + 1}: '{formulas[bad]}' cannot be predicted: {reasons[bad]}. Correct or "
                "remove the row, or skip such rows (--skip), which keeps them without a prediction."
            )
        kept = [place for place, row in enumerate(good) if reasons[row] is None]
        labels = {"formula": list[str | None](formulas), "composition": [forms.get(formula) for formula in formulas]}
        yield Batch(labels, x[kept], reasons)
        done += len(formulas)
    if not done:
        raise DataError(f"{table}: no rows.")


def _frames(table: Path) -> Iterator[pd.DataFrame]:
    """Yield a table in frames; the messages of `read_table` name a dataset's keys, which a prediction does not have."""
    form = _format(table)
    if not table.is_file():
        raise DataError(f"{table}: no such file.")
    try:
        yield from read_table(table, form)
    except UnreadableTable as error:
        raise DataError(
            f"{error.problem} Save it as a table of comma-separated columns (.csv), as JSON or as Parquet."
        ) from None


def _columns_of(part: Descriptors, compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Return the features of some compositions (rows, columns), and the rows without any, with reasons."""
    if not compositions:
        return np.empty((0, len(part.LABELS)), np.float32), {}
    return part.featurize(compositions)


def _column(columns: Iterable[str], wanted: str | None, table: Path) -> str:
    names = [str(name) for name in columns]
    column = wanted or next((name for name in FORMULA_COLUMNS if name in names), None)
    if column not in names:
        missing = f"no column '{wanted}'" if wanted else f"none of the columns {', '.join(FORMULA_COLUMNS)}"
        raise DataError(f"{table}: {missing}. Found: {', '.join(names)}.{nearest(wanted or 'formula', names)}")
    return str(column)


def _format(table: Path) -> str:
    name = table.name.removesuffix(".gz")
    for suffix in ("csv", "json", "parquet"):
        if name.endswith(f".{suffix}"):
            return suffix
    raise DataError(
        f"{table}: the format is not known by its name. Name it .csv, .json or .parquet, each also with .gz."
    )
