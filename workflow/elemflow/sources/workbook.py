"""Sheets of xlsx workbooks as rows. The reader, openpyxl, is an optional package."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO, Any

from elemflow.core.errors import ConfigError, DataError, nearest


def iter_sheet(path: Path, stream: IO[bytes], sheet: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a sheet below its first row, which has the names of the columns.

    Args:
        path: The file, for messages.
        stream: Its content.
        sheet: Name of the sheet; None is the first one.

    Yields:
        Value by column name; an empty cell has none. Rows without any value are skipped.

    Raises:
        ConfigError: openpyxl is not installed.
        DataError: There is no such sheet, or two columns have one name.
        ValueError: The stream is no workbook, or a damaged one.
    """
    try:
        from openpyxl import load_workbook  # noqa: PLC0415  an optional package
    except ImportError:
        raise ConfigError(
            f"{path}: reading xlsx needs openpyxl, which is not installed. Run: pip install openpyxl. Or save the "
            "sheet as CSV (UTF-8)."
        ) from None
    try:
        yield from _rows(path, load_workbook(stream, read_only=True, data_only=True), sheet)
    except (LookupError, TypeError, AttributeError, SyntaxError) as error:  # of a damaged workbook, XML errors included
        raise ValueError(f"it is no workbook, or a damaged one ({error})") from None


def _rows(path: Path, book: Any, sheet: str | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a sheet of an open workbook; see `iter_sheet`."""
    if sheet is not None and sheet not in book.sheetnames:
        held = f"Its sheets are {', '.join(book.sheetnames)}.{nearest(sheet, book.sheetnames)}"
        raise DataError(f"{path} has no sheet {sheet!r}. {held} Correct source.sheet.")
    rows = (book[sheet] if sheet is not None else book.worksheets[0]).iter_rows(values_only=True)
    names = [str(name).strip() if name is not None else "" for name in next(rows, ())]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise DataError(f"{path} has more than one column '{twice}'. Rename or remove all but one.")
    for row in rows:
        record = {name: _cell(value) for name, value in zip(names, row, strict=False) if name}
        if any(value is not None for value in record.values()):
            yield dict.fromkeys(filter(None, names)) | record


def _cell(value: Any) -> Any:
    """Return a cell as JSON has it; a date, which a formula may have become, as text."""
    return value.isoformat() if isinstance(value, date) else str(value) if hasattr(value, "isoformat") else value
