"""Rows of a table file: csv, JSON, Parquet or a workbook, compressed or in an archive or neither."""

import csv
import io
import itertools
import json
import re
import warnings
import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TextIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from elemflow.core.errors import DataError
from elemflow.sources.csv_header import check_separator, named_separator
from elemflow.sources.json_rows import iter_lines, iter_rows
from elemflow.sources.options import FORMATS, WHITESPACE, Format
from elemflow.sources.short_rows import CsvFile, without_short_rows
from elemflow.sources.table_files import UNREADABLE, UnreadableTable, WithoutNul, open_table
from elemflow.sources.workbook import iter_sheet

_RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_QUOTES = "a text or number with the separator needs quotes around it"

CHUNK_ROWS = 10_000
"""Rows of a frame; with two crystal structures per row it takes some 100 MB."""

WITH_GAPS: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(),
}  # fmt: skip
"""Types of columns that would be others in a frame with an empty cell than in one without: 225.0 for 225."""

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a character, as `\\ud800` of a JSON text: it cannot be written."""

_UNREADABLE = (
    ValueError,
    RecursionError,
    csv.Error,
    zlib.error,
    pa.ArrowException,
    pd.errors.ParserWarning,
    *UNREADABLE,
)


class Layout(NamedTuple):
    """How a file is read as a table; see the keys of the same names of `Options`."""

    format: Format
    separator: str = ","
    member: str | None = None
    sheet: str | None = None
    names: tuple[str, ...] | None = None


def read_table(path: Path, layout: Layout) -> Iterator[pd.DataFrame]:
    """Yield a table in frames of at most `CHUNK_ROWS` rows.

    CSV cells are text as given, so that the formula NaN stays a formula; so are JSON strings, while other JSON
    values become their JSON text (numbers keep all digits, structures can be decoded) and null becomes empty.
    Numeric columns of a Parquet file stay numeric, nested ones become JSON text.

    Args:
        path: The file; whether it is compressed or an archive is seen from its content.
        layout: How it is read.

    Yields:
        Frames with the columns of the file.

    Raises:
        DataError: The file cannot be read to its end, two of its columns have one name, or its header shows another
            separator.
    """
    readers: dict[Format, Callable[[IO[bytes]], Iterator[pd.DataFrame]]] = {
        "csv": partial(_read_csv, path, layout),
        "json": _read_json,
        "jsonl": partial(_read_json, iter_records=iter_lines),
        "parquet": partial(_read_parquet, path),
        "xlsx": lambda stream: frames_of(iter_sheet(path, stream, layout.sheet)),
    }
    try:
        with open_table(path, layout.member, workbook=layout.format == "xlsx") as stream:
            for frame in readers[layout.format](stream):
                frame.attrs["file"] = f"{path.name}/{layout.member}" if layout.member else path.name
                yield frame
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} cannot be read as {layout.format}: the byte {error.object[error.start]:#04x} is not UTF-8. "
            "Save the file as UTF-8."
        ) from error
    except _UNREADABLE as error:
        raise UnreadableTable(
            f"{path} cannot be read as {layout.format}: {_in_words(error)}. The file is damaged, cut off or of another "
            "format.",
            f"Get it again, or correct source.format (allowed: {', '.join(FORMATS)}).",
        ) from error


def _in_words(error: Exception) -> str:
    """Return what an error of a reader says."""
    if isinstance(error, pd.errors.ParserWarning):
        return f"a row has more cells than the header; {_QUOTES}"
    detail = " ".join(str(error).split()) or type(error).__name__
    ragged = _RAGGED.search(detail)
    if ragged is None:
        return detail
    cells, line, found = ragged.groups()
    return f"line {line} has {found} cells, the header {cells}; {_QUOTES}"


def _read_csv(path: Path, layout: Layout, stream: IO[bytes]) -> Iterator[pd.DataFrame]:
    separator = layout.separator
    stream = cast("IO[bytes]", WithoutNul(stream))
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    # pandas passes over most empty lines above the header, so that what is checked must not be one of them.
    empty, line = 0, text.readline()
    while line and not line.strip(None if separator == WHITESPACE else " \r\n"):
        empty, line = empty + len(line.encode()), text.readline()
    above = 0  # lines that pandas passes over by their number, so that the numbers of lines in its messages hold
    if named := named_separator(line):
        separator, above, line = named, 1, text.readline()
        while line and not line.strip(" \r\n"):
            above, line = above + 1, text.readline()
    lines = itertools.chain([line], text)
    header = line.split() if separator == WHITESPACE else next(csv.reader(lines, delimiter=separator), [])
    first = text.readline()
    text.detach()
    stream.seek(0)
    if empty:
        stream.seek(empty + len(BOM_UTF8) * (stream.read(len(BOM_UTF8)) == BOM_UTF8))
    if not "".join(header) and not first:
        raise UnreadableTable(f"{path}: the file is empty.", "Get it again, or correct the source.")
    if layout.names and len(header) != len(layout.names):
        raise UnreadableTable(
            f"{path}: its first row has {len(header)} cells if columns are separated by {separator!r}, while "
            f"source.names has {len(layout.names)}.",
            "Correct source.names or source.separator.",
        )
    _check_names(path, layout.names or header)
    if not layout.names:
        check_separator(path, separator, header, first)
    with warnings.catch_warnings():
        # A row longer than the header would otherwise lose its last cells with a warning only.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frames = pd.read_csv(
            stream,
            sep=r"\s+" if separator == WHITESPACE else separator,
            dtype=str,
            keep_default_na=False,
            index_col=False,
            header=None if layout.names else 0,
            names=layout.names,
            encoding="utf-8-sig",
            chunksize=CHUNK_ROWS,
            skiprows=above,
            skip_blank_lines=len(header) != 1,  # in a single column an empty line is an empty cell
        )
        filled: Iterator[pd.DataFrame] = (frame.fillna("") for frame in frames)
        if len(header) > 1:
            file = CsvFile(path, layout.member, separator, rows_above=bool(above) + (not layout.names))
            filled = without_short_rows(file, layout.names or header, filled)
        yield from _without_blank_end(filled) if len(header) == 1 else filled


def _without_blank_end(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield frames of one column without the empty rows at the end of the last."""
    held = None
    for frame in frames:
        rows = frame if held is None else pd.concat([held, frame])
        filled = np.flatnonzero(rows.iloc[:, 0] != "")
        end = filled[-1] + 1 if len(filled) else 0
        held = rows.iloc[end:]
        yield rows.iloc[:end]


def _check_names(path: Path, names: Iterable[str]) -> None:
    """Raise if two columns have one name, which would be ambiguous; many columns may have no name."""
    counts = Counter(name for name in names if name)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise DataError(f"{path} has more than one column '{twice[0]}'. Rename or remove all but one.")


def _read_json(
    stream: IO[bytes], iter_records: Callable[[TextIO], Iterator[dict[str, Any]]] = iter_rows
) -> Iterator[pd.DataFrame]:
    yield from frames_of(iter_records(io.TextIOWrapper(stream, encoding="utf-8-sig")))


def frames_of(records: Iterable[Mapping[str, Any]]) -> Iterator[pd.DataFrame]:
    """Yield JSON objects as frames of text, at most `CHUNK_ROWS` rows each.

    Args:
        records: The rows; columns that appear in a later frame only are missing from the earlier ones, so the frames
            have the attribute `sparse`.
    """
    # As text a crystal structure takes a tenth of the memory of the decoded objects.
    rows = ({name: as_text(value) for name, value in record.items()} for record in records)
    columns: list[str] = []
    while batch := list(itertools.islice(rows, CHUNK_ROWS)):
        columns = list(dict.fromkeys(itertools.chain(columns, *batch)))
        frame = pd.DataFrame({name: [row.get(name, "") for row in batch] for name in columns}, dtype=str)
        frame.attrs["sparse"] = True
        yield frame


def as_text(value: Any) -> str:
    """Return a JSON value as a cell: text as it is, null and NaN as the empty text, others as their JSON text."""
    if value is None or value != value:  # noqa: PLR0124  NaN is no formula, sodium nitride, either
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if text.isascii() else _HALF_CHARACTER.sub("\ufffd", text)


def _read_parquet(path: Path, stream: IO[bytes]) -> Iterator[pd.DataFrame]:
    file = pq.ParquetFile(stream, page_checksum_verification=True)
    _check_names(path, file.schema_arrow.names)
    for batch in file.iter_batches(batch_size=CHUNK_ROWS):
        try:
            frame = batch.to_pandas(types_mapper=WITH_GAPS.get)
        except (KeyError, TypeError) as error:
            raise ValueError(f"what pandas noted in the file about its columns is damaged ({error})") from None
        if index := [name for name in frame.index.names if name in batch.schema.names]:
            frame = frame.reset_index(level=index)  # what pandas wrote as its index is a column like others
        for field in batch.schema:
            if pa.types.is_nested(field.type):
                cells = batch.column(field.name).to_pylist()
                frame[field.name] = ["" if cell is None else json.dumps(cell, default=str) for cell in cells]
        for name in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                frame[name] = frame[name].astype(object).where(frame[name].notna(), "").astype(str)
        yield frame
