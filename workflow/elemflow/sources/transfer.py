"""One request to a server: its answer as it arrives, and failures in words, those that may pass apart from others."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import requests
import urllib3

from elemflow.core.errors import DataError
from elemflow.sources.contents import BY_HAND
from elemflow.sources.progress import Progress
from elemflow.sources.retries import TemporaryError

RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 525)})
"""Those of 520 to 524 are of Cloudflare, for a server behind it that does not answer."""

LONGEST_WAIT = 600.0
"""Seconds; a server that requests a longer pause ends the download."""

TIMEOUT = (30.0, 120.0)
"""Seconds to wait for a connection and between two packets."""

STALL = (60.0, 1024.0)
"""A transfer that brings fewer bytes than this per second, for so many seconds, is given up and tried again."""

_PROXY_REFUSAL = re.compile(r"\b407\b")
_CHUNK = 1 << 20

_DETAIL = 4096

_last_request: dict[str, float] = {}


def user_agent() -> str:
    """Return what requests name as their sender: the default of requests is blocked by some services."""
    try:
        return f"elemflow/{version('elemflow')} (materials data workflow)"
    except PackageNotFoundError:
        return "elemflow (materials data workflow)"


@contextmanager
def owned(session: requests.Session | None) -> Iterator[requests.Session]:
    """Yield the given session, or a new one that is closed at the end."""
    if session is not None:
        yield session
        return
    with requests.Session() as own:
        yield own


def wait_turn(url: str, pause: float) -> None:
    """Sleep until `pause` seconds have passed since the last request to the host of this address."""
    host = urlsplit(url).netloc
    due = _last_request.get(host, -pause) + pause
    if (wait := due - monotonic()) > 0:
        sleep(wait)
    _last_request[host] = monotonic()


@contextmanager
def receiving(
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
        if _PROXY_REFUSAL.search(reason):
            raise _proxy_refuses(url, reason) from error
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


def _proxy_refuses(url: str, reason: str) -> DataError:
    return DataError(
        f"{url}: the proxy refuses ({reason}). Set HTTP_PROXY and HTTPS_PROXY to http://<user>:<password>@<host>:<port>."
    )


def _check_status(response: requests.Response, url: str) -> None:
    status = response.status_code
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise _proxy_refuses(url, f"{status} {response.reason}")
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
        raise DataError(f"{url}: {answer}: the server takes this request for that of a robot. {BY_HAND}")
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
