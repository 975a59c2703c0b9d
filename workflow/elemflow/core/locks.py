"""Locks on files: work that only one process at a time may do. A lock ends with its process, however that ends."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def locked(path: str | Path, holder: str, waiting: Callable[[str], None] | None = None) -> Iterator[bool]:
    """Hold the lock of a file; other processes, on other machines too, do not get it meanwhile.

    The file is removed with the lock. Where the file system knows no locks, who would wait goes on as if there were no
    other process, and who would not wait gets nothing.

    Args:
        path: The file; parent folders are made.
        holder: Who holds the lock, in words, for those who wait.
        waiting: Called twice a second with the holder's words while another process has the lock; None does not wait.

    Yields:
        Whether the lock is held.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(path, handle):
                break
            os.close(handle)  # its holder removed it meanwhile
        except BlockingIOError:
            words = os.pread(handle, 1000, 0).decode("utf-8", "replace")
            os.close(handle)
            if waiting is None:
                yield False
                return
            waiting(words or "another process")
            time.sleep(SECONDS_BETWEEN_TRIES)
        except OSError:  # no locks here
            os.close(handle)
            path.unlink(missing_ok=True)
            yield waiting is not None
            return
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder.encode(), 0)
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is(path: Path, handle: int) -> bool:
    """Tell whether a path still names an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
