"""Clean stops: a signal or a deadline is noted, and the training loop checks for it between two segments of work.

A training that stops this way has written its checkpoint and ends with `EXIT_CODE`, by which a scheduler distinguishes
it from a failure; the next start continues. SIGTERM and SIGUSR1 are what schedulers send before a time limit or a
preemption, SIGINT is Ctrl-C; a second SIGINT ends the process at once.
"""

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import ConfigError

EXIT_CODE = os.EX_TEMPFAIL
"""75, "try again later"."""
MARGIN = 120.0
"""Seconds before the deadline at which no further segment starts: a segment, a checkpoint and the way out."""
TIME_LIMIT = "the end of the job's time"
"""What `requested` returns at the deadline."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

_handlers: dict[int, Any] = {}
_received: list[signal.Signals] = []
_ends: list[float] = []


class Stopped(SystemExit):
    """Training ended early on request and can be continued; leaves Python with `EXIT_CODE`.

    Args:
        message: What was stopped, by what and where, for the last line of the log.
        reason: What requested it, as `requested` returned it.

    Attributes:
        message: As given.
        by_time_limit: Whether the job came to the end of its time.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(EXIT_CODE)
        self.message = message
        self.by_time_limit = reason == TIME_LIMIT


def listen() -> None:
    """Note signals from now on instead of ending the process; the caller must check `requested` often."""
    for number in SIGNALS:
        _handlers.setdefault(number, signal.signal(number, _note))


def forget() -> None:
    """Restore the former handlers of signals and drop what was noted."""
    while _handlers:
        signal.signal(*_handlers.popitem())
    _received.clear()


def requested(ahead: float = 0.0) -> str | None:
    """Return what requests a stop, in words, or None.

    Args:
        ahead: Seconds that the next piece of work takes, if that cannot be stopped.
    """
    if _received:
        return _received[0].name
    if time.time() + ahead > deadline() - MARGIN:
        return TIME_LIMIT
    return "the end of the time for other runs" if time.monotonic() > min(_ends, default=math.inf) else None


def deadline() -> float:
    """Return the end of the job's time in seconds since 1970; infinity if nobody ends it.

    Raises:
        ConfigError: The environment variable holds no such time.
    """
    given = os.environ.get(DEADLINE)
    try:
        end = math.inf if given is None else float(given)
    except ValueError:
        end = math.nan
    if math.isnan(end):
        raise ConfigError(
            f"environment variable {DEADLINE}: found '{given}'; expected seconds since 1970, such as "
            f"{time.time() + 3600:.0f} for an hour from now (date -d '1 hour' +%s)."
        )
    return end


@contextmanager
def until(end: float) -> Iterator[None]:
    """Request a stop once `time.monotonic` is beyond `end`, as long as the block lasts."""
    _ends.append(end)
    try:
        yield
    finally:
        _ends.remove(end)


def _note(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGINT and signal.SIGINT in _received:
        raise KeyboardInterrupt
    _received.append(signal.Signals(number))
