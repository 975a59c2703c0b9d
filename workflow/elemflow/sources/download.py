"""Verified downloads: a file has its final name only if it is what was requested.

Servers of materials databases answer with web pages where data is expected, with truncated bodies and with
busy signals. A transfer therefore goes to a temporary name and is checked (status, length, first bytes, SHA-256)
before it is renamed; temporary failures are tried again, all others stop with one message.
"""

import gzip
import json
import logging
import os
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
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

RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 525)})
"""Those of 520 to 524 are of Cloudflare, for a server behind it that does not answer."""
ATTEMPTS = int(os.environ.get("ELEMFLOW_ATTEMPTS", "10"))
BACKOFF, LONGEST_PAUSE = 5.0, 120.0
"""First and longest pause in seconds: ten requests take some ten minutes, as long as short outages last."""
DIGEST_ATTEMPTS = 3
"""Transfers before a wrong SHA-256 is believed: figshare sometimes delivers a wrong body once."""
FIGSHARE_API = "https://api.figshare.com/v2/file/download"
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
_DETAIL = 4096
_BY_HAND = "Download the file with a browser and use a source of kind 'table' with its path."
_WEB_PAGE = (b"<!doctype html", b"<html")
_last_request: dict[str, float] = {}

_FIGSHARE = re.compile(r"https?://(?:ndownloader\.figshare\.com|figshare\.com/ndownloader)/files/(\d+)")

T = TypeVar("T")


def user_agent() -> str:
    """Return what requests name as their sender: the default of requests is blocked by some services."""
    try:
        return f"elemflow/{version('elemflow')} (materials data workflow)"
    except PackageNotFoundError:
        return "elemflow (materials data workflow)"


class ExhaustedError(DataError):
    """All attempts failed in a way that may pass."""


class DigestError(DataError):
    """A file has another SHA-256 than expected."""


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
    attempts: int = ATTEMPTS,
    backoff: float = BACKOFF,
    timeout: tuple[float, float] = TIMEOUT,
) -> FileRecord:
    """Fetch a file and verify it.

    A file already at `path` whose SHA-256 is the expected one stays, without any request; otherwise it is
    fetched again and replaced. Where no SHA-256 is given, the one of the first transfer from this address is recorded
    in the folder's journal and expected from then on. Connection errors, truncated or stalled transfers and the
    statuses of `RETRIED_STATUS` are tried again after a pause that doubles each time (up to `LONGEST_PAUSE`),
    or after the pause the server requests in `Retry-After`. A transfer that was cut off starts again from the first
    byte. A wrong SHA-256 is an error after `DIGEST_ATTEMPTS` transfers. A file of figshare that its address for
    scripts refuses is requested from figshare's API.

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
    state = f"nothing was written to {path}"
    first, *others = _addresses(url)
    with _owned(session) as client:

        def fetch_from(address: str) -> str:
            action = _digest_retries(lambda: _transfer(client, address, path, (expected, first_seen), timeout))
            return with_retries(action, address, state, attempts=attempts, backoff=backoff)

        try:
            final_url = fetch_from(first)
        except DigestError:
            raise
        except DataError as error:
            if not others:
                raise
            log.warning("%s Trying %s", error, others[0])
            final_url = fetch_from(others[0])
    record = FileRecord.of(path, url=url, final_url=final_url)
    append_record(path.parent, record)
    return record


def get_json(
    url: str,
    *,
    session: requests.Session | None = None,
    pause: float = 0.0,
    attempts: int = ATTEMPTS,
    backoff: float = BACKOFF,
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
        with _receiving(client, url, timeout) as (_, blocks):
            for block in blocks:
                body += block
            if not body:
                raise TemporaryError("the answer is empty")
            # Services that are written in PHP send JSON as text/html, so that only the body counts.
            _check_no_web_page(bytes(body[:_SNIFFED]), url)
            if body.lstrip().startswith(b"DB Fail"):
                raise TemporaryError("the service answers 'DB Fail': its database fails, or cannot answer this query")
        try:
            return json.loads(body)
        except ValueError as error:
            raise TemporaryError(f"the answer of {len(body)} bytes is no JSON document") from error

    with _owned(session) as client:
        return with_retries(request, url, "what was fetched before remains", attempts=attempts, backoff=backoff)


def with_retries(
    action: Callable[[], T], what: str, state: str, *, attempts: int = ATTEMPTS, backoff: float = BACKOFF
) -> T:
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
        if requested is not None:
            return requested
        return _planned(state.attempt_number, backoff) * (1 + random.random() / 4)  # noqa: S311

    def warn(state: tenacity.RetryCallState) -> None:
        number = state.attempt_number + 1
        rest = sum(_planned(done, backoff) for done in range(number, attempts))
        until = datetime.now(UTC) + timedelta(seconds=state.upcoming_sleep + rest)
        log.warning(
            "%s: %s; attempt %d of %d in %.1f s, the last one about %s UTC",
            what,
            _failure(state),
            number,
            attempts,
            state.upcoming_sleep,
            until.strftime("%H:%M"),
        )

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
        raise ExhaustedError(
            f"{what}: {error}, and {attempts} attempts did not help. Check the network and whether the server is up, "
            f"then run again; {state}."
        ) from error


def _planned(done: int, backoff: float) -> float:
    """Return the pause in seconds after so many attempts."""
    return float(min(backoff * 2 ** (done - 1), LONGEST_PAUSE))


def _addresses(url: str) -> list[str]:
    """Return where a file is fetched from: itself, and for one of figshare the API after the address for scripts."""
    if found := _FIGSHARE.fullmatch(url):
        return [f"https://ndownloader.figshare.com/files/{found[1]}", f"{FIGSHARE_API}/{found[1]}"]
    return [url]


def _digest_retries(action: Callable[[], T]) -> Callable[[], T]:
    """Return an attempt that tries a wrong SHA-256 again until `DIGEST_ATTEMPTS` transfers had one."""
    wrong = 0

    def attempt() -> T:
        nonlocal wrong
        try:
            return action()
        except DigestError as error:
            wrong += 1
            if wrong >= DIGEST_ATTEMPTS:
                raise
            raise TemporaryError(f"the SHA-256 is wrong ({error})") from error

    return attempt


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
        raise DigestError(
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
    headers = {"Accept-Encoding": "identity", "User-Agent": user_agent()}
    try:
        with client.get(url, headers=headers, stream=True, timeout=timeout) as response:
            _check_status(response, url)
            yield response, _blocks(response, url, keep_gzip=keep_gzip)
    except (requests.ConnectionError, requests.Timeout) as error:
        reason = _innermost(error)
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            raise DataError(
                f"{url}: the certificate of the server cannot be verified ({reason}). Set REQUESTS_CA_BUNDLE to a file "
                "with the certificates of your network, or use an http address (docs/reference/sources.md)."
            ) from error
        if "407" in reason:
            raise DataError(
                f"{url}: the proxy refuses ({reason}). Set HTTPS_PROXY to http://<user>:<password>@<host>:<port>."
            ) from error
        raise TemporaryError(f"no connection ({reason})") from error
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
            f"{url}: {answer}{_detail(response)}. The server refuses this request: its query, its size, or a sender "
            "that it takes for a robot. Open the address in a browser to see what it requires."
        )
    if response.headers.get("x-amzn-waf-action"):
        raise DataError(f"{url}: {answer}: the server takes this request for that of a robot. {_BY_HAND}")
    if status != HTTPStatus.OK:
        raise DataError(
            f"{url}: {answer}{_detail(response)}, not 200 with the file. Open the address in a browser; if the "
            "file has moved, correct the dataset's config, or download it by hand and use a source of kind 'table' "
            "with its path."
        )


def _detail(response: requests.Response) -> str:
    """Return what the body of a refusal names as the reason, in parentheses; empty if it names none."""
    try:
        body = json.loads(response.raw.read(_DETAIL, decode_content=True))
    except (ValueError, OSError, urllib3.exceptions.HTTPError):
        return ""
    errors = body.get("errors") if isinstance(body, dict) else None
    found = [error.get("detail") or error.get("title") for error in errors or [] if isinstance(error, dict)]
    if isinstance(body, dict):
        found += [body.get(key) for key in ("detail", "error", "message")]
    texts = [" ".join(text.split())[:300] for text in found if isinstance(text, str) and text]
    return f" ({'; '.join(texts)})" if texts else ""


def _check_no_web_page(start: bytes, url: str) -> None:
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_WEB_PAGE):
        raise DataError(f"{url}: the server sent a web page instead of data, as it does for robots. {_BY_HAND}")


def _check_content(response: requests.Response, start: bytes, url: str, suffix: str) -> None:
    _check_no_web_page(start, url)
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    named_page = response.headers.get("Content-Type", "").startswith("text/html")
    if named_page and start and not start.startswith(_MAGIC.get(suffix, ())):
        raise DataError(f"{url}: the server sent a web page instead of data, as it does for robots. {_BY_HAND}")
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
    """Return class and text of the first cause; those of urllib3 repeat the address, with whatever it holds."""
    while error.__context__ is not None:
        error = error.__context__
    name = type(error).__name__
    text = " ".join(str(error).split())[:300]
    repeats = isinstance(error, urllib3.exceptions.HTTPError | requests.RequestException)
    return name if repeats or not text else f"{name}: {text}"
