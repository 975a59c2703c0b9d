"""The header of a CSV file: what separates its columns."""

import csv
import io
import re
from pathlib import Path

from elemflow.sources.table_files import UNREADABLE, UnreadableTable, open_table

SEPARATORS = (";", "\t", "|", ",")
"""What a header is searched for when its columns are not found, to name the separator that the file seems to have."""

_DECIMAL_COMMA = re.compile(r'"?[+-]?[0-9]*,[0-9]+"?')
_NAMED_SEPARATOR = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?[;,|\t ]*[\r\n]*', re.IGNORECASE)


def named_separator(line: str) -> str | None:
    """Return the separator that a line of a CSV file names, as Excel reads and writes it; None if it names none.

    Args:
        line: The first line, such as `sep=;`.
    """
    found = _NAMED_SEPARATOR.fullmatch(line)
    return found["separator"] if found else None


def header_separator(path: Path, otherwise: str = ",") -> str:
    """Return the separator that the first line of a table names, or the one that gives its header most columns.

    Args:
        path: The table.
        otherwise: What is returned if each gives one column.
    """
    candidates = (",", *(each for each in SEPARATORS if each != ","))
    try:
        with open_table(path) as stream:
            text = stream.read(1 << 20).decode("utf-8-sig", errors="replace").lstrip(" \r\n")
            line = next(iter(io.StringIO(text, newline="")), "")
        if named := named_separator(line):
            return named
        counts = {each: len(next(csv.reader([line], delimiter=each), [])) for each in candidates}
    except (csv.Error, *UNREADABLE):
        return otherwise  # who reads the table says what is wrong with it
    best = max(candidates, key=lambda separator: counts[separator])
    return best if counts[best] > 1 else otherwise


def check_separator(path: Path, separator: str, header: list[str], first: str) -> None:
    """Raise if a header is a single column that another separator would divide.

    Args:
        path: The file.
        separator: The separator that was tried.
        header: The names that it gives.
        first: The row below the header.

    Raises:
        UnreadableTable: Another separator would divide it.
    """
    found = [other for other in SEPARATORS if other != separator and other in "".join(header)]
    if len(header) != 1 or not found:
        return
    commas = (
        " and source.decimal to ',', since its numbers have decimal commas," if _has_commas(first, found[0]) else ""
    )
    raise UnreadableTable(
        f"{path}: its header '{header[0]}' is one column if columns are separated by {separator!r}; it looks like "
        f"{found[0]!r}.",
        f"Separate them so, or set source.separator to {found[0]!r}{commas} in the dataset's config.",
    )


def _has_commas(row: str, separator: str) -> bool:
    """Return whether a cell of a row is a number with a decimal comma."""
    return separator != "," and any(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in row.split(separator))
