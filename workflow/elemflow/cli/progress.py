"""Progress of long commands on standard error: one line that is written again in a terminal, a few lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from elemflow.core.progress import Step, duration_text, rows_text, seconds_left

FIRST, BETWEEN = 2.0, 15.0
"""Seconds before the first line on rows, and between two lines where they are not written again."""
AGAIN = 0.2
"""Seconds between two lines that replace each other."""
CLEAR = "\r\x1b[K"
Clock = Callable[[], float]


@contextmanager
def stages(work: str, steps: Sequence[Step], clock: Clock = time.monotonic) -> Iterator[Callable[[], None]]:
    """Show the stages of some work; yield what is called after each step.

    Args:
        work: What is done, for the beginning of the lines.
        steps: All steps, in their order.
        clock: Seconds.
    """
    line, took, last = _Line(sys.stderr), list[float](), clock()

    def show() -> None:
        step, left = steps[len(took)], seconds_left(steps, took)
        end = "" if left is None else f", about {duration_text(left)} left"
        if line.is_terminal:
            line.write(f"{work}: {step.stage} ({step.detail}){end}")
        elif not took or steps[len(took) - 1].stage != step.stage:
            line.write(f"{work}: {step.stage}{end}")

    def done() -> None:
        nonlocal last
        now = clock()
        took.append(now - last)
        last = now
        if len(took) < len(steps):
            show()

    show()
    try:
        yield done
    finally:
        line.clear()


@contextmanager
def rows(total: int | None, *, shown: bool = True, clock: Clock = time.monotonic) -> Iterator[Callable[[int], None]]:
    """Show how many rows are done, if that takes more than `FIRST` seconds; yield what is called with more of them.

    Args:
        total: All rows; None if their number is not known.
        shown: Whether anything is shown.
        clock: Seconds.
    """
    line, start, done = _Line(sys.stderr), clock(), 0
    last, between = start + FIRST, AGAIN if line.is_terminal else BETWEEN

    def add(more: int) -> None:
        nonlocal done, last
        done += more
        now = clock()
        if shown and now >= last:
            last = now + between
            line.write(rows_text(done, total, now - start))

    try:
        yield add
    finally:
        line.clear()


class _Line:
    """A line of progress; in a terminal the next one replaces it."""

    def __init__(self, stream: TextIO):
        self._stream, self.is_terminal, self._open = stream, stream.isatty(), False

    def write(self, text: str) -> None:
        if self.is_terminal:  # a line that is wrapped could not be replaced
            text = f"{CLEAR}{text[: shutil.get_terminal_size().columns - 1]}"
        self._stream.write(text if self.is_terminal else f"{text}\n")
        self._stream.flush()
        self._open = self.is_terminal

    def clear(self) -> None:
        """Remove the line from the terminal, so that what follows begins in its place."""
        if self._open:
            self._stream.write(CLEAR)
            self._stream.flush()
            self._open = False
