"""The run that is meant by a folder, an id or a part of it."""

from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.inference.run_folders import MOST_LISTED, find_run, project_of, trained_runs

RUNS = ("kefe/energy/ef/brnet/p", "kefe/energy/ef/brnet/p@members=3", "kefe/energy/ef/trees/p", "kebg/gap/ef/brnet/p")


def _write(results: Path, run: str, member: str | None = "member-0.keras") -> None:
    folder = results / "runs" / run / "model"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    if member:
        (folder / member).touch()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for run in RUNS:
        _write(tmp_path / "results", run)
    _write(tmp_path / "results", "kefe/energy/ef/failed/p", member=None)
    return tmp_path / "results"


def test_runs_without_members_are_not_listed(results: Path) -> None:
    assert trained_runs(results) == sorted(RUNS)


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("kebg", RUNS[3]),
        ("kefe trees", RUNS[2]),
        ("trees energy", RUNS[2]),
        (RUNS[0], RUNS[0]),
        (f"runs/{RUNS[0]}/", RUNS[0]),
        ("members=3", RUNS[1]),
        ("kefe brnet p", RUNS[0]),  # not p@members=3
    ],
)
def test_a_run_by_its_id_or_parts_of_it(results: Path, name: str, run: str) -> None:
    assert find_run(name, results) == results / "runs" / run


def test_a_folder_anywhere(results: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    (results / "runs" / RUNS[0]).rename(copied)
    assert find_run(str(copied), results) == copied


@pytest.mark.parametrize(("name", "matches"), [(None, 4), ("kefe", 3), ("brnet p", 3)])
def test_several_runs_are_listed(results: Path, name: str | None, matches: int) -> None:
    with pytest.raises(DataError) as caught:
        find_run(name, results)
    lines = str(caught.value).splitlines()
    assert f"{matches} runs match" in lines[0]
    assert len(lines) == matches + 1


def test_a_name_that_no_run_has(results: Path) -> None:
    with pytest.raises(DataError, match="The nearest is kebg/gap/ef/brnet/p") as caught:
        find_run("kebg/gap/ef/bnet/p", results)
    assert set(RUNS) <= set(str(caught.value).replace("  ", "").splitlines())


def test_no_run_and_many_runs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trained run"):
        find_run(None, tmp_path / "results")
    for number in range(MOST_LISTED + 3):
        _write(tmp_path / "results", f"d/y/ef/m{number:02}/p")
    with pytest.raises(DataError, match="… and 3 more"):
        find_run(None, tmp_path / "results")
    assert find_run("m07", tmp_path / "results").parent.name == "m07"


def test_the_project_of_a_run(tmp_path: Path) -> None:
    assert project_of(tmp_path / "results/runs/a/b/c/d/e") == tmp_path
    assert project_of(tmp_path / "a/b/c/d/e/f/g") is None
    assert project_of(Path("/x")) is None
