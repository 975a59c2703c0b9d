"""Aligned tables for the terminal."""

import math
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

MISSING = "—"
SIGNIFICANT = 4
"""Significant digits of the largest number of a column; all its numbers have as many decimals."""
MOST_DECIMALS = 6
LARGE = 1e7
"""From here on numbers have a power of ten; eight digits are more than a prediction knows."""
NUMBER = re.compile(r"-*[0-9]*\.?[0-9]+(e[+-][0-9]+)?|-*[0-9]+\.")
NARROWEST = 30
"""Characters that a line keeps after its indent, however narrow the terminal is."""


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int] | None = None) -> str:
    """Return a table of text in columns; those of numbers end at one place, the others begin at one.

    Args:
        header: Names of the columns; without any there is no line of them.
        rows: Cells of each row.
        widths: Widths of the columns; None takes those of the longest cells.
    """
    lines = [list(header), *rows] if header else list(rows)
    widths = widths or column_widths(header, rows)
    right = [all(_is_number(row[place]) for row in rows) for place in range(len(widths))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def folded(text: str, indent: int) -> str:
    """Return a text with its long lines broken for a terminal; what goes to a file or a program stays in one line.

    Args:
        text: Lines of text.
        indent: Spaces before the further lines of a line.
    """
    if not sys.stdout.isatty():
        return text
    width = max(shutil.get_terminal_size().columns - indent, NARROWEST)
    lines = []
    for line in text.split("\n"):
        start, rest = line[:indent], line[indent:]
        parts = (
            textwrap.wrap(rest, width, break_long_words=False, break_on_hyphens=False) if len(rest) > width else [rest]
        )
        lines.append(start + f"\n{' ' * indent}".join(parts))
    return "\n".join(lines)


def column_widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the length of the longest cell of each column."""
    return [max(map(len, column)) for column in zip(*([header] if header else []), *rows, strict=True)]


def decimals_of(largest: float) -> int:
    """Return with how many decimals a number has `SIGNIFICANT` digits."""
    if not largest or not math.isfinite(largest):
        return SIGNIFICANT - 1
    return min(max(SIGNIFICANT - 1 - math.floor(math.log10(abs(largest))), 0), MOST_DECIMALS)


def number(value: float | None, decimals: int) -> str:
    """Return a number as a cell, or the mark of a missing one.

    One that `MOST_DECIMALS` decimals leave fewer than two digits of has a power of ten: 1.000e-09, and not 0.000000; so
    has one from `LARGE` on.
    """
    if value is None or math.isnan(value):
        return MISSING
    small = decimals >= MOST_DECIMALS and 0 < abs(value) < 10.0 ** (1 - MOST_DECIMALS)
    return f"{value:.{SIGNIFICANT - 1}e}" if small or abs(value) >= LARGE else f"{value:.{decimals}f}"


def printable(text: str) -> str:
    """Return a text of a foreign file without what a terminal would obey, such as escape sequences."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())


def _is_number(cell: str) -> bool:
    return cell == MISSING or NUMBER.fullmatch(cell.replace("−", "-")) is not None
