"""Keep what TensorFlow writes at its start away from standard error."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

NOISE = re.compile(
    r"WARNING: All log messages before absl|[IW][0-9]{4} [0-9:.]+|[0-9 :.-]+: [IW] (?:tensorflow|external)/"
)
"""Beginnings of lines that say nothing about the user's work."""
_STDERR = 2


@contextmanager
def without_noise() -> Iterator[None]:
    """Hold back what the block and its libraries in C++ write to standard error; all but `NOISE` follows after it."""
    sys.stderr.flush()
    with TemporaryFile() as held:
        before = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, _STDERR)
            os.close(before)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.write("".join(line for line in lines if not NOISE.match(line)))
            sys.stderr.flush()
