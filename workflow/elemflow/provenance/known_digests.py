"""Digests of code that were taken before.

To take one, the syntax of the package has to be read, which costs every start of Snakemake two seconds. Equal files
give equal digests, so that a digest is kept under the SHA-256 of all that it can depend on.
"""

import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from elemflow.core.files import read_json, sha256_file, write_json

FOLDER = Path(".snakemake/elemflow/code")
"""Where digests are kept, in the folder that Snakemake works in."""

KEPT_STATES = 10  # of the package, each in a file of a few kB
_DIGEST = re.compile(r"[0-9a-f]{16}")


class KnownDigests:
    """Digests of scripts with one state of the package.

    Args:
        folder: Where they are kept. If it cannot be read or written, no digest is known.
        package: Folder of the package.
    """

    def __init__(self, folder: Path, package: Path):
        self._package = package
        self._stamps = self._stamps_now()
        lines = [f"{path.relative_to(package).as_posix()} {sha256_file(path)}" for path in sorted(self._stamps)]
        self._file = folder / f"{_sha256([sys.version, *lines])[:32]}.json"

    def find(self, key: str) -> str | None:
        """Return the digest that is kept under a key; None if there is none."""
        found = self._read().get(key)
        return found if isinstance(found, str) and _DIGEST.fullmatch(found) else None

    def keep(self, key: str, digest: str) -> None:
        """Write a digest next to the others, and remove those of old states of the package.

        Nothing is written if the package was edited while the digest was taken.
        """
        with contextlib.suppress(OSError):
            if self._stamps_now() != self._stamps:
                return
            write_json(self._file, self._read() | {key: digest})
            states = sorted(self._file.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
            for path in states[:-KEPT_STATES]:
                path.unlink()

    def _stamps_now(self) -> dict[Path, tuple[int, int]]:
        """Return size and time of every file of the package."""
        files = [path for path in self._package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    def _read(self) -> dict[str, object]:
        try:
            found = read_json(self._file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def key_of(script: Path, modules: tuple[str, ...], files: tuple[Path, ...]) -> str:
    """Return the key of a script's digest: the SHA-256 of its file, of names of modules and of further files."""
    return _sha256([sha256_file(script), json.dumps(modules), *(f"{path.name} {sha256_file(path)}" for path in files)])


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
