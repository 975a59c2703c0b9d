"""Read Parquet files whose bits are checked: pages by their CRC-32, the footer by one that the writer puts into it.

A flipped bit in a page or its header, in a name, a unit or a statistic is an error and never another number.
`elemflow.core.files` writes them. Files of other programs have no checksum of the footer, and may have none of pages;
they are read without.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from elemflow.core.errors import DataError
from elemflow.core.evidence import how_to_restore, is_of_record, show

FOOTER_CHECKSUM = b"elemflow_footer"
"""Key, in the metadata of a file, of the CRC-32 of its footer, computed with the value `UNSEALED` in its place."""
UNSEALED = b"00000000"

_SEAL = re.compile(re.escape(FOOTER_CHECKSUM) + rb"\x18\x08([0-9a-f]{8})")
"""The key and its value as Thrift's compact protocol writes a pair of strings: field, length, eight digits."""
_END = 8
"""Bytes behind the footer: its length and the magic number."""


def seal(path: Path) -> None:
    """Write the checksum of the footer of a file that was just written with `FOOTER_CHECKSUM: UNSEALED`."""
    with path.open("r+b") as stream:
        size = stream.seek(-_END, 2)
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(size - length)
        footer = stream.read(length)
        (found,) = _SEAL.finditer(footer)
        stream.seek(size - length + found.start(1))
        stream.write(b"%08x" % zlib.crc32(footer))


def check_footer(path: str | Path) -> None:
    """Check the footer of a file against its checksum, if it has one.

    Raises:
        DataError: The footer is damaged.
    """
    with Path(path).open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - _END, 0))
        length = int.from_bytes(stream.read(4), "little")
        if size < length + _END:
            return  # the reader says that it is no Parquet file
        stream.seek(size - _END - length)
        footer = stream.read(length)
    found = _SEAL.search(footer)
    if found and zlib.crc32(footer[: found.start(1)] + UNSEALED + footer[found.end(1) :]) != int(found[1], 16):
        raise _damaged(path, "the checksum of its footer")


@contextmanager
def open_parquet(path: str | Path) -> Iterator[pq.ParquetFile]:
    """Yield a Parquet file whose footer was checked and whose pages are when they are read.

    Raises:
        DataError: The file is damaged, or no Parquet file; also while the block reads it.
    """
    try:
        check_footer(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error


def _damaged(path: str | Path, reason: str) -> DataError:
    advice = "If the workflow wrote it, delete it; the next start makes it again."
    if is_of_record(path):
        path, advice = show(path), how_to_restore(path)
    return DataError(f"{path} is damaged, or no Parquet file ({reason}). No number is made of it. {advice}")


def read_schema(path: str | Path) -> pa.Schema:
    """Return names, types and metadata of the columns."""
    with open_parquet(path) as file:
        return file.schema_arrow


def count_rows(path: str | Path) -> int:
    """Return the number of rows."""
    with open_parquet(path) as file:
        return int(file.metadata.num_rows)


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read some columns, or all."""
    with open_parquet(path) as file:
        return file.read(columns=None if columns is None else list(columns))


def read_frame(path: str | Path, columns: Sequence[str] | None = None, *, role: str | None = None) -> pd.DataFrame:
    """Read some columns, or all, as a frame.

    Args:
        path: The file.
        columns: Names of columns, in the wanted order; None for all.
        role: Value of the column `role` of the wanted rows; None for all rows.
    """
    schema = read_schema(path)
    names = list(schema.names if columns is None else columns)
    wanted = names if role is None or "role" in names else [*names, "role"]
    pieces = [schema.empty_table().select(wanted), *row_groups(path, wanted)]
    if role is not None:
        pieces = [table.filter(pc.equal(table["role"], role)) for table in pieces]
    frame: pd.DataFrame = pa.concat_tables(pieces).select(names).to_pandas()
    return frame


def row_groups(
    path: str | Path, columns: Sequence[str] | None = None, start: int = 0, stop: int | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of a file, one row group at a time.

    Args:
        path: The file.
        columns: Names of columns; None for all.
        start: First row.
        stop: Row behind the last one; None for all.
    """
    done = 0
    with open_parquet(path) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            low, high = max(start - done, 0), rows if stop is None else min(stop - done, rows)
            if low < high:
                yield file.read_row_group(group, columns).slice(low, high - low)
            done += rows
