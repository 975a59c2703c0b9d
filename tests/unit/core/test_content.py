import os
from types import SimpleNamespace

import pytest

from elemflow.core.content import content_of, forget, hash_of, read_record, verify, write_record
from elemflow.core.errors import DataError
from elemflow.core.files import digest_of, sha256_file, write_text

PARAMS = SimpleNamespace(cfg={"seed": 1}, code="abc")


@pytest.fixture
def made(tmp_path):
    """An output with its record, made from one input."""
    forget()
    write_text(tmp_path / "in.csv", "1\n")
    write_text(tmp_path / "out.parquet", "2\n")
    record = tmp_path / "out.provenance.json"
    write_record(record, PARAMS, inputs=[tmp_path / "in.csv"], outputs=[tmp_path / "out.parquet"])
    return tmp_path


def later(path, seconds=5):
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + seconds * 10**9))


def test_a_record_says_what_outputs_hold_and_were_made_from(made):
    record = read_record(made / "out.provenance.json")
    assert record.outputs == {"out.parquet": sha256_file(made / "out.parquet")}
    assert record.inputs == {str(made / "in.csv"): sha256_file(made / "in.csv")}
    assert (record.cfg, record.code) == (digest_of({"seed": 1}), "abc")


def test_content_comes_from_the_record_unless_the_file_is_newer(made, monkeypatch):
    known = content_of(made / "out.parquet")
    assert known == sha256_file(made / "out.parquet")
    write_text(made / "out.parquet", "3\n")
    later(made / "out.parquet")
    forget()
    assert content_of(made / "out.parquet") == sha256_file(made / "out.parquet") != known
    monkeypatch.setattr("elemflow.core.content.hash_of", lambda path: "hashed")
    forget()
    assert content_of(made / "out.parquet") == "hashed"
    later(made / "out.provenance.json", 60)
    forget()
    assert content_of(made / "out.parquet") == known


def test_a_file_that_does_not_exist_has_no_content(tmp_path):
    assert content_of(tmp_path / "nothing.parquet") is None


def test_a_folder_holds_the_names_and_contents_of_its_files(tmp_path):
    folder = tmp_path / "model"
    write_text(folder / "a.npz", "1")
    first = hash_of(folder)
    write_text(folder / ".snakemake_timestamp", "")
    assert hash_of(folder) == first
    (folder / "a.npz").rename(folder / "b.npz")
    assert hash_of(folder) != first


def test_a_record_of_another_kind_is_none(tmp_path):
    write_text(tmp_path / "a.json", '{"other": 1}')
    assert read_record(tmp_path / "a.json") is None
    assert read_record(tmp_path / "b.json") is None


def flip(path):
    """Change one bit of a file, which keeps its times."""
    state, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_one_flipped_bit_is_noticed_whatever_the_times(made):
    verify([made / "out.parquet", made / "in.csv", made / "absent"])
    flip(made / "out.parquet")
    with pytest.raises(DataError, match=r"out\.parquet was changed since its job wrote it"):
        verify([str(made / "out.parquet")])


def test_a_file_that_was_emptied_is_noticed(made):
    (made / "out.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"out\.parquet"):
        verify([made / "out.parquet"])
