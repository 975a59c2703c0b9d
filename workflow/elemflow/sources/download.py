"""Verified downloads: a file has its final name only if it is what was asked for.

Servers of materials databases answer with web pages where data is expected, with truncated bodies and with
busy signals. A transfer therefore goes to a temporary name and is checked (status, length, first bytes, SHA-256)
before it is renamed; temporary failures are tried again, all others stop with one message.
"""

import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3

from elemflow.errors import DataError
from elemflow.files import atomic_path, sha256_file

log = logging.getLogger(__name__)

RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
LONGEST_WAIT = 600.0
"""Seconds; a server that asks for a longer pause ends the download."""

_CHUNK = 1 << 20
_SNIFFED = 512
_MAGIC: dict[str, tuple[bytes, ...]] = {
    ".gz": (b"\x1f\x8b",),
    ".zip": (b"PK",),
    ".xz": (b"\xfd7zXZ",),
    ".parquet": (b"PAR1",),
    ".json": (b"{", b"["),
}
_WEB_PAGE = (b"<!doctype html", b"<html")


class _TemporaryError(Exception):
    """A failure that may pass: the reason, and the pause in seconds that the server asks for, if it does."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def download(
    url: str,
    path: str | Path,
    *,
    sha256: str | None = None,
    session: requests.Session | None = None,
    attempts: int = 5,
    backoff: float = 1.0,
    timeout: tuple[float, float] = (30.0, 120.0),
) -> dict[str, Any]:
    """Fetch a file and verify it.

    A file already at `path` whose SHA-256 is the expected one is kept, without any request; otherwise it is
    fetched again and replaced. Connection errors, truncated transfers and the statuses 429, 500, 502, 503 and
    504 are tried again after a pause that doubles each time (plus a random part), or after the pause the server
    asks for in `Retry-After`. A transfer that was cut off starts again from the first byte.

    Args:
        url: An http or https address.
        path: Final name; its suffix (`.gz`, `.zip`, `.json`, ...) decides how the first bytes must look.
        sha256: Expected digest as hexadecimal digits; None if it is not known.
        session: Session with the headers or credentials the server needs; None for a plain one.
        attempts: Largest number of requests.
        backoff: First pause in seconds.
        timeout: Seconds to wait for the connection and between two packets.

    Returns:
        The record of `file_record`.

    Raises:
        DataError: The file could not be had, or is not what was asked for; then nothing new has the final name.
    """
    path = Path(path)
    if sha256 and path.is_file():
        if sha256_file(path) == sha256.lower():
            return file_record(path, url=url)
        path.unlink()
    with _owned(session) as client:
        for attempt in range(1, attempts + 1):
            try:
                final_url = _transfer(client, url, path, sha256, timeout)
                return file_record(path, url=url, final_url=final_url)
            except _TemporaryError as error:
                if attempt == attempts:
                    raise DataError(
                        f"{url}: {error}, and {attempts} attempts did not help. Check the network and whether the "
                        f"server is up, then run again; nothing was written to {path}."
                    ) from error
                pause = error.pause
                if pause is None:
                    # Jitter keeps the jobs of one cluster from knocking at the same moment.
                    pause = backoff * 2 ** (attempt - 1) * (1 + random.random())  # noqa: S311
                log.warning("%s: %s; attempt %d of %d in %.1f s", url, error, attempt + 1, attempts, pause)
                time.sleep(pause)
    raise ValueError(f"attempts must be at least 1, not {attempts}")


def file_record(path: str | Path, *, url: str, final_url: str | None = None) -> dict[str, Any]:
    """Describe a retrieved file for the manifest.

    Args:
        path: The file, whose name (without folder) is recorded.
        url: Where it was asked for; a local path or package resource for files that were not downloaded.
        final_url: Where redirects ended; its query is dropped, because signed addresses carry credentials there.

    Returns:
        `url`, `final_url`, `file`, `bytes`, `sha256` and `retrieved`, the UTC date of the file as YYYY-MM-DD.
    """
    path = Path(path)
    state = path.stat()
    return {
        "url": url,
        "final_url": urlunsplit(urlsplit(final_url or url)._replace(query="", fragment="")),
        "file": path.name,
        "bytes": state.st_size,
        "sha256": sha256_file(path),
        "retrieved": datetime.fromtimestamp(state.st_mtime, UTC).date().isoformat(),
    }


def check_sha256(path: Path, expected: str | None, url: str) -> None:
    """Raise DataError if the file's SHA-256 is not the expected one; None expects nothing."""
    if expected and (found := sha256_file(path)) != expected.lower():
        raise DataError(
            f"{url}: SHA-256 is {found}, but {expected.lower()} was expected. The file was changed at its source or "
            "on the way; do not use it. If the new version is wanted, put its SHA-256 into the dataset's config."
        )


@contextmanager
def _owned(session: requests.Session | None) -> Iterator[requests.Session]:
    """Yield the given session, or a new one that is closed at the end."""
    if session is not None:
        yield session
        return
    with requests.Session() as own:
        yield own


def _transfer(client: requests.Session, url: str, path: Path, sha256: str | None, timeout: tuple[float, float]) -> str:
    """Make one attempt; return the address where redirects ended."""
    # Compressed transfer would make Content-Length and SHA-256 speak of other bytes than the file's.
    headers = {"Accept-Encoding": "identity"}
    try:
        with client.get(url, headers=headers, stream=True, timeout=timeout) as response, atomic_path(path) as part:
            _check_status(response, url)
            # urllib3 raises IncompleteRead if fewer bytes arrive than Content-Length promised.
            with part.open("wb") as stream:
                for block in response.raw.stream(_CHUNK, decode_content=path.suffix != ".gz"):
                    stream.write(block)
            _check_content(response, part, url, path.suffix)
            check_sha256(part, sha256, url)
            return response.url
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _TemporaryError(f"no connection ({_innermost(error)})") from error
    except urllib3.exceptions.HTTPError as error:
        raise _TemporaryError(f"the transfer was cut off ({_innermost(error)})") from error
    except requests.RequestException as error:
        raise DataError(f"{url}: the request cannot be made ({error}). Correct the address in the config.") from error


def _check_status(response: requests.Response, url: str) -> None:
    status = response.status_code
    answer = f"the server answered {status} {response.reason}"
    if status in RETRIED_STATUS:
        pause = _retry_after(response.headers.get("Retry-After"))
        if pause is not None and pause > LONGEST_WAIT:
            raise DataError(f"{url}: {answer} and asks to come back in {pause:.0f} s. Run again after that time.")
        raise _TemporaryError(answer, pause)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise DataError(f"{url}: {answer}. Check the API key, or open the address in a browser to see what it asks.")
    if status != HTTPStatus.OK:
        raise DataError(
            f"{url}: {answer}, not 200 with the file. Open the address in a browser; if the file has moved, "
            "correct the dataset's config, or download it by hand and use a source of kind 'table' with its path."
        )


def _check_content(response: requests.Response, part: Path, url: str, suffix: str) -> None:
    with part.open("rb") as stream:
        start = stream.read(_SNIFFED).removeprefix(b"\xef\xbb\xbf").lstrip()
    if response.headers.get("Content-Type", "").startswith("text/html") or start.lower().startswith(_WEB_PAGE):
        raise DataError(
            f"{url}: the server sent a web page instead of the file, as it does for visitors it takes for robots. "
            "Download the file with a browser and use a source of kind 'table' with its path."
        )
    if not start:
        raise DataError(f"{url}: the server sent an empty file. Check the address in the dataset's config.")
    magic = _MAGIC.get(suffix)
    if magic and not start.startswith(magic):
        raise DataError(
            f"{url}: the content is not a {suffix} file; it starts with {start[:16]!r}. Check the address in the "
            "dataset's config, and its format."
        )


def _retry_after(value: str | None) -> float | None:
    """Return the pause in seconds that a `Retry-After` header asks for: a number or an HTTP date."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _innermost(error: BaseException) -> str:
    """Return the class of the first cause: its text repeats the address, with whatever the address holds."""
    while error.__context__ is not None:
        error = error.__context__
    return type(error).__name__
