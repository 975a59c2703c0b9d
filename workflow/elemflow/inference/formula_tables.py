"""Formulas out of the files that a user has: tables in the field's formats, or lists of one formula per line."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from elemflow.core.errors import DataError, nearest
from elemflow.core.parquet import count_rows as count_parquet_rows
from elemflow.inference.formulas import Chunk
from elemflow.inference.further_columns import further_cells, further_of_records, further_schema
from elemflow.sources.csv_header import header_separator, named_separator
from elemflow.sources.table_files import UNREADABLE, UnreadableTable, format_of, open_table, suffix_of
from elemflow.sources.table_rows import CHUNK_ROWS, Layout, frames_of, read_table

FORMULA_COLUMNS = ("formula", "composition")
SEPARATORS = {"csv": ",", "tsv": "\t"}
FORMATS = ("csv", "tsv", "json", "jsonl", "parquet", "xlsx", "txt")
"""Formats of tables of formulas, which are their suffixes; `txt` has one formula per line."""


def formula_chunks(table: Path, column: str | None = None) -> Iterator[Chunk]:
    """Yield the formulas of a file with its further columns, at most `CHUNK_ROWS` rows at a time.

    Args:
        table: A file of one of the `FORMATS`, compressed or not. Blank lines of a `txt` file are left out.
        column: Column of the formulas; None looks for `FORMULA_COLUMNS`.

    Raises:
        DataError: There is no such file or column, no row, or the format is unknown or another than the name says.
    """
    form = _format(table)
    if not table.is_file():
        raise DataError(f"{table}: {'a folder, not a file' if table.is_dir() else 'no such file'}.")
    if not table.stat().st_size:
        raise DataError(f"{table}: the file is empty.")
    rows = 0
    for chunk in map(Chunk, _lines(table)) if form == "txt" else _cells(table, form, column):
        rows += len(chunk.formulas)
        yield chunk
    if not rows:
        raise DataError(f"{table}: no rows.")


def count_rows(table: Path) -> int | None:
    """Return about how many rows a file of formulas has, at a glance: lines of text, or what Parquet says.

    Args:
        table: A file of one of the `FORMATS`; one that cannot be read, is compressed or has no lines gives None.
    """
    form = table.suffix.removeprefix(".").lower()
    try:
        if form == "parquet":
            return count_parquet_rows(table)
        if form in ("csv", "tsv", "txt", "jsonl"):
            with table.open("rb") as stream:
                lines = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
            return max(lines - (form in SEPARATORS), 1)
    except (DataError, OSError):  # what is wrong with the file, its reading says
        return None
    return None


def format_of_text(start: bytes, column: str | None = None) -> str:
    """Return the format of a table of formulas without a name, such as that of standard input.

    Args:
        start: Its first line, or some kilobytes of it.
        column: Column of the formulas, if it is known: there is a header then.
    """
    if start.startswith(b"PAR1"):
        return "parquet"
    line = start.decode("utf-8-sig", errors="replace").lstrip().partition("\n")[0].strip(" \r\n")
    if named := named_separator(line):
        return "tsv" if named == "\t" else "csv"
    line = line.strip()
    if line.startswith("{"):
        return "jsonl"
    if line.startswith(("[{", "[ {")) or line == "[":
        return "json"
    for form, separator in SEPARATORS.items():
        cells = [cell.strip(' "') for cell in line.split(separator)]
        if {*FORMULA_COLUMNS} & {cell.casefold() for cell in cells} or column in cells or (column and len(cells) > 1):
            return form
    return "txt"


def _texts(table: Path) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of the lines of a file that are not blank."""
    try:
        with open_table(table) as stream:
            for number, line in enumerate(stream, 1):
                if text := line.decode("utf-8-sig").strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise DataError(f"{table}: the byte {error.object[error.start]:#04x} is not UTF-8. Save it as UTF-8.") from None
    except UnreadableTable as error:
        raise DataError(f"{error.problem} Give the file itself.") from None
    except UNREADABLE as error:
        raise DataError(f"{table} is damaged or cut off: {error}. Get it again.") from None


def _lines(table: Path) -> Iterator[list[str]]:
    """Yield the lines of a file that are not blank."""
    texts = (text for _, text in _texts(table))
    while chunk := list(itertools.islice(texts, CHUNK_ROWS)):
        yield chunk


def _records(table: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file with one per line."""
    for number, text in _texts(table):
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{table}, line {number}: no JSON ({error.msg}). Correct or remove the line.") from None
        if not isinstance(record, dict):
            raise DataError(f'{table}, line {number}: no JSON object; write {{"formula": "NaCl"}}.')
        yield record


def _cells(table: Path, form: str, column: str | None) -> Iterator[Chunk]:
    """Yield formulas and further cells of a table; messages of `read_table` would name the keys of a dataset."""
    try:
        separator = header_separator(table, "\t") if form == "csv" else SEPARATORS.get(form, ",")
        layout = Layout(format_of(table.name) or "csv", separator)
        frames = frames_of(_records(table)) if form == "jsonl" else read_table(table, layout)
        schema = None
        for frame in frames:
            name = _column(frame.columns, column, table)
            if schema is None:
                is_sparse = frame.attrs.get("sparse")
                schema = further_of_records(table, layout, name) if is_sparse else further_schema(frame, name)
            yield Chunk([str(text).strip() for text in frame[name]], further_cells(frame, schema, name))
    except UnreadableTable as error:
        raise DataError(
            f"{error.problem} Save it as a table of comma-separated columns (.csv), as JSON or as Parquet."
        ) from None


def _column(columns: Iterable[str], wanted: str | None, table: Path) -> str:
    names = [str(name) for name in columns]
    alike = _formula_columns(names)
    column = wanted or (alike[0] if len(alike) == 1 else None)
    if column not in names:
        missing = f"none of the columns {', '.join(FORMULA_COLUMNS)}"
        if wanted:
            missing = f"no column '{wanted}'"
        elif alike:
            missing = f"columns {', '.join(map(repr, alike))}, which differ by case or spaces alone"
        meant = nearest(wanted or "formula", names)
        raise DataError(
            f"{table}: {missing}. Found: {', '.join(names)}.{meant} Name the column of the formulas (--column)."
        )
    return str(column)


def _formula_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of the first of `FORMULA_COLUMNS` that there is, in any case and with spaces around it."""
    alike = ([name for name in names if name.strip().casefold() == known] for known in FORMULA_COLUMNS)
    return next(filter(None, alike), [])


def _format(table: Path) -> str:
    suffix = suffix_of(table.name)
    if suffix not in FORMATS:
        raise DataError(
            f"{table}: the format is not known by its name. Name it .csv, .tsv, .json, .jsonl, .parquet, .xlsx, or "
            ".txt if it has one formula per line, each also with .gz, .bz2, .xz, .zst or .zip."
        )
    return suffix
