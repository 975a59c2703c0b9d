"""What a downloaded file must be: the data that were requested, whole, and with the SHA-256 that is known."""

import gzip
import zipfile
import zlib
from pathlib import Path

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
    """Read a file of unknown SHA-256 to its end, since servers that state no length may stop anywhere."""
    try:
        if suffix == ".gz":
            with gzip.open(part) as stream:
                while stream.read(_BLOCK):
                    pass
        elif suffix == ".zip":
            with zipfile.ZipFile(part) as archive:
                for member in archive.infolist():
                    with archive.open(member) as stream:
                        while stream.read(_BLOCK):
                            pass
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise TemporaryError(f"the file is damaged ({error})") from error
