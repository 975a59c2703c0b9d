"""Verified downloads: a file has its final name only if it is what was requested.

Servers of materials databases answer with web pages where data is expected, with truncated bodies and with
busy signals. A transfer therefore goes to a temporary name and is checked (status, length, first bytes, SHA-256)
before it is renamed; temporary failures are tried again, all others stop with one message.
"""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, sha256_file
from elemflow.sources.contents import SNIFFED, DigestError, check_content, check_no_web_page, check_sha256, check_whole
from elemflow.sources.journal import append_record, read_journal
from elemflow.sources.records import FileRecord
from elemflow.sources.retries import ATTEMPTS, BACKOFF, TemporaryError, with_retries
from elemflow.sources.transfer import TIMEOUT, owned, receiving, wait_turn

log = logging.getLogger(__name__)

DIGEST_ATTEMPTS = 3
"""Transfers before a wrong SHA-256 is believed: figshare sometimes delivers a wrong body once."""

FIGSHARE_API = "https://api.figshare.com/v2/file/download"

_FIGSHARE = re.compile(r"https?://(?:ndownloader\.figshare\.com|figshare\.com/ndownloader)/files/(\d+)")

T = TypeVar("T")


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
    with owned(session) as client:

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
        wait_turn(url, pause)
        body = bytearray()
        with receiving(client, url, timeout) as (_, blocks):
            for block in blocks:
                body += block
            if not body:
                raise TemporaryError("the answer is empty")
            # Services that are written in PHP send JSON as text/html, so that only the body counts.
            check_no_web_page(bytes(body[:SNIFFED]), url)
            if body.lstrip().startswith(b"DB Fail"):
                raise TemporaryError("the service answers 'DB Fail': its database fails, or cannot answer this query")
        try:
            return json.loads(body)
        except ValueError as error:
            raise TemporaryError(f"the answer of {len(body)} bytes is no JSON document") from error

    with owned(session) as client:
        return with_retries(request, url, "what was fetched before remains", attempts=attempts, backoff=backoff)


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


def _transfer(
    client: requests.Session,
    url: str,
    path: Path,
    expected: tuple[str | None, str],
    timeout: tuple[float, float],
) -> str:
    """Make one attempt; return the address where redirects ended. See `check_sha256` for what is `expected`."""
    keep_gzip = path.suffix == ".gz"
    with receiving(client, url, timeout, keep_gzip=keep_gzip) as (response, blocks), atomic_path(path) as part:
        with part.open("wb") as stream:
            stream.writelines(blocks)
        with part.open("rb") as stream:
            check_content(response, stream.read(SNIFFED), url, path.suffix)
        check_sha256(part, expected[0], url, expected[1])
        if not expected[0]:
            check_whole(part, path.suffix)
        return response.url
