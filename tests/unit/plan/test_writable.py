"""A folder that cannot be written is named before the first job."""

import errno
import os
from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.plan import writable
from elemflow.plan.writable import check_writable


def test_a_new_project_can_be_built(tmp_path: Path) -> None:
    check_writable(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("place", ["results", "results/plan"])
def test_a_file_in_place_of_a_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(DataError, match=rf"{tmp_path}/{place}: this folder cannot be written.*snakemake --directory"):
        check_writable(tmp_path)


def test_a_file_system_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(writable.tempfile, "TemporaryFile", refuse)
    with pytest.raises(DataError, match=r"/results: this folder cannot be written \(Read-only file system\)"):
        check_writable(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to the superuser")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o500)
    with pytest.raises(DataError, match=r"Permission denied.*chmod -R u\+w results"):
        check_writable(tmp_path)
