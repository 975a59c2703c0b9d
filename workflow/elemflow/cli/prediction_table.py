"""Predictions as an aligned table for the terminal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from elemflow.cli.terminal import MISSING, aligned, column_widths, decimals_of, number, printable
from elemflow.core.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.inference.predictor import Predictor

Cell = Callable[[dict[str, Any]], str]


@contextmanager
def table_writer(out: Path | None, predictor: "Predictor") -> Iterator[Callable[["pa.Table"], None]]:
    """Yield a function that writes tables of predictions, aligned to the first of them.

    Args:
        out: File to write; None is standard output.
        predictor: What predicts.
    """
    widths: list[int] = []
    with ExitStack() as stack:
        stream = None
        if out:
            path = stack.enter_context(atomic_path(out))
            stream = stack.enter_context(path.open("w", encoding="utf-8"))

        def append(table: "pa.Table") -> None:
            nonlocal widths
            columns = _columns(table, predictor)
            rows = [[cell(row) for cell in columns.values()] for row in table.to_pylist()]
            header = [] if widths else list(columns)
            widths = widths or column_widths(header, rows)
            click.echo(aligned(header, rows, widths), file=stream)

        yield append


def _columns(table: "pa.Table", predictor: "Predictor") -> dict[str, Cell]:
    """Return what the columns show of a row, by their names."""
    names, unit = table.column_names, predictor.unit
    largest = max((abs(value) for value in table.column("y_pred").to_pylist() if value is not None), default=0.0)
    decimals = decimals_of(largest)

    def value(name: str) -> Cell:
        return lambda row: number(row[name], decimals)

    def interval(row: dict[str, Any]) -> str:
        return MISSING if row["lower"] is None else f"{value('lower')(row)} to {value('upper')(row)}"

    key = names[0]
    columns: dict[str, Cell] = {key: lambda row: str(row[key])}
    columns[printable(f"{predictor.property_id} [{unit}]")] = value("y_pred")
    if predictor.ensemble.members > 1:
        columns["spread"] = value("spread")
    if "lower" in names:
        columns[f"{predictor.level} % interval"] = interval
    if "flag" in names:
        columns["flag"] = _flag
    if "known" in names:
        columns["known"] = value("known")
        columns["set"] = lambda row: row["set"] or MISSING
    return columns


def _flag(row: dict[str, Any]) -> str:
    """Return the flag of the applicability domain, with the elements that no training material has."""
    elements = f" ({row['unseen_elements']})" if row["unseen_elements"] else ""
    return f"{row['flag']}{elements}" if row["flag"] else MISSING
