"""Progress of long transfers in the log: how much, how fast, how much longer."""

import logging
from time import monotonic

log = logging.getLogger(__name__)

INTERVAL = 15.0
"""Seconds between two lines."""

_HOUR = 60


class Progress:
    """Count what arrives and log a line now and then.

    Attributes:
        what: What arrives, for the log.
        total: Amount expected; None if it is not known.
        unit: Unit of the line.
        size: Amount that makes one unit.
        held: Amount that was there before, which counts as done but not for the rate.
    """

    def __init__(self, what: str, total: int | None, unit: str, size: float = 1.0) -> None:
        self.what, self.total, self.unit, self.size = what, total, unit, size
        self.held = 0
        self._arrived = 0
        self._start = self._said = monotonic()

    def add(self, amount: int) -> None:
        """Count what has arrived, and log if the last line is long ago."""
        self._arrived += amount
        now = monotonic()
        if now - self._said >= INTERVAL:
            self._said = now
            log.info("%s", self.line(now - self._start))

    def line(self, elapsed: float) -> str:
        """Return the line after `elapsed` seconds."""
        done, rate = self.held + self._arrived, self._arrived / elapsed
        of, left = "", ""
        if self.total is not None and rate:
            of = f" of {self.total / self.size:,.0f}"
            left = f", {_duration(max(0, self.total - done) / rate)} left"
        return f"{self.what}: {done / self.size:,.0f}{of} {self.unit}, {rate / self.size:,.1f} {self.unit}/s{left}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes >= _HOUR:
        return f"{minutes // _HOUR} h {minutes % _HOUR:02d} min"
    return f"{minutes} min" if minutes else "under a minute"
