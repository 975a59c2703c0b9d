"""What a downloaded file must be: the data that were requested, whole, and with the SHA-256 that is known."""

import bz2
import gzip
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

import requests

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.sources.retries import TemporaryError

SNIFFED = 512
_BLOCK = 1 << 20

_MAGIC: dict[str, tuple[bytes, ...]] = {
    ".gz": (b"\x1f\x8b",),
    ".zip": (b"PK",),
    ".xz": (b"\xfd7zXZ",),
    ".parquet": (b"PAR1",),
    ".json": (b"{", b"["),
}

_TAR_AT = 257
_7Z_HEADER = 32

BY_HAND = "Download the file with a browser and use a source of kind 'table' with its path."

_WEB_PAGE = (b"<!doctype html", b"<html")


class DigestError(DataError):
    """A file has another SHA-256 than expected."""


def check_sha256(path: Path, expected: str | None, url: str, first_seen: str = "") -> None:
    """Raise DataError if the file's SHA-256 is not the expected one.

    Args:
        path: The file.
        expected: Its digest; None expects nothing.
        url: Where the file comes from, for messages.
        first_seen: Date of the first retrieval, if the digest was recorded then and is not in the config.
    """
    if expected and (found := sha256_file(path)) != expected.lower():
        origin = f"was recorded when it was first retrieved ({first_seen})" if first_seen else "was expected"
        raise DigestError(
            f"{url}: SHA-256 is {found}, but {expected.lower()} {origin}. The file was changed at its source or "
            "on the way; do not use it. If the new version is wanted, put its SHA-256 into the dataset's config."
        )


def check_no_web_page(start: bytes, url: str) -> None:
    """Raise DataError if a body starts as a web page does."""
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_WEB_PAGE):
        raise DataError(f"{url}: the server sent a web page instead of data, as it does for robots. {BY_HAND}")


def check_content(response: requests.Response, start: bytes, url: str, suffix: str) -> None:
    """Raise DataError if a body does not start as a file of its suffix does.

    Args:
        response: The answer, for its headers.
        start: First bytes of the body.
        url: Address, for messages.
        suffix: Suffix of the file.
    """
    check_no_web_page(start, url)
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    named_page = response.headers.get("Content-Type", "").startswith("text/html")
    if named_page and start and not start.startswith(_MAGIC.get(suffix, ())):
        raise DataError(f"{url}: the server sent a web page instead of data, as it does for robots. {BY_HAND}")
    if not start:
        raise DataError(f"{url}: the server sent an empty file. Check the address in the dataset's config.")
    magic = _MAGIC.get(suffix)
    if magic and not start.startswith(magic):
        raise DataError(
            f"{url}: the content is not a {suffix} file; it starts with {start[:16]!r}. Check the address in the "
            "dataset's config, and its format."
        )


def check_whole(part: Path, suffix: str) -> None:
    """Read a file of unknown SHA-256 to its end, since servers that state no length may stop anywhere.

    The first SHA-256 is expected from then on, so that a part of a file must not become it. What a file is, is seen
    from its content, but for JSON; of text without an end of its own, as csv, nothing can be said.

    Args:
        part: The file.
        suffix: Suffix of its final name.

    Raises:
        TemporaryError: The file is cut off or damaged.
    """
    with part.open("rb") as stream:
        start = stream.read(SNIFFED)
    unpack = next((opener for magic, opener in _COMPRESSED.items() if start.startswith(magic)), None)
    try:
        if unpack is not None:
            with unpack(part) as stream:
                _read_on(stream)
        elif suffix == ".zip" or start.startswith(b"PK\x03\x04"):
            _read_zip(part)
        elif start[_TAR_AT:].startswith(b"ustar"):
            with tarfile.open(part, "r:") as archive:
                archive.getmembers()
        elif start.startswith(b"7z\xbc\xaf\x27\x1c"):
            _check_7z(part, start)
        elif start.startswith(b"PAR1"):
            _check_end(part, (b"PAR1",))
        elif suffix == ".json":
            _check_end(part, (b"}", b"]"))
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise TemporaryError(f"the file is damaged ({error})") from error


def _zstandard(path: Path) -> IO[bytes]:
    import pyarrow as pa  # noqa: PLC0415  for one kind of file

    return cast("IO[bytes]", pa.input_stream(str(path), compression="zstd"))


_COMPRESSED: Mapping[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open, b"\x28\xb5\x2f\xfd": _zstandard,
}  # fmt: skip


def _read_on(stream: IO[bytes]) -> None:
    while stream.read(_BLOCK):
        pass


def _read_zip(part: Path) -> None:
    with zipfile.ZipFile(part) as archive:
        for member in archive.infolist():
            try:
                with archive.open(member) as stream:
                    _read_on(stream)
            except (RuntimeError, NotImplementedError):  # encrypted, or packed in an unknown way: who reads it says so
                return


def _check_end(part: Path, ends: tuple[bytes, ...]) -> None:
    with part.open("rb") as stream:
        stream.seek(-min(part.stat().st_size, SNIFFED), os.SEEK_END)
        end = stream.read().rstrip()
    if not end.endswith(ends):
        raise EOFError(f"it ends with {end[-16:]!r}")


def _check_7z(part: Path, start: bytes) -> None:
    """Compare the size of a 7z archive with the place of its table of contents, which stands at its end."""
    if len(start) < _7Z_HEADER or part.stat().st_size < _7Z_HEADER + sum(struct.unpack("<QQ", start[12:28])):
        raise EOFError("its table of contents is missing")
