"""Further columns of a user's table, such as ids and measured values, next to the predictions of its rows."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from elemflow.core.errors import DataError
from elemflow.sources.json_rows import iter_lines, iter_rows
from elemflow.sources.table_files import UNREADABLE, open_table
from elemflow.sources.table_rows import Layout
from elemflow.sources.workbook import iter_sheet

CLASH = "_given"
"""What the name of a further column gets if the output has a column of this name."""
_EXACT = 2**53
"""Integers up to it are exact as floating-point numbers."""
_KINDS = (({"bool"}, pa.bool_()), ({"int", "large"}, pa.int64()), ({"int", "float"}, pa.float64()))


def further_schema(frame: pd.DataFrame, without: str) -> pa.Schema:
    """Return the further columns of a table whose frames all have the same.

    Args:
        frame: One of its frames.
        without: Column of the formulas.
    """
    fields = []
    for place, name in enumerate(frame.columns):
        if str(name) == without:
            continue
        cells = frame.iloc[:0, place]
        is_number = pd.api.types.is_numeric_dtype(cells)
        fields.append(pa.field(_name(name), pa.array(cells, from_pandas=True).type if is_number else pa.string()))
    return pa.schema(fields)


def further_of_records(table: Path, layout: Layout, without: str) -> pa.Schema:
    """Return the further columns of a file of records, each of which may have others: the file is read once for them.

    A column of numbers or truth values has this type, any other is text.

    Args:
        table: A file of JSON, JSON lines or a workbook; one that is damaged gives what stands before the damage.
        layout: How it is read.
        without: Column of the formulas.
    """
    kinds: dict[str, set[str]] = {}
    try:
        for record in _records(table, layout):
            for name, value in record.items():
                kinds.setdefault(str(name), set()).update(_kind(value))
    except (ValueError, RecursionError, DataError, *UNREADABLE):
        pass  # what is wrong with the file, its reading says
    return pa.schema([pa.field(_name(name), _type(found)) for name, found in kinds.items() if name != without])


def further_cells(frame: pd.DataFrame, schema: pa.Schema, without: str) -> pa.Table:
    """Return the further columns of a frame; null in empty cells, and where the frame lacks a column.

    Args:
        frame: A frame of the table.
        schema: What `further_schema` or `further_of_records` returned.
        without: Column of the formulas.
    """
    places = {_name(name): place for place, name in enumerate(frame.columns) if str(name) != without}
    columns = [
        _cells(frame.iloc[:, places[field.name]], field.type)
        if field.name in places
        else pa.nulls(len(frame), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


@dataclass(frozen=True)
class Joined:
    """Predictions next to the further columns of the table that they are of.

    Attributes:
        predictions: Schema of the predictions, with the names of the output.
        further: The further columns, with the names of the output; None if there are none.
        place: Number of columns of the predictions that stand before them.
        renamed: New names of further columns by their own, where the predictions have a column of their name.
    """

    predictions: pa.Schema
    further: pa.Schema | None
    place: int
    renamed: Mapping[str, str]

    @classmethod
    def of(cls, predictions: pa.Schema, further: pa.Table | None, place: int) -> "Joined":
        """Return how columns stand next to each other.

        Args:
            predictions: See `Joined`.
            further: The further columns of the first rows; None if there are none.
            place: See `Joined`.
        """
        if further is None or not further.num_columns:
            return cls(predictions, None, place, {})
        own, taken, renamed = set(further.column_names), set(predictions.names), {}
        for name in further.column_names:
            new = name
            while new in taken or (new != name and new in own):
                new += CLASH
            taken.add(new)
            if new != name:
                renamed[name] = new
        fields = [field.with_name(renamed.get(field.name, field.name)) for field in further.schema]
        return cls(predictions, pa.schema(fields), place, renamed)

    @property
    def schema(self) -> pa.Schema:
        """Schema of all columns."""
        fields = list(self.predictions)
        fields[self.place : self.place] = list(self.further or [])
        return pa.schema(fields, metadata=self.predictions.metadata)

    @property
    def note(self) -> str:
        """What to say of columns with another name; empty if there are none."""
        if not self.renamed:
            return ""
        pairs = ", ".join(f"'{old}' to '{new}'" for old, new in self.renamed.items())
        return f"columns of the table with the name of a column of the output are renamed: {pairs}"

    def table(self, predictions: pa.Table, further: pa.Table | None) -> pa.Table:
        """Return some rows with all columns.

        Args:
            predictions: Their predictions, named as they are computed.
            further: Their further columns.
        """
        named = predictions.rename_columns(self.predictions.names).cast(self.predictions)
        if self.further is None or further is None:
            return named
        columns = named.columns
        columns[self.place : self.place] = further.columns
        return pa.table(columns, schema=self.schema)


def _records(table: Path, layout: Layout) -> Iterator[Mapping[str, Any]]:
    with open_table(table, layout.member, workbook=layout.format == "xlsx") as stream:
        if layout.format == "xlsx":
            yield from iter_sheet(table, stream, layout.sheet)
        else:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig")
            yield from iter_lines(text) if layout.format == "jsonl" else iter_rows(text)


def _kind(value: Any) -> Iterable[str]:
    """Return what a JSON value is; nothing for null."""
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("bool",)
    if isinstance(value, int):
        return ("int",) if abs(value) <= _EXACT else ("large",) if -(2**63) <= value < 2**63 else ("text",)
    return ("float",) if isinstance(value, float) and isfinite(value) else ("text",)


def _type(kinds: set[str]) -> pa.DataType:
    return next((kind for all_of, kind in _KINDS if kinds and kinds <= all_of), pa.string())


def _cells(cells: pd.Series, kind: pa.DataType) -> pa.Array:
    """Return cells, numbers or text, as a column of a type."""
    if pd.api.types.is_numeric_dtype(cells):
        return pa.array(cells, kind, from_pandas=True)
    texts = [text or None for text in cells]
    if pa.types.is_boolean(kind):
        return pa.array([None if text is None else text == "true" for text in texts], kind)
    if pa.types.is_integer(kind):
        return pa.array([None if text is None else int(text) for text in texts], kind)
    if pa.types.is_floating(kind):
        return pa.array([None if text is None else float(text) for text in texts], kind)
    return pa.array(texts, kind)


def _name(name: object) -> str:
    """Return the name of a column as text that can be written."""
    return str(name).encode("utf-8", "replace").decode()
