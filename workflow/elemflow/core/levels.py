"""Levels of intervals in per cent."""

from elemflow.core.errors import DataError

MOST = 99
"""Highest level."""


def check_level(level: float) -> int:
    """Return a level in per cent as an integer.

    Raises:
        DataError: It is none from 1 to 99; says what a fraction may be meant for.
    """
    if level == int(level) and 1 <= level <= MOST:
        return int(level)
    meant = f" Did you mean {round(100 * level)}?" if 0 < level < 1 and 1 <= round(100 * level) <= MOST else ""
    raise DataError(f"level {level:g}: give per cent, an integer from 1 to {MOST}.{meant}")
