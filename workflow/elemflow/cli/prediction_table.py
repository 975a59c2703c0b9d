"""Predictions as an aligned table for the terminal."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elemflow.cli.aligned_writer import aligned_writer
from elemflow.cli.terminal import MISSING, decimals_of, number, printable

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.inference.predictor import Predictor

Cell = Callable[[dict[str, Any]], str]


def table_writer(out: Path | None, predictor: "Predictor") -> AbstractContextManager[Callable[["pa.Table"], None]]:
    """Return a writer of tables of predictions; see `aligned_writer`.

    Args:
        out: File to write; None is standard output.
        predictor: What predicts.
    """

    def show(table: "pa.Table") -> tuple[list[str], list[list[str]]]:
        columns = _columns(table, predictor)
        return list(columns), [[cell(row) for cell in columns.values()] for row in table.to_pylist()]

    return aligned_writer(out, show)


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
