"""Predictions in the formats of the field: csv, tsv, json, jsonl and Parquet, row by row."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TextIO

import pyarrow as pa

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, parquet_stream
from elemflow.core.spreadsheet import guarded

FORMATS = ("csv", "tsv", "json", "jsonl", "parquet")
Units = Literal["none", "name", "row"]
"""Where units stand: nowhere, in the names of the columns, or in a row below them (csv and tsv)."""
SEPARATORS = {"csv": ",", "tsv": "\t"}
SPREADSHEET_START = re.compile(r"^[=+\-@\t\r]", re.MULTILINE)
"""Beginning of a text that a spreadsheet program may compute, at the start of any line."""

Append = Callable[[pa.Table], None]


def format_of_name(out: Path) -> str:
    """Return the format that the name of a file stands for.

    Raises:
        DataError: It stands for none.
    """
    suffix = out.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise DataError(
            f"{out}: the format is not known by its name. Name it {', '.join(f'.{each}' for each in FORMATS)}, or give "
            "--format."
        )
    return suffix


def labelled(schema: pa.Schema, units: Units) -> pa.Schema:
    """Return a schema whose columns have the names of the output.

    The prediction is called by its property, unless a column of the output has that name.

    Args:
        schema: Schema of predictions, with units in the metadata of its fields.
        units: Where the units stand.
    """
    fields = []
    for field in schema:
        about = field.metadata or {}
        name = field.name
        if name == "y_pred" and (of_property := about[b"property"].decode()) not in schema.names:
            name = of_property
        unit = about.get(b"unit", b"").decode()
        fields.append(field.with_name(f"{name} [{unit}]" if units == "name" and unit else name))
    return pa.schema(fields, metadata=schema.metadata)


@contextmanager
def open_writer(out: Path | None, form: str, schema: pa.Schema, units: Units) -> Iterator[Append]:
    """Yield a function that appends tables of predictions to a file, which gets its name when the block succeeds.

    Args:
        out: File to write; None is standard output.
        form: One of the `FORMATS`.
        schema: Schema of the file and of every table; see `labelled`.
        units: Where the units stand.

    Raises:
        DataError: The format has no place for a row of units, or Parquet has no file.
    """
    if units == "row" and form not in SEPARATORS:
        raise DataError(f"a row of units has no place in {form}; choose csv or tsv, or units in the names of columns.")
    if form == "parquet":
        if out is None:
            raise DataError("Parquet is no text for standard output; name a file (-o predicted.parquet).")
        with parquet_stream(out, schema) as append:
            yield append
        return
    with atomic_path(out) if out else nullcontext() as path, _opened(path) as stream:
        if form in SEPARATORS:
            yield _separated(stream, SEPARATORS[form], schema, units)
        elif form == "jsonl":
            yield lambda table: stream.writelines(f"{_json(row)}\n" for row in table.to_pylist())
        else:
            yield from _json_list(stream)


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def _separated(stream: TextIO, separator: str, schema: pa.Schema, units: Units) -> Append:
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow(schema.names)
    if units == "row":
        writer.writerow((field.metadata or {}).get(b"unit", b"").decode() for field in schema)

    def append(table: pa.Table) -> None:
        columns = [_cells(table.column(field.name).to_pylist(), field.type) for field in schema]
        writer.writerows(zip(*columns, strict=True))

    return append


def _cells(values: Sequence[Any], kind: pa.DataType) -> Iterable[Any]:
    """Return the cells of a column; a text that a spreadsheet program would compute has an apostrophe before it."""
    if not pa.types.is_string(kind) or not SPREADSHEET_START.search("\n".join(filter(None, values))):
        return values
    return (value and guarded(value) for value in values)


def _json_list(stream: TextIO) -> Iterator[Append]:
    rows = 0

    def append(table: pa.Table) -> None:
        nonlocal rows
        for row in table.to_pylist():
            stream.write(f"{',' if rows else ''}\n{_json(row)}")
            rows += 1

    stream.write("[")
    yield append
    stream.write("\n]\n")


def _json(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:
        column = next(name for name, value in row.items() if isinstance(value, float) and not isfinite(value))
        raise DataError(f"column '{column}' has an infinite number, which JSON cannot write; choose csv.") from None
