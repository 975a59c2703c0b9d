"""Rows of a CSV file that are shorter than its header, which pandas fills with empty cells without a word."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elemflow.sources.options import WHITESPACE
from elemflow.sources.table_files import UnreadableTable, open_table

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_CELL = 2**31 - 1  # such as the text of a crystal structure


class CsvFile(NamedTuple):
    """A CSV file: its path, its name in an archive, its separator, and how many rows stand above the data."""

    path: Path
    member: str | None
    separator: str
    rows_above: int


def without_short_rows(
    file: CsvFile, names: Sequence[str], frames: "Iterable[pd.DataFrame]"
) -> "Iterator[pd.DataFrame]":
    """Yield frames whose rows have a cell for each column.

    Only rows whose last cell is empty can be short. The file is read a second time, up to the last of them.

    Args:
        file: Where the frames come from.
        names: Names of the columns. One without a name at the end, as a separator behind the header makes, may be
            absent.
        frames: Rows of text, without the empty lines of the file.

    Raises:
        UnreadableTable: A row is shorter; names its line.
    """
    last = max((place for place, name in enumerate(names) if name.strip()), default=0)
    rows, done, taken = _rows(file), 0, 0
    for frame in frames:
        for row in done + np.flatnonzero(frame.iloc[:, last] == ""):
            line, cells = next(itertools.islice(rows, int(row) - taken, None), (0, len(names)))
            taken = int(row) + 1
            if cells <= last:
                raise UnreadableTable(
                    f"{file.path}: line {line} has {cells} cells, the header {len(names)}. The file is cut off, or a "
                    "cell is missing.",
                    "Get it again, or complete the row; between spaces write a word, such as nan, for an empty cell.",
                )
        done += len(frame)
        yield frame


def _rows(file: CsvFile) -> Iterator[tuple[int, int]]:
    """Yield the line on which each row ends, from 1, and its number of cells; empty lines are no rows."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        with open_table(file.path, file.member) as stream:
            lines: Iterable[str] = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            if spaces := file.separator == WHITESPACE:
                lines = (f"{line.replace(chr(9), ' ').strip()}\n" for line in lines)
            reader = csv.reader(lines, delimiter=" " if spaces else file.separator, skipinitialspace=spaces)
            rows = ((reader.line_num, len(cells)) for cells in reader if len(cells) > 1 or "".join(cells).strip())
            yield from itertools.islice(rows, file.rows_above, None)
    finally:
        csv.field_size_limit(limit)
