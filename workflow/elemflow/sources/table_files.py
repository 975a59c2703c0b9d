"""Files of tables as streams: plain or compressed, or a member of a zip, tar or 7z archive.

What a file is, is seen from its content; its format, where none is declared, from its name.
"""

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

import pyarrow as pa

from elemflow.core.errors import DataError, nearest
from elemflow.sources.options import FORMATS, Format

UNREADABLE = (EOFError, OSError, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError)
"""What a damaged, cut off or encrypted file raises."""

_BY_SUFFIX: dict[str, Format] = {"tsv": "csv", "txt": "csv", "dat": "csv", "ndjson": "jsonl"}
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz", ".tbz2", ".txz")
_ZIP, _WORKBOOK = b"PK\x03\x04", "xl/workbook.xml"
_TAR, _TAR_AT = b"ustar", 257
_7Z = b"7z\xbc\xaf\x27\x1c"
_SHOWN = 10  # members of an archive that a message names


class UnreadableTable(DataError):  # noqa: N818  what it is called in messages
    """Report a file that is no table of its format.

    Args:
        problem: What is wrong with which file.
        advice: What to do about it where the file is the source of a dataset.
    """

    def __init__(self, problem: str, advice: str):
        super().__init__(f"{problem} {advice}")
        self.problem = problem


class WithoutNul(io.BufferedIOBase):
    """A stream of text whose NUL bytes are an error: a reader of CSV would end a cell there.

    Args:
        stream: The stream, in which one can seek.
    """

    def __init__(self, stream: IO[bytes]):
        self._stream = stream

    def readable(self) -> bool:
        """Return that one can read."""
        return True

    def seekable(self) -> bool:
        """Return that one can seek."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; see `io.IOBase`."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes; see `io.BufferedIOBase`.

        Raises:
            ValueError: A byte is NUL.
        """
        found = self._stream.read(-1 if size is None else size)
        if b"\0" in found:
            raise ValueError("it has NUL bytes (0x00), as UTF-16 has them; save it as UTF-8")
        return found

    read1 = read


def format_of(name: str) -> Format | None:
    """Return the format that the name of a file says; None if it says none.

    Args:
        name: Such as `a.csv`, `a.csv.gz`, `a.csv.zip` or `a.ndjson`; upper case counts as lower case.
    """
    suffix = suffix_of(name)
    return next((known for known in FORMATS if suffix == known), _BY_SUFFIX.get(suffix))


def suffix_of(name: str) -> str:
    """Return the last ending of a name in lower case, without those of compression and archives: csv for A.CSV.GZ."""
    name = name.lower()
    while name.endswith(_PACKED):
        name = name.rpartition(".")[0]
    return PurePosixPath(name).suffix.removeprefix(".")


@contextmanager
def open_table(path: Path, member: str | None = None, *, workbook: bool = False) -> Iterator[IO[bytes]]:
    """Open a file, or one of an archive, as a stream of its uncompressed bytes that can be sought in.

    Args:
        path: The file.
        member: Name of the file in the archive; None if it is the only one, or the file is no archive.
        workbook: Whether the file itself is a workbook of a spreadsheet program, which is a zip archive too.

    Raises:
        UnreadableTable: There is no such member, or several and none is named.
    """
    with _uncompressed(path) as stream:
        if workbook and member is None:
            yield stream
        elif _starts(stream, _ZIP):
            with zipfile.ZipFile(stream) as archive:
                names = [item.filename for item in archive.infolist() if not item.is_dir()]
                if _WORKBOOK in names:
                    raise UnreadableTable(f"{path} is a workbook.", "Set source.format to xlsx.")
                with archive.open(_chosen(path, names, member)) as part:
                    yield part
        elif _starts(stream, _TAR, _TAR_AT):
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                names = [item.name for item in archive if item.isfile()]
                yield cast("IO[bytes]", archive.extractfile(_chosen(path, names, member)))
        elif _starts(stream, _7Z):
            with _from_7z(path, stream, member) as part:
                yield part
        elif member is not None:
            raise UnreadableTable(f"{path} is no zip, tar or 7z archive.", "Remove source.member.")
        else:
            yield stream


@contextmanager
def _uncompressed(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that may be compressed with gzip, bzip2, xz or Zstandard."""
    with path.open("rb") as stream:
        start = stream.read(6)
    opened: dict[bytes, Callable[[Path], object]] = {
        b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open, b"\x28\xb5\x2f\xfd": _unpack_zstandard,
    }  # fmt: skip
    opener = next((opener for magic, opener in opened.items() if start.startswith(magic)), None)
    with cast("IO[bytes]", opener(path)) if opener else path.open("rb") as stream:
        yield stream


def _unpack_zstandard(path: Path) -> IO[bytes]:
    """Return the content of a file compressed with Zstandard as an unnamed temporary file, in which one can seek."""
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    with pa.input_stream(str(path), compression="zstd") as stream:
        shutil.copyfileobj(stream, unpacked)
    unpacked.seek(0)
    return cast("IO[bytes]", unpacked)


@contextmanager
def _from_7z(path: Path, stream: IO[bytes], member: str | None) -> Iterator[IO[bytes]]:
    """Open a member of a 7z archive, unpacked to a temporary file: one cannot read such a member in pieces."""
    import py7zr  # noqa: PLC0415  for one kind of file

    try:
        with py7zr.SevenZipFile(stream) as archive, tempfile.TemporaryDirectory() as folder:
            names = [item.filename for item in archive.list() if not item.is_directory]
            chosen = _chosen(path, names, member)
            archive.extract(folder, targets=[chosen])
            with (Path(folder) / chosen).open("rb") as part:
                yield part
    except py7zr.exceptions.ArchiveError as error:
        raise OSError(str(error)) from error


def _starts(stream: IO[bytes], magic: bytes, at: int = 0) -> bool:
    """Return whether a stream has certain bytes at a place, and rewind it."""
    found = stream.read(at + len(magic))[at:]
    stream.seek(0)
    return found == magic


def _chosen(path: Path, names: Sequence[str], member: str | None) -> str:
    """Return the member of an archive that holds the table."""
    own = [name for name in names if not PurePosixPath(name).name.startswith(".") and not name.startswith("__MACOSX/")]
    if member in names:
        return cast("str", member)
    if member is None and len(own) == 1:
        return own[0]
    more = f" and {len(own) - _SHOWN} more" if len(own) > _SHOWN else ""
    held = f"It holds {', '.join(own[:_SHOWN]) or 'no file'}{more}.{nearest(member or '', own)}"
    if member is None:
        raise UnreadableTable(f"{path} is an archive of {len(own)} files.", f"{held} Name one in source.member.")
    raise UnreadableTable(f"{path} has no member {member!r}.", f"{held} Correct source.member.")
