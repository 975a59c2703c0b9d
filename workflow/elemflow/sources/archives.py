"""One member of a zip, tar or 7z archive as a file."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from elemflow.core.errors import DataError, nearest
from elemflow.core.files import atomic_path

_SHOWN = 10
"""Members of an archive that a message names."""

_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


def extract(archive: Path, member: str, target: Path) -> None:
    """Write a member of an archive to a file.

    Args:
        archive: The archive; what kind it is, is seen from its content.
        member: Name of the member, or the end of it from a slash on: `oqmd_all.data` for `data/oqmd_all.data`.
        target: The file.

    Raises:
        DataError: The archive is damaged or none, or it holds no such member or several.
    """
    try:
        kind = _kind(archive)
        if kind is None:
            raise DataError(f"{archive} is no zip, tar or 7z archive. Correct source.urls or source.member.")
        with atomic_path(target) as part:
            kind(archive, member, part)
    except _DAMAGED as error:
        raise DataError(f"{archive} is damaged: {error or type(error).__name__}. Delete it and run again.") from error


def _kind(archive: Path) -> Callable[[Path, str, Path], None] | None:
    with archive.open("rb") as stream:
        start = stream.read(6)
    if start == b"7z\xbc\xaf\x27\x1c":
        return _from_7z
    if start.startswith(b"PK"):
        return _from_zip
    return _from_tar if tarfile.is_tarfile(archive) else None


def _from_zip(archive: Path, member: str, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = [item.filename for item in opened.infolist() if not item.is_dir()]
        with opened.open(_find(archive, names, member)) as stream:
            _copy(stream, target)


def _from_tar(archive: Path, member: str, target: Path) -> None:
    with tarfile.open(archive) as opened:
        names = [item.name for item in opened if item.isfile()]
        with cast("IO[bytes]", opened.extractfile(_find(archive, names, member))) as stream:
            _copy(stream, target)


def _from_7z(archive: Path, member: str, target: Path) -> None:
    import py7zr  # noqa: PLC0415  for one kind of file

    try:
        with py7zr.SevenZipFile(archive) as opened, TemporaryDirectory(dir=target.parent) as folder:
            name = _find(archive, [item.filename for item in opened.list() if not item.is_directory], member)
            opened.extract(folder, targets=[name])
            (Path(folder) / name).replace(target)
    except py7zr.exceptions.ArchiveError as error:
        raise DataError(f"{archive} cannot be read: {error}. Delete it and run again.") from error


def _copy(stream: IO[bytes], target: Path) -> None:
    with target.open("wb") as written:
        shutil.copyfileobj(stream, written, 1 << 20)


def _find(archive: Path, names: Sequence[str], member: str) -> str:
    """Return the whole name of a member."""
    found = [name for name in names if name == member] or [name for name in names if name.endswith(f"/{member}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"{archive} has {len(found)} members {member}: {', '.join(found)}. Name one in source.member.")
    held = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    raise DataError(
        f"{archive} has no member {member}. It holds {held or 'no file'}.{nearest(member, names)} "
        "Correct source.member."
    )
