"""The check of the whole record, which writes nothing and names what differs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from factories.record import RUN

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.record.cells import Planned
from elemflow.record.verify import find_problems, verify

PLACE = f"resources/record/{RUN.path}"
CELLS = "resources/record/cells.csv"


@pytest.fixture(autouse=True)
def plan_once(monkeypatch: pytest.MonkeyPatch, planned: list[Planned]) -> None:
    monkeypatch.setattr("elemflow.record.verify.plan_papers", lambda root: planned)


def state(project: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_a_sound_record_is_confirmed_and_not_written(recorded: Path) -> None:
    before = state(recorded)
    text = "1 cells from 1 runs: errors, intervals and verdicts agree with the predictions"
    assert verify(recorded) == text
    assert state(recorded) == before
    (recorded / PLACE / "raw_files.json").unlink()
    assert verify(recorded) == f"{RUN.path}: recorded without the SHA-256 of its raw files\n{text}"


@pytest.mark.parametrize("what", ["folder", "run_info.json", "predictions.parquet"])
def test_a_row_without_evidence_is_named(recorded: Path, what: str) -> None:
    if what == "folder":
        shutil.rmtree(recorded / PLACE)
        message = (
            f"cells.csv, line 2: no evidence of {RUN.path} is left.*git checkout -- '{PLACE}'.*--drop '{RUN.path}'"
        )
    else:
        (recorded / PLACE / what).unlink()
        message = f"^{PLACE}: {what} missing"
    before = state(recorded)
    with pytest.raises(DataError, match=message):
        verify(recorded)
    assert state(recorded) == before


@pytest.mark.parametrize(
    ("column", "value"), [("margin", "0.5"), ("verdict", "not reproduced"), ("reproduced", "0.09"), ("seeds", "1 2 3")]
)
def test_an_edited_cell_is_named_by_row_and_column(recorded: Path, column: str, value: str) -> None:
    header, row = (recorded / CELLS).read_text().splitlines()
    names, values = header.split(","), row.split(",")
    given = values[names.index(column)]
    values[names.index(column)] = value
    (recorded / CELLS).write_text(f"{header}\n{','.join(values)}\n")
    before = state(recorded)
    with pytest.raises(DataError, match=rf"T5, .*, BRNet .*: {column} is {value}, the evidence gives {given}$"):
        verify(recorded)
    assert state(recorded) == before


def test_missing_and_additional_rows_and_columns_are_named(recorded: Path) -> None:
    header, row = (recorded / CELLS).read_text().splitlines()
    changed = header.replace("seeds", "seed")
    other = row.replace(",159,", ",158,")
    (recorded / CELLS).write_text(f"{changed}\n{other}\n")
    with pytest.raises(DataError) as raised:
        verify(recorded)
    for part in (
        "column seeds is missing",
        "column seed is none",
        "159): the row is missing",
        "158: the evidence gives",
    ):
        assert part in str(raised.value)


@pytest.mark.parametrize("page", ["README.md", "resources/record/README.md", "docs/results/record.md"])
def test_other_pages_are_named(recorded: Path, page: str) -> None:
    text = (recorded / page).read_text()
    (recorded / page).write_text(
        text.replace("| brnet2023 | 207 | 1 |", "| brnet2023 | 207 | 9 |").replace("0.096 eV", "1 eV")
    )
    with pytest.raises(
        DataError, match=f"^{page} is not what the evidence gives; python -m elemflow.tools.record writes"
    ):
        verify(recorded)


def test_every_wrong_run_is_named_and_those_that_are_replaced_are_not(recorded: Path, planned: list[Planned]) -> None:
    other = recorded / PLACE.replace("/brnet/", "/bnet/")
    shutil.copytree(recorded / PLACE, other)
    for folder in (other, recorded / PLACE):
        metrics = read_json(folder / "metrics.json")
        metrics["test"]["mean"]["mae"] = 0.01
        write_json(folder / "metrics.json", metrics)
    assert len(list(find_problems(recorded, planned))) == 2
    (problem,) = find_problems(recorded, planned, {RUN.path})
    assert "/bnet/" in problem


def test_evidence_of_another_run_is_named(recorded: Path, planned: list[Planned]) -> None:
    other = recorded / PLACE.replace("/brnet/", "/bnet/")
    shutil.copytree(recorded / PLACE, other)
    (problem,) = find_problems(recorded, planned, {RUN.path})
    assert f"run_info.json is of the run {RUN.path}, not of its folder. Restore it" in problem


def test_other_settings_than_declared_are_named(recorded: Path, planned: list[Planned]) -> None:
    path = recorded / PLACE / "run_info.json"
    info = read_json(path)
    info["cfg"]["protocol"]["training"]["batch_size"] = 7
    write_json(path, info)
    (problem,) = find_problems(recorded, planned)
    assert "batch_size" in problem
    assert "not as the papers' studies declare" in problem


def test_a_run_that_no_paper_needs_is_named(recorded: Path, planned: list[Planned]) -> None:
    other = recorded / PLACE.replace("/brnet/", "/irnet48/")
    shutil.copytree(recorded / PLACE, other)
    info = read_json(other / "run_info.json")
    del info["cfg"]["run"]
    write_json(other / "run_info.json", info)
    (problem,) = find_problems(recorded, planned)
    assert "no table or figure of the papers needs this run" in problem


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("about.json", lambda content: content.pop("title"), "about.json is damaged"),
        ("curation.json", lambda content: content.pop("properties"), "values' is missing or damaged"),
        ("run_info.json", lambda content: content["members"].update(x=content["members"].pop("0")), "restore|Restore"),
        ("run_info.json", lambda content: content["members"]["0"].pop("rows"), "Restore it from the repository"),
        (
            "raw_files.json",
            lambda content: content["kefe"]["files"][0].update(sha256="0" * 64),
            "config/ expects 97c8e52c",
        ),
        ("run_info.json", lambda content: content.update(commit=5), "Restore it from the repository"),
    ],
)
def test_damaged_evidence_is_named_without_a_traceback(
    recorded: Path, planned: list[Planned], file: str, change: Callable[[dict], object], message: str
) -> None:
    path = recorded / PLACE / file
    content = read_json(path)
    change(content)
    write_json(path, content)
    (problem,) = find_problems(recorded, planned)
    assert re.search(message, problem)
    assert PLACE in problem
