"""What files hold and what they were made from, so that work depends on content and not on times.

The outputs of a stage have a record next to them: the SHA-256 of each, the SHA-256 of every input they were made from,
and digests of the settings and of the code. A record lies in the folder of its outputs, as `<stem>.provenance.json` for
the files of one stem or as `provenance.json` for all of the folder.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from elemflow.core.errors import DataError
from elemflow.core.files import digest_of, sha256_file, write_json

RECORD = "provenance.json"


@dataclass(frozen=True)
class Record:
    """What the outputs of a job hold and what they were made from.

    Attributes:
        outputs: SHA-256 of each output by its path, relative to the folder of the record.
        inputs: SHA-256 of each input by its path, as the job was given it.
        cfg: Digest of the settings of the job.
        code: Digest of the code of the job.
        chunks: Number of jobs that computed shares of the outputs, whose bytes do not depend on it.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    cfg: str = ""
    code: str = ""
    chunks: int = 1


class Parameters(Protocol):
    """Parameters of a job.

    Attributes:
        cfg: Its settings, JSON-like.
        code: Digest of its code.
    """

    cfg: Any
    code: str


def write_record(
    path: str | Path,
    params: Parameters,
    *,
    inputs: Iterable[str | Path],
    outputs: Iterable[str | Path],
    chunks: int = 1,
) -> None:
    """Write the record of a job; the last thing that the job does.

    Args:
        path: The record.
        params: Parameters of the job.
        inputs: Files and folders that the outputs depend on.
        outputs: Files and folders that were made, in the folder of the record.
        chunks: Number of jobs that computed shares of them.
    """
    folder = Path(path).parent
    made = {str(Path(output).relative_to(folder)): hash_of(output) for output in outputs}
    used = {str(each): content_of(each) or "" for each in inputs}
    record = Record(made, used, digest_of(params.cfg), params.code, chunks)
    write_json(path, asdict(record))


def read_record(path: str | Path) -> Record | None:
    """Return a record; None if there is none that can be read."""
    try:
        return Record(**json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def hash_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of the files in a folder."""
    path = Path(path)
    if not path.is_dir():
        return sha256_file(path)
    digest = hashlib.sha256()
    for each in _visible(path):
        digest.update(f"{each.relative_to(path)}\n{sha256_file(each)}\n".encode())
    return digest.hexdigest()


@cache
def content_of(path: str | Path) -> str | None:
    """Return the SHA-256 of a file or folder, from its record if that is newer; None if it does not exist.

    Remembered for the life of the process; `forget` ends that.
    """
    path = Path(path)
    if not path.exists():
        return None
    for place in (path.with_name(f"{path.stem}.{RECORD}"), path.with_name(RECORD)):
        if place.exists() and _changed(path) <= place.stat().st_mtime_ns:
            found = read_record(place)
            if found and path.name in found.outputs:
                return found.outputs[path.name]
    return hash_of(path)


def recorded(path: str | Path) -> str | None:
    """Return the SHA-256 that the job which wrote a file or folder recorded; None if none did."""
    path = Path(path)
    for place in (path.with_name(f"{path.stem}.{RECORD}"), path.with_name(RECORD)):
        found = read_record(place) if place.exists() else None
        if found and path.name in found.outputs:
            return found.outputs[path.name]
    return None


def verify(paths: Iterable[str | Path]) -> None:
    """Check that files and folders hold what the jobs that made them wrote; those without a record pass.

    All bytes are read, whatever the times of the files.

    Raises:
        DataError: Names what was changed, damaged or emptied since.
    """
    for path in paths:
        expected = recorded(path)
        if expected and Path(path).exists() and hash_of(path) != expected:
            raise DataError(
                f"{path} was changed since its job wrote it: another SHA-256 than in its record. No number is made of "
                "it. Delete it; the next start makes it again."
            )


def forget() -> None:
    """Forget what `content_of` remembers."""
    content_of.cache_clear()


def _changed(path: Path) -> int:
    """Return when a file, or the newest file of a folder, was last written, in ns."""
    files = [path, *_visible(path)] if path.is_dir() else [path]
    return max(each.stat().st_mtime_ns for each in files)


def _visible(folder: Path) -> list[Path]:
    """Return the files of a folder without Snakemake's own marks."""
    return [each for each in sorted(folder.rglob("*")) if each.is_file() and not each.name.startswith(".")]
