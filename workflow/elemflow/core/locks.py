"""Locks on files: work that only one process at a time may do. A lock ends with its process, however that ends."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def locked(path: str | Path, holder: str, waiting: Callable[[str], None] | None = None) -> Iterator[bool]:
    """Hold the lock of a file; other processes, on other machines too, do not get it meanwhile.

    The file is removed with the lock. Where the file system has no locks, a caller that would wait goes on as if there
    were no other process, and one that would not wait does not get the lock.

    Args:
        path: The file; parent folders are made.
        holder: Who holds the lock, in words, for those who wait.
        waiting: Called twice a second with the holder's words while another process has the lock; None does not wait.

    Yields:
        Whether the lock is held.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, fallback_to_soft=False, on_acquired=lambda handle: _write(handle, holder))
    while (held := _acquire(lock)) is False:
        if waiting is None:
            yield False
            return
        waiting(_read(path) or "another process")
        time.sleep(SECONDS_BETWEEN_TRIES)
    if held is None:
        path.unlink(missing_ok=True)
        yield waiting is not None
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)  # whoever waits for this file notices that it is no longer the lock
        lock.release()


def _acquire(lock: FileLock) -> bool | None:
    """Return whether the lock is held now; None where the file system has no locks."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError:
        return None
    return True


def _write(handle: int, holder: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, holder.encode(), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # its holder removed it meanwhile
        return ""
