"""Verified downloads: a file has its final name only if it is what was requested.

Servers of materials databases answer with web pages where data is expected, with truncated bodies and with
busy signals. A transfer therefore goes to a temporary name and is checked (status, length, first bytes, SHA-256)
before it is renamed; temporary failures are tried again, all others stop with one message.
"""

import gzip
import json
import logging
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, sha256_file
from elemflow.sources.journal import append_record, read_journal
from elemflow.sources.progress import Progress
from elemflow.sources.records import FileRecord

log = logging.getLogger(__name__)

RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
LONGEST_WAIT = 600.0
"""Seconds; a server that requests a longer pause ends the download."""
TIMEOUT = (30.0, 120.0)
"""Seconds to wait for a connection and between two packets."""
STALL = (60.0, 1024.0)
"""A transfer that brings fewer bytes than this per second, for so many seconds, is given up and tried again."""

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
_last_request: dict[str, float] = {}

T = TypeVar("T")


class TemporaryError(Exception):
    """A failure that may pass: the reason, and the pause in seconds that the server requests, if any."""

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
    timeout: tuple[float, float] = TIMEOUT,
) -> FileRecord:
    """Fetch a file and verify it.

    A file already at `path` whose SHA-256 is the expected one stays, without any request; otherwise it is
    fetched again and replaced. Where no SHA-256 is given, the one of the first transfer from this address is recorded
    in the folder's journal and expected from then on. Connection errors, truncated or stalled transfers and the
    statuses 429, 500, 502, 503 and 504 are tried again after a pause that doubles each time (plus a random part),
    or after the pause the server requests in `Retry-After`. A transfer that was cut off starts again from the first
    byte.

    Args:
        url: An http or https address.
        path: Final name; its suffix (`.gz`, `.zip`, `.json`, ...) decides how the first bytes must look.
        sha256: Expected digest as hexadecimal digits; None if it is not known.
        session: Session with the headers or credentials the server needs; None for a plain one.
        attempts: Largest number of requests.
        backoff: First pause in seconds.
        timeout: Seconds to wait for the connection and between two packets.

    Returns:
        The record of the file.

    Raises:
        DataError: The file could not be retrieved, or is not what was requested; then nothing new has the final name.
    """
    path = Path(path)
    recorded = read_journal(path.parent).get(path.name)
    pinned = recorded if recorded and recorded.url == url else None
    expected = sha256 or (pinned.sha256 if pinned else None)
    if expected and path.is_file():
        if sha256_file(path) == expected.lower():
            return pinned if pinned and pinned.sha256 == expected.lower() else FileRecord.of(path, url=url)
        path.unlink()
    first_seen = pinned.retrieved if pinned and not sha256 else ""
    with _owned(session) as client:
        final_url = with_retries(
            lambda: _transfer(client, url, path, (expected, first_seen), timeout),
            url,
            f"nothing was written to {path}",
            attempts=attempts,
            backoff=backoff,
        )
    record = FileRecord.of(path, url=url, final_url=final_url)
    append_record(path.parent, record)
    return record


def get_json(
    url: str,
    *,
    session: requests.Session | None = None,
    pause: float = 0.0,
    attempts: int = 5,
    backoff: float = 1.0,
    timeout: tuple[float, float] = TIMEOUT,
) -> Any:
    """Request a JSON document from a service, with the checks and the retries of `download`.

    A body that is no whole JSON document is what overloaded services send, and is requested again.

    Args:
        url: An http or https address.
        session: Session with the headers that the service needs; None for a plain one.
        pause: Least number of seconds between two requests to one host.
        attempts: Largest number of requests.
        backoff: First pause in seconds after a failure.
        timeout: Seconds to wait for the connection and between two packets.

    Returns:
        The decoded document.

    Raises:
        DataError: There was no such answer.
    """

    def request() -> Any:
        _wait_turn(url, pause)
        body = bytearray()
        with _receiving(client, url, timeout) as (response, blocks):
            for block in blocks:
                body += block
            if not body:
                raise TemporaryError("the answer is empty")
            _check_content(response, bytes(body[:_SNIFFED]), url, "")
        try:
            return json.loads(body)
        except ValueError as error:
            raise TemporaryError(f"the answer of {len(body)} bytes is no JSON document") from error

    with _owned(session) as client:
        return with_retries(request, url, "what was fetched before remains", attempts=attempts, backoff=backoff)


def with_retries(action: Callable[[], T], what: str, state: str, *, attempts: int = 5, backoff: float = 1.0) -> T:
    """Return what `action` returns, trying again after each `TemporaryError`.

    Args:
        action: One attempt.
        what: What is fetched, for messages.
        state: What remains if all attempts fail, for messages.
        attempts: Largest number of attempts.
        backoff: First pause in seconds; it doubles each time, unless the error names one.

    Raises:
        DataError: The last attempt failed too.
    """

    def pause(state: tenacity.RetryCallState) -> float:
        requested = getattr(_failure(state), "pause", None)
        # Jitter keeps the jobs of one cluster from knocking at the same moment.
        return requested if requested is not None else backoff * 2 ** (state.attempt_number - 1) * (1 + random.random())  # noqa: S311

    def warn(state: tenacity.RetryCallState) -> None:
        number = state.attempt_number + 1
        log.warning("%s: %s; attempt %d of %d in %.1f s", what, _failure(state), number, attempts, state.upcoming_sleep)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TemporaryError),
        stop=tenacity.stop_after_attempt(attempts),
        wait=pause,
        before_sleep=warn,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(action)
    except TemporaryError as error:
        raise DataError(
            f"{what}: {error}, and {attempts} attempts did not help. Check the network and whether the server is up, "
            f"then run again; {state}."
        ) from error


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    """Return the error of the last attempt."""
    return state.outcome.exception() if state.outcome else None


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
        raise DataError(
            f"{url}: SHA-256 is {found}, but {expected.lower()} {origin}. The file was changed at its source or "
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


def _wait_turn(url: str, pause: float) -> None:
    """Sleep until `pause` seconds have passed since the last request to the host of this address."""
    host = urlsplit(url).netloc
    due = _last_request.get(host, -pause) + pause
    if (wait := due - monotonic()) > 0:
        sleep(wait)
    _last_request[host] = monotonic()


@contextmanager
def _receiving(
    client: requests.Session, url: str, timeout: tuple[float, float], *, keep_gzip: bool = False
) -> Iterator[tuple[requests.Response, Iterator[bytes]]]:
    """Request an address; yield the answer and its blocks, and turn failures into ours."""
    # A compressed transfer would have another Content-Length and SHA-256 than the file.
    headers = {"Accept-Encoding": "identity"}
    try:
        with client.get(url, headers=headers, stream=True, timeout=timeout) as response:
            _check_status(response, url)
            yield response, _blocks(response, url, keep_gzip=keep_gzip)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise TemporaryError(f"no connection ({_innermost(error)})") from error
    except urllib3.exceptions.HTTPError as error:
        raise TemporaryError(f"the transfer was cut off ({_innermost(error)})") from error
    except requests.RequestException as error:
        raise DataError(f"{url}: the request cannot be made ({error}). Correct the address in the config.") from error


def _blocks(response: requests.Response, url: str, *, keep_gzip: bool) -> Iterator[bytes]:
    """Yield the body as it arrives; a transfer that stalls is given up."""
    length = response.headers.get("Content-Length", "")
    progress = Progress(Path(urlsplit(url).path).name or url, int(length) if length.isdigit() else None, "MB", 1e6)
    window, slowest = STALL
    since, arrived = monotonic(), 0
    # read1 returns what is there; read would wait for a whole block and never notice a slow transfer.
    # urllib3 raises IncompleteRead if fewer bytes arrive than Content-Length promised.
    while block := response.raw.read1(_CHUNK, decode_content=not keep_gzip):
        yield block
        progress.add(len(block))
        arrived += len(block)
        if (elapsed := monotonic() - since) > window:
            if arrived < slowest * elapsed:
                raise TemporaryError(f"only {arrived} bytes came in {elapsed:.0f} s")
            since, arrived = monotonic(), 0


def _transfer(
    client: requests.Session,
    url: str,
    path: Path,
    expected: tuple[str | None, str],
    timeout: tuple[float, float],
) -> str:
    """Make one attempt; return the address where redirects ended. See `check_sha256` for what is `expected`."""
    keep_gzip = path.suffix == ".gz"
    with _receiving(client, url, timeout, keep_gzip=keep_gzip) as (response, blocks), atomic_path(path) as part:
        with part.open("wb") as stream:
            stream.writelines(blocks)
        with part.open("rb") as stream:
            _check_content(response, stream.read(_SNIFFED), url, path.suffix)
        check_sha256(part, expected[0], url, expected[1])
        if not expected[0]:
            _check_whole(part, path.suffix)
        return response.url


def _check_status(response: requests.Response, url: str) -> None:
    status = response.status_code
    answer = f"the server answered {status} {response.reason}"
    if status in RETRIED_STATUS:
        pause = _retry_after(response.headers.get("Retry-After"))
        if pause is not None and pause > LONGEST_WAIT:
            raise DataError(f"{url}: {answer} and requests a pause of {pause:.0f} s. Run again after that time.")
        raise TemporaryError(answer, pause)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise DataError(
            f"{url}: {answer}. Check the API key, or open the address in a browser to see what it requires."
        )
    if status != HTTPStatus.OK:
        raise DataError(
            f"{url}: {answer}, not 200 with the file. Open the address in a browser; if the file has moved, "
            "correct the dataset's config, or download it by hand and use a source of kind 'table' with its path."
        )


def _check_content(response: requests.Response, start: bytes, url: str, suffix: str) -> None:
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
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


def _check_whole(part: Path, suffix: str) -> None:
    """Read a file of unknown SHA-256 to its end, since servers that state no length may stop anywhere."""
    try:
        if suffix == ".gz":
            with gzip.open(part) as stream:
                while stream.read(_CHUNK):
                    pass
        elif suffix == ".zip":
            with zipfile.ZipFile(part) as archive:
                for member in archive.infolist():
                    with archive.open(member) as stream:
                        while stream.read(_CHUNK):
                            pass
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise TemporaryError(f"the file is damaged ({error})") from error


def _retry_after(value: str | None) -> float | None:
    """Return the pause in seconds that a `Retry-After` header requests: a number or an HTTP date."""
    try:
        return urllib3.Retry(retry_after_max=10**9).parse_retry_after(value) if value else None
    except urllib3.exceptions.InvalidHeader:
        return None


def _innermost(error: BaseException) -> str:
    """Return the class of the first cause: its text repeats the address, with whatever the address holds."""
    while error.__context__ is not None:
        error = error.__context__
    return type(error).__name__
