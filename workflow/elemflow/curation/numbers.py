"""Cells of a property as numbers: what is one, what is missing, and what is neither."""

import re
import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.config.dataset import Property
from elemflow.core.errors import LONGEST_QUOTE, DataError, quoted

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""Text that is a number; `inf`, `1,5` and `12(3)` are none."""

_ALWAYS_MISSING = ["", "nan"]
_WITH_COMMA = re.compile(NUMBER.replace(r"\.", ","))
_WITH_GROUPS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*")
_TRUE_MINUS = "\N{MINUS SIGN}"  # as word processors write it


_LOOKS = {
    re.compile(r"–.*"): "Its minus is the character '–': write a hyphen.",
    re.compile(r"—.*"): "Its minus is the character '—': write a hyphen.",
    re.compile(NUMBER.replace("eE", "dD")): "Write its exponent with e: 1.5e-3.",
    re.compile(r"[+-]?[0-9]{1,3}(?:[ \u00a0\u2009\u202f'’][0-9]{3})+(?:[.,][0-9]*)?"): (
        "It has separators of thousands: remove them."
    ),
    re.compile(rf"{NUMBER}(?: ?\([0-9.]+\)| ?(?:±|\+/-) ?{NUMBER})"): "It has an uncertainty: keep the number alone.",
    re.compile(rf"{NUMBER} ?(?:%|‰|[A-Za-zµμÅ°][A-Za-z0-9µμÅ°/·^\-. ]{{0,15}})"): (
        "It has a unit: keep the number alone, with one unit for the whole column."
    ),
}
"""What cells look like that are no numbers, the first that fits, and what to do."""


def texts(cells: pd.Series | range) -> pa.Array:
    """Return cells as text, empty ones as none; the index of a frame is not part of the contract of a source."""
    given = pd.Series(cells)
    return pa.array(given.astype(str).where(given.notna(), "").to_numpy(dtype=object), pa.string())


def parse_numbers(
    cells: pd.Series, spec: Property, place: str, done: int, decimal: str | None = None
) -> tuple[pa.Array, int]:
    """Return the cells as float64 with null where a value is missing, and how many were no numbers.

    Args:
        cells: One column of a frame, as text or as numbers.
        spec: The property.
        place: The file, for messages.
        done: Rows read before this frame.
        decimal: What stands before the decimals of a number that is text, a point or a comma; the other is no part of
            a number. None is a point that the source cannot change.

    Raises:
        DataError: `parse` is strict and a cell is neither a number nor missing.
    """
    # -9999 is -9999.0 and -9.999e3, whatever program wrote the file.
    marks = [float(_with_point(text, decimal)) for text in spec.missing if _is_number(text, decimal)]
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=float, na_value=np.nan)
        bad = np.isinf(values)
    else:
        text = pc.utf8_trim_whitespace(texts(cells))
        missing = pc.or_(
            pc.is_in(pc.utf8_lower(text), pa.array(_ALWAYS_MISSING)),
            pc.is_in(text, pa.array(spec.missing, pa.string())),
        )
        text = pc.replace_substring(text, _TRUE_MINUS, "-")
        number = pc.and_not(pc.match_substring_regex(text, f"^{_pattern(decimal)}$"), missing)
        digits = pc.replace_substring(pc.utf8_ltrim(pc.if_else(number, text, None), "+"), decimal or ".", ".")
        values = digits.cast(pa.float64()).to_numpy(zero_copy_only=False)
        bad = pc.invert(pc.or_(number, missing)).to_numpy(zero_copy_only=False) | np.isinf(values)
    marked = np.isin(values, marks)
    values, bad = np.where(marked, np.nan, values), bad & ~marked
    if bad.any() and spec.parse == "strict":
        first = int(np.argmax(bad))
        cell = cells.iloc[first]
        text = str(cell).strip()
        # It is searched in a time that grows with the square of the length.
        advice = _advice(text, decimal) if len(text) <= LONGEST_QUOTE else ""
        raise DataError(
            f"{place}, row {done + first + 1}, column {spec.column!r}: {quoted(cell)} is not a "
            f"number. {advice}Correct it, add the text to the property's 'missing' list, or set 'parse: lenient' to "
            "count such cells as missing."
        )
    return pa.array(np.where(bad, np.nan, values), from_pandas=True), int(bad.sum())


def read_number(cell: object, decimal: str | None = None) -> float | None:
    """Return a cell as a number; None if it is none.

    Args:
        cell: A cell, as text or as a number.
        decimal: What stands before decimals; the other sign, separators of thousands and infinity are no part of one.
    """
    text = str(cell).strip().replace(_TRUE_MINUS, "-")
    if not re.fullmatch(_pattern(decimal), text):
        return None
    value = float(_with_point(text, decimal))
    return value if np.isfinite(value) else None


def why_no_number(cell: object, decimal: str | None = None) -> str:
    """Return what a cell looks like that is no number, and what to do; empty if it looks like nothing known."""
    text = str(cell).strip()
    return _advice(text, decimal).strip() if len(text) <= LONGEST_QUOTE else ""


def comma_note(cell: str) -> str:
    """Return how a number with a decimal comma is read; empty if the cell is none."""
    value = read_number(cell, ",")
    if value is None:
        return ""
    return f"decimal comma: '{cell}' is read as {value:g}; write numbers with a point if it separates thousands"


def has_other_digits(text: str) -> bool:
    """Return whether a text is a number but for digits that are not 0 to 9, such as Arabic ones."""
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)
    return plain != text and any(re.fullmatch(_pattern(decimal), plain.replace("٫", decimal)) for decimal in ".,")


def _pattern(decimal: str | None) -> str:
    return NUMBER.replace(r"\.", re.escape(decimal or "."))


def _is_number(mark: str, decimal: str | None) -> bool:
    """Return whether a mark for missing values is a number, written as in the file or as in Python."""
    return bool(re.fullmatch(_pattern(decimal), mark) or re.fullmatch(NUMBER, mark))


def _with_point(text: str, decimal: str | None) -> str:
    return text.replace(decimal or ".", ".")


def _advice(cell: str, decimal: str | None) -> str:
    """Return what a cell looks like that is no number, and what to do; empty if it looks like nothing known."""
    if _WITH_GROUPS.fullmatch(cell) and not (decimal == "." and cell.count(",") == 1 and "." not in cell):
        return "It has separators of thousands: remove them. "
    if decimal == "." and _WITH_GROUPS.fullmatch(cell):
        return (
            "If its comma separates thousands, remove it; if it is a decimal comma, set "
            "'decimal: \",\"' in the dataset's source. "
        )
    if decimal == "." and "," in cell and _WITH_COMMA.fullmatch(cell):
        return "If its comma is a decimal comma, set 'decimal: \",\"' in the dataset's source. "
    if re.fullmatch(_pattern(decimal), cell) or (decimal == "," and re.fullmatch(NUMBER, cell)):
        # A cell that is spelled as a number was read as one, and is infinite.
        point = decimal == "," and "." in cell
        return f"It {'has a decimal point, while source.decimal is a comma' if point else 'is too large'}. "
    known = next((f"{advice} " for pattern, advice in _LOOKS.items() if pattern.fullmatch(cell)), "")
    return known or ("Write its digits as 0 to 9. " if has_other_digits(cell) else "")
