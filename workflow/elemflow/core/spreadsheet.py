"""Texts in csv files that a spreadsheet program would compute: `=HYPERLINK(...)`, `@SUM(...)`."""

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

_COMPUTED = re.compile(r"[=@\t\r]|[+-](?![-+ ]*$|[\d.,]*\d[\d.,]*([eE][+-]?\d+)?\s*%?$)")
"""Beginning of such a text; a number with a sign and dashes alone are none."""


def guarded(text: str) -> str:
    """Return a text with an apostrophe before it if a spreadsheet program would compute it."""
    return f"'{text}" if _COMPUTED.match(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _COMPUTED.match(text[1:]) else text


def guard_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts are guarded."""
    return _mapped(frame, guarded)


def unguard_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame that `guard_frame` was given."""
    return _mapped(frame, unguarded)


def _mapped(frame: pd.DataFrame, change: Any) -> pd.DataFrame:
    changed = {}
    for name in frame.select_dtypes(include=["object", "string"]):
        column = frame[name]
        texts = [change(value) if isinstance(value, str) else value for value in column]
        if _differ(column, texts):
            changed[str(name)] = pd.Series(texts, index=column.index, dtype=column.dtype)
    return frame.assign(**changed)


def _differ(before: Iterable[Any], after: Iterable[Any]) -> bool:
    return any(isinstance(a, str) and a != b for a, b in zip(before, after, strict=True))
