"""What a downloaded file must be."""

import gzip
import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elemflow.core.errors import DataError
from elemflow.sources.contents import check_content, check_sha256, check_whole
from elemflow.sources.retries import TemporaryError

BODY = gzip.compress(b"{}", mtime=0)


def answer(**headers: str) -> Any:
    return SimpleNamespace(headers=headers)


@pytest.mark.parametrize(
    ("start", "suffix", "message"),
    [
        (b"<!DOCTYPE html>", ".json", "web page instead of data"),
        (b"", ".json", "an empty file"),
        (b"PK", ".gz", "the content is not a .gz file"),
    ],
)
def test_a_body_that_is_no_such_file_is_refused(start: bytes, suffix: str, message: str) -> None:
    with pytest.raises(DataError, match=f"^http://a: .*{message}"):
        check_content(answer(), start, "http://a", suffix)


def test_a_body_of_the_suffix_passes() -> None:
    check_content(answer(), BODY, "http://a", ".gz")
    check_content(answer(**{"Content-Type": "text/html"}), b"\xef\xbb\xbf [1]", "http://a", ".json")


def test_a_file_that_was_cut_off_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(BODY[:-4])
    with pytest.raises(TemporaryError, match="the file is damaged"):
        check_whole(tmp_path / "a.gz", ".gz")


def test_another_digest_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    check_sha256(tmp_path / "a", hashlib.sha256(BODY).hexdigest().upper(), "http://a")
    with pytest.raises(DataError, match=r"was recorded when it was first retrieved \(2026-01-01\)"):
        check_sha256(tmp_path / "a", "0" * 64, "http://a", "2026-01-01")
