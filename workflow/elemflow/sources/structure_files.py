"""Structure files next to a table, one per row: copied into one Parquet file, and read back row by row."""

import itertools
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from elemflow.core.errors import DataError, nearest
from elemflow.core.files import parquet_stream
from elemflow.core.parquet import row_groups
from elemflow.sources.records import FileRecord
from elemflow.sources.table_files import UNREADABLE, open_table

log = logging.getLogger(__name__)

COLUMN = "structure"
"""Column that the texts of the files become."""
FILE = "structures_by_row.parquet"
FIELD = re.compile(r"\{([^{}]+)\}")
"""Column of the table in the pattern of the files."""

_PACKED = re.compile(r"\.(gz|bz2|xz|zst)$")
_SCHEMA = pa.schema([pa.field(COLUMN, pa.string(), nullable=False)])
_BATCH = 1000


def format_of_files(pattern: str) -> str:
    """Return the format of structure files by their name: `cif`, `extxyz`, else `poscar`."""
    name = _PACKED.sub("", pattern.lower())
    return "cif" if name.endswith(".cif") else "extxyz" if name.endswith("xyz") else "poscar"


def pack(pattern: str, frames: Iterable[pd.DataFrame], folder: Path) -> FileRecord:
    """Copy the structure file of each row of a table into one file, in the order of the rows.

    A row whose file does not exist has an empty text, and is rejected in the curation; a warning counts them.

    Args:
        pattern: Path of the files, with columns of the table in braces: `cifs/{id}.cif`.
        frames: The rows.
        folder: Where the file goes.

    Raises:
        DataError: The table lacks a column of the pattern or has a column `structure`, no row has a file, a path leads
            out of its folder, or a file cannot be read.
    """
    missing: list[str] = []
    rows = 0
    with parquet_stream(folder / FILE, _SCHEMA) as append:
        for frame in frames:
            _check_columns(pattern, frame)
            for start in range(0, len(frame), _BATCH):
                paths = _paths(pattern, frame.iloc[start : start + _BATCH])
                texts = [_text(path) for path in paths]
                missing += [str(path) for path, text in zip(paths, texts, strict=True) if text is None]
                append(pa.table({COLUMN: pa.array([text or "" for text in texts], pa.string())}, schema=_SCHEMA))
            rows += len(frame)
    if rows and len(missing) == rows:
        raise DataError(f"No row has a structure file; the first would be {missing[0]}. Correct source.structures.")
    if missing:
        log.warning(
            "%d of %d rows have no structure file, first %s; they are rejected.", len(missing), rows, missing[0]
        )
    return FileRecord.of(folder / FILE, url=pattern)


def with_structures(frames: Iterable[pd.DataFrame], folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the frames of a table with the texts that `pack` copied."""
    texts = (text for table in row_groups(folder / FILE) for text in table.column(0).to_pylist())
    for frame in frames:
        yield frame.assign(**{COLUMN: [next(texts) for _ in range(len(frame))]})


def _check_columns(pattern: str, frame: pd.DataFrame) -> None:
    names = [str(name) for name in frame.columns]
    if COLUMN in names:
        raise DataError(f"source.structures: the table has a column '{COLUMN}' already. Rename it, or remove the key.")
    for name in FIELD.findall(pattern):
        if name not in names:
            raise DataError(
                f"source.structures is {pattern!r}, but the table has no column {name!r}. Its columns are: "
                f"{', '.join(names)}.{nearest(name, names)}"
            )


def _paths(pattern: str, frame: pd.DataFrame) -> list[Path]:
    """Return the file of each row.

    Raises:
        DataError: One is not below the folder that the pattern names.
    """
    literals, names = FIELD.split(pattern)[::2], FIELD.findall(pattern)
    top = os.path.abspath(literals[0].rpartition("/")[0])
    paths = []
    for cells in zip(*(frame[name].astype(str).str.strip() for name in names), strict=True):
        path = "".join(itertools.chain(*zip(literals, [*cells, ""], strict=True)))
        if os.path.commonpath([top, os.path.abspath(path)]) != top:
            raise DataError(f"source.structures: {path} of a row is not in the folder {top}. Correct the table.")
        paths.append(Path(path))
    return paths


def _text(path: Path) -> str | None:
    """Return the text of a file, compressed or not; None if there is none.

    Comments of structure files are often Latin-1; what counts is ASCII.
    """
    try:
        if not path.is_file():
            return None
        with open_table(path) as stream:
            content = stream.read()
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read: {error}. Get it again.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
