"""Downloads from a local server that misbehaves in the ways real ones do."""

import gzip
import hashlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, time

import pytest

from elemflow.core.errors import DataError
from elemflow.sources import download as module
from elemflow.sources.download import download

BODY = gzip.compress(b'{"columns": [], "data": []}', mtime=0)
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
DIGEST = hashlib.sha256(BODY).hexdigest()
Answer = tuple[int, dict[str, str], bytes]
GOOD: Answer = (200, {"Content-Type": "application/gzip"}, BODY)

fetch = partial(download, backoff=0.001, timeout=(2.0, 2.0))


class Server:
    """Answers requests with the given list, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [GOOD]
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers = server.answers
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                server.requests.append(self.path)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                self.send_error(407)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.json.gz"


def assert_nothing_left(path: Path) -> None:
    assert list(path.parent.iterdir()) == []


def test_record(server: Server, path: Path) -> None:
    server.answers = [(302, {"Location": "/stored?Signature=secret"}, b""), GOOD]
    record = fetch(f"{server.url}/files/1", path, sha256=DIGEST.upper())
    assert path.read_bytes() == BODY
    assert record.retrieved.count("-") == 2
    assert record.model_dump(exclude={"retrieved"}, exclude_none=True) == {
        "url": f"{server.url}/files/1",
        "final_url": f"{server.url}/stored",
        "file": "data.json.gz",
        "bytes": len(BODY),
        "sha256": DIGEST,
    }


@pytest.mark.parametrize(
    "trouble",
    [
        (429, {"Retry-After": "0"}, b"slow down"),
        (429, {"Retry-After": formatdate(time() - 5, usegmt=True)}, b"slow down"),
        (503, {"Retry-After": "soon"}, b"busy"),
        (408, {}, b""),
        (425, {}, b""),
        (522, {"Content-Type": "text/html"}, b"<html>Cloudflare"),
        (200, {}, gzip.compress(b"other", mtime=0)),
        (502, {"Content-Type": "text/html"}, b"<html>Bad gateway</html>"),
        (200, {"Content-Length": str(len(BODY) + 7)}, BODY),
    ],
)
def test_temporary_trouble_is_tried_again(server: Server, path: Path, trouble: Answer) -> None:
    server.answers = [trouble, trouble, GOOD]
    fetch(server.url, path, sha256=DIGEST)
    assert path.read_bytes() == BODY
    assert len(server.requests) == 3


def test_retry_after_is_obeyed(server: Server, path: Path) -> None:
    server.answers = [(429, {"Retry-After": "1"}, b""), GOOD]
    start = monotonic()
    fetch(server.url, path)
    assert monotonic() - start >= 1


def test_a_very_long_pause_is_not_waited_for(server: Server, path: Path) -> None:
    server.answers = [(503, {"Retry-After": "86400"}, b"")]
    with pytest.raises(DataError, match="pause of 86400 s"):
        fetch(server.url, path)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, {}, b"gone"), "404"),
        ((400, {}, b"what?"), "400"),
        ((403, {}, b"no"), "refuses this request"),
        ((202, {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>robot?"), "202"),
        ((202, {"x-amzn-waf-action": "challenge"}, b""), "robot"),
        ((403, {}, b'{"detail": "too many fields"}'), "too many fields"),
        ((204, {}, b""), "204"),
        ((200, {"Content-Type": "text/html; charset=utf-8"}, b"<p>robot?"), "web page"),
        ((200, {}, b"\n <!DOCTYPE html><p>robot?"), "web page"),
        ((200, {}, b""), "empty file"),
        ((200, {}, b'{"error": "no such file"}'), "not a .gz file"),
        ((200, {}, gzip.compress(b"other", mtime=0)), "SHA-256"),
    ],
)
def test_final_trouble_is_not_tried_again(server: Server, path: Path, answer: Answer, message: str) -> None:
    server.answers = [answer]
    with pytest.raises(DataError, match=message) as caught:
        fetch(server.url, path, sha256=DIGEST)
    assert server.url in str(caught.value)
    assert len(server.requests) == (3 if message == "SHA-256" else 1)
    assert_nothing_left(path)


def test_trouble_that_does_not_end(server: Server, path: Path) -> None:
    server.answers = [(200, {"Content-Length": "99999"}, BODY)]
    with pytest.raises(DataError, match=r"cut off .* 3 attempts"):
        fetch(server.url, path, attempts=3)
    assert len(server.requests) == 3
    assert_nothing_left(path)


def test_unreachable_server(path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match=r"no connection \(ConnectionRefusedError: .*refused\)"):
        fetch(f"http://127.0.0.1:{port}/", path, attempts=2)
    assert_nothing_left(path)


def test_address_that_is_none(path: Path) -> None:
    with pytest.raises(DataError, match="Correct the address"):
        fetch("nonsense", path)


def test_right_content_under_the_wrong_type(server: Server, path: Path) -> None:
    server.answers = [(200, {"Content-Type": "text/html"}, BODY)]
    fetch(server.url, path)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("form", ["ndownloader.figshare.com", "figshare.com/ndownloader"])
def test_other_addresses_of_a_file_on_figshare(form: str) -> None:
    first, second = module._addresses(f"https://{form}/files/28232538")
    assert first == "https://ndownloader.figshare.com/files/28232538"
    assert second == "https://api.figshare.com/v2/file/download/28232538"


def test_second_address_after_a_refusal(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_addresses", lambda url: [f"{url}/first", f"{url}/second"])
    server.answers = [(202, {"x-amzn-waf-action": "challenge"}, b""), GOOD]
    fetch(server.url, path)
    assert server.requests == ["/first", "/second"]


def test_verified_file_needs_no_request(server: Server, path: Path) -> None:
    path.write_bytes(BODY)
    assert fetch(server.url, path, sha256=DIGEST).sha256 == DIGEST
    assert server.requests == []


def test_damaged_file_is_fetched_again(server: Server, path: Path) -> None:
    path.write_bytes(BODY[:-3])
    fetch(server.url, path, sha256=DIGEST)
    assert path.read_bytes() == BODY


def test_damaged_file_does_not_survive_a_failure(server: Server, path: Path) -> None:
    path.write_bytes(BODY[:-3])
    server.answers = [(404, {}, b"")]
    with pytest.raises(DataError):
        fetch(server.url, path, sha256=DIGEST)
    assert_nothing_left(path)


@pytest.mark.parametrize(
    ("name", "body", "good"),
    [
        ("a.zip", EMPTY_ZIP, True),
        ("a.zip", b"Rar!", False),
        ("a.json", b"\xef\xbb\xbf [1]", True),
        ("a.json", b"Internal error null", False),
        ("a.parquet", b"PAR1", True),
        ("a.csv", b"formula\nNaN\n", True),
    ],
)
def test_first_bytes(server: Server, tmp_path: Path, name: str, body: bytes, good: bool) -> None:
    server.answers = [(200, {}, body)]
    run: Callable[[], object] = partial(fetch, server.url, tmp_path / name)
    if good:
        run()
    else:
        with pytest.raises(DataError, match="it starts with"):
            run()
    assert (tmp_path / name).exists() is good


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy of this machine answer."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.usefixtures("direct")
def test_name_that_nobody_knows(path: Path) -> None:
    with pytest.raises(DataError, match="no connection") as caught:
        fetch("http://host.invalid/data.json.gz", path, attempts=1)
    assert "gaierror: " in str(caught.value)


@pytest.mark.usefixtures("direct")
def test_port_without_a_server(path: Path) -> None:
    with pytest.raises(DataError, match=r"ConnectionRefusedError: .*refused"):
        fetch("http://127.0.0.1:9/data.json.gz", path, attempts=1)


@pytest.mark.usefixtures("direct")
def test_server_without_tls(server: Server, path: Path) -> None:
    with pytest.raises(DataError, match=r"no connection \(SSLError: \[SSL"):
        fetch(f"{server.url.replace('http', 'https')}/data.json.gz", path, attempts=1)


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_wants_a_password(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", server.url)
    server.answers = [(407, {}, b"")]
    with pytest.raises(DataError, match=r"the proxy refuses \(.*407.*HTTPS_PROXY to http://<user>:<password>"):
        fetch(f"{scheme}://host.invalid/data.json.gz", path)


@pytest.fixture
def own_certificate(tmp_path: Path) -> Path:
    """Return key and certificate that no authority has signed."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs openssl")
    target = tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"]
    files = ["-keyout", str(target), "-out", str(tmp_path / "only.pem"), "-newkey", "rsa:2048"]
    subprocess.run([program, "req", "-x509", *subject, *files], check=True, capture_output=True)
    target.write_text(target.read_text() + (tmp_path / "only.pem").read_text())
    return target


@pytest.mark.usefixtures("direct")
def test_certificate_of_a_private_network(
    server: Server, tmp_path: Path, own_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    url = f"{server.url.replace('http', 'https')}/data.json.gz"
    folder = tmp_path / "raw"
    folder.mkdir()
    with pytest.raises(DataError, match=re.escape("cannot be verified")) as caught:
        fetch(url, folder / "data.json.gz")
    for text in ("self-signed certificate", "REQUESTS_CA_BUNDLE"):
        assert text in str(caught.value)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "only.pem"))
    assert fetch(url, folder / "data.json.gz").sha256 == DIGEST
