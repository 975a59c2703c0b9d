"""Errors that a user can act on; everything else is a bug and keeps its traceback."""

import difflib
from collections.abc import Iterable


class ElemflowError(Exception):
    """Report a problem of the user's input in one message: what, where, and what to do."""


class ConfigError(ElemflowError):
    """Report a mistake in a config file: the file, the key path, what was found, what is allowed."""


class DataError(ElemflowError):
    """Report data that cannot be used: the file, the row or column, and what to do."""


class SoftwareError(ElemflowError):
    """Report software that differs from the locked one: the library, both versions, and what to do."""


class TrainingError(ElemflowError):
    """Report a training that cannot go on: the member, the epoch, and what to do."""


LONGEST_QUOTE = 80
"""Characters of a cell that a message quotes."""


def quoted(cell: object) -> str:
    """Return a cell as messages quote it: as Python writes it, and of a long one the beginning."""
    text = repr(cell)
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}… ({len(text):,} characters)"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ' Did you mean ...?' for the name closest to a typo, or nothing."""
    known = [str(other) for other in names]
    alike = [other for other in known if other.casefold() == str(name).casefold()]
    match = alike or difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f" Did you mean '{match[0]}'?" if match else ""
