"""The command of the record: what it says, what it writes, and what it refuses."""

from pathlib import Path

import pytest
from factories.record import RUN, write_project, write_results

from elemflow.config.load import Settings, load
from elemflow.record.cells import PAPERS
from elemflow.tools import record

PLACE = f"resources/record/{RUN.path}"


@pytest.fixture(scope="module")
def settings(root: Path) -> Settings:
    return load({"studies": list(PAPERS)}, root)


@pytest.fixture
def place(project: Path, root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a finished run and an empty record, which the command works on."""
    write_results(project, settings)
    monkeypatch.setattr(record, "ROOT", write_project(project, root))
    return project


def test_a_run_is_added_checked_and_taken_out(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record.main([str(place / "results"), RUN.path])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{RUN.path}: recorded"
    assert "resources/record/cells.csv: written" in said
    record.main(["--check"])
    assert capsys.readouterr().out.startswith("1 cells from 1 runs: errors, intervals and verdicts agree")
    record.main([])
    assert capsys.readouterr().out == "nothing to write: every file is as the evidence gives it\n"
    record.main(["--drop", RUN.path])
    assert capsys.readouterr().out.startswith(f"{RUN.path}: taken out of the record\n")
    assert not (place / "resources/record/kefe").exists()
    record.main(["--check"])
    assert capsys.readouterr().out.startswith("0 cells from 0 runs")
    with pytest.raises(SystemExit, match=f"{RUN.path}: the record has no such run"):
        record.main(["--drop", RUN.path])


def test_a_damaged_record_is_named_in_every_form_and_nothing_is_written(place: Path) -> None:
    record.main([str(place / "results"), RUN.path])
    (place / PLACE / "metrics.json").write_text("{")
    before = (place / "resources/record/cells.csv").read_bytes()
    for arguments in (["--check"], []):
        with pytest.raises(SystemExit, match=f"^{PLACE}/metrics.json is damaged.*Restore it"):
            record.main(arguments)
    assert (place / "resources/record/cells.csv").read_bytes() == before
    record.main([str(place / "results"), RUN.path])  # recorded again
    record.main(["--check"])


def test_raw_files_are_filled_in(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record.main([str(place / "results"), RUN.path])
    (place / PLACE / "raw_files.json").unlink()
    capsys.readouterr()
    record.main([str(place / "results"), "--raw"])
    assert capsys.readouterr().out == f"{RUN.path}: raw files added\n"
    record.main([str(place / "results"), "--raw"])
    assert capsys.readouterr().out == "no run lacks them\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["results", "--check"], "--check and --drop take no folder of results"),
        (["--raw"], "--raw takes a folder of results, and no runs"),
        (["results"], "name the runs to add"),
        (["--check", "--drop", "a"], "not allowed with argument"),
    ],
)
def test_mistakes_in_the_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        record.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
