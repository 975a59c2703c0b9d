"""Two projects with one folder of raw files."""

import shutil
from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.provenance.raw_owner import OWNER, claim_folder


@pytest.fixture
def projects(tmp_path: Path) -> tuple[Path, Path]:
    """Two projects that share resources/raw and have a table of one name each."""
    for name in ("a", "b"):
        (tmp_path / name / "results").mkdir(parents=True)
        (tmp_path / name / "resources").mkdir()
        (tmp_path / name / "tiny.csv").write_text(f"of {name}")
    (tmp_path / "shared/tiny").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / name / "resources/raw").symlink_to(tmp_path / "shared")
    return tmp_path / "a", tmp_path / "b"


def fill(project: Path) -> None:
    folder, table = project / "resources/raw/tiny", project / "tiny.csv"
    claim_folder(folder, [str(table)], project)
    shutil.copy(table, folder)


def test_another_project_does_not_replace_a_table(projects: tuple[Path, Path]) -> None:
    first, second = projects
    fill(first)
    with pytest.raises(DataError, match=r"tiny\.csv belongs to the project .*/a, which shares"):
        fill(second)
    assert (first / "resources/raw/tiny/tiny.csv").read_text() == "of a"
    (first / "tiny.csv").write_text("new of a")
    fill(first)


def test_equal_tables_are_shared(projects: tuple[Path, Path]) -> None:
    first, second = projects
    (second / "tiny.csv").write_text("of a")
    fill(first)
    fill(second)
    assert (second / "resources/raw/tiny" / OWNER).read_text().strip() == str(second)


def test_what_a_project_left_behind_may_be_replaced(projects: tuple[Path, Path]) -> None:
    first, second = projects
    fill(first)
    shutil.rmtree(first)
    fill(second)
    assert (second / "resources/raw/tiny/tiny.csv").read_text() == "of b"
