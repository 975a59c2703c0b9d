"""What a downloaded file must be."""

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
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


def packed(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    if name.endswith("7z"):
        with py7zr.SevenZipFile(target, "w") as archive:
            archive.writestr(content, "a.csv")
    elif name.endswith("zip"):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("a.csv", content)
    else:
        with tarfile.open(fileobj=target, mode=f"w:{name.rpartition('.')[2].replace('tar', '')}") as archive:
            info = tarfile.TarInfo("a.csv")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


TEXT = b"".join(b"Fe%dO,%d\n" % (n, n) for n in range(3000))
WHOLE = {
    "a.csv.bz2": bz2.compress(TEXT),
    "a.csv.xz": lzma.compress(TEXT),
    "a.csv.zst": pa.compress(TEXT, "zstd", asbytes=True),
    "a.tgz": packed("a.gz", TEXT),
    "a.tar": packed("a.tar", TEXT),
    "a.zip": packed("a.zip", TEXT),
    "a.7z": packed("a.7z", TEXT),
    "a.json": b'[{"formula": "NaCl"}, {"formula": "KCl"}]\n',
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_part_of_a_file_is_not_taken_for_the_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(WHOLE[name])
    check_whole(path, path.suffix)
    path.write_bytes(WHOLE[name][: len(WHOLE[name]) // 2])
    with pytest.raises(TemporaryError, match="the file is damaged"):
        check_whole(path, path.suffix)


def test_a_part_of_a_parquet_file_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"formula": ["NaCl"]}), path)
    check_whole(path, ".parquet")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TemporaryError, match="it ends with"):
        check_whole(path, ".parquet")


def test_an_encrypted_archive_is_whole(tmp_path: Path) -> None:
    data = bytearray(WHOLE["a.zip"])
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + at] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    check_whole(tmp_path / "a.zip", ".zip")


def test_another_digest_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    check_sha256(tmp_path / "a", hashlib.sha256(BODY).hexdigest().upper(), "http://a")
    with pytest.raises(DataError, match=r"was recorded when it was first retrieved \(2026-01-01\)"):
        check_sha256(tmp_path / "a", "0" * 64, "http://a", "2026-01-01")
