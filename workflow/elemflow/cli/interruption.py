"""Signals that end a command: what it is writing is removed first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends a process at once unless it is handled; SIGINT is an exception in Python already."""


@contextmanager
def removing_unfinished_files() -> Iterator[None]:
    """End the block by an exception where a signal would end the process, so that temporary files are removed.

    A signal that is ignored, as SIGHUP below nohup, or handled otherwise stays so; a second one ends the process at
    once.

    Raises:
        SystemExit: A signal came; the exit code is 128 and its number, as in a shell.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    replaced = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)
