"""Finished runs of a build that enter the record, and those that do not."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from factories.record import COMMIT, RUN, make_info, write_results

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.record.evidence import recorded_runs
from elemflow.record.update import ADDED, KNOWN, add_runs, update, why_not


def read_states(path: Path) -> dict[str, str]:
    return pd.read_csv(path, index_col="run")["state"].to_dict()


def test_a_finished_run_enters_with_its_tables_and_once(results: Path, shipped: Path) -> None:
    report = results / "plan/recorded.csv"
    update(results, [RUN], shipped, report)
    assert read_states(report) == {RUN.path: ADDED}
    assert list(recorded_runs(shipped / paths.RECORD)) == [RUN.path]
    cells = pd.read_csv(shipped / "resources/record/cells.csv")
    assert cells["run"].tolist() == [RUN.path]
    assert cells["commit"].tolist() == [int(COMMIT[:12])] or cells["commit"].astype(str).tolist() == [COMMIT[:12]]
    assert "| brnet2023 | 207 | 1 |" in (shipped / "README.md").read_text()
    update(results, [RUN], shipped, report)
    assert read_states(report) == {RUN.path: KNOWN}


def change_info(results: Path, **changes) -> None:
    path = results / "runs" / RUN.path / "run_info.json"
    write_json(path, read_json(path) | changes)


def test_a_smaller_training_is_refused_with_the_setting(results: Path, planned) -> None:
    cfg = read_json(results / "runs" / RUN.path / "run_info.json")["cfg"]
    cfg["protocol"]["training"]["max_epochs"] = 5
    change_info(results, cfg=cfg)
    assert "protocol.training.max_epochs 5 in place of 3000" in why_not(results, RUN, planned)


def test_what_is_recorded_would_be_recorded_again(root: Path, tmp_path: Path, planned) -> None:
    """Searches among them, whose candidates are stored with their kinds; not what older versions declared otherwise."""
    recorded = recorded_runs(root / paths.RECORD)
    assert any(run.model.startswith("best_ml") for run in map(Run.parse, recorded))
    for path in recorded:
        target = tmp_path / "runs" / path / "run_info.json"
        target.parent.mkdir(parents=True)
        target.write_bytes((root / paths.RECORD / path / "run_info.json").read_bytes())
        reason = why_not(tmp_path, Run.parse(path), planned)
        assert not reason or reason.startswith("its settings are those of another version"), path


def keep_members(results: Path, shipped: Path, settings, number: int) -> Path:
    """Write the results of the run again, with so many members."""
    shutil.rmtree(results / "runs")
    write_results(shipped, settings, members=number)
    cfg = read_json(results / "runs" / RUN.path / "run_info.json")["cfg"]
    cfg["protocol"]["split"]["members"] = number
    change_info(results, cfg=cfg)
    return results


def count_recorded(root: Path) -> int:
    return int(pd.read_csv(root / "resources/record/cells.csv")["members"][0])


def test_fewer_members_are_recorded_until_there_are_more(results: Path, shipped: Path, planned) -> None:
    report = results / "plan/recorded.csv"
    for number, state, recorded in ((1, ADDED, 1), (2, ADDED, 2), (1, KNOWN, 2)):
        update(keep_members(results, shipped, planned[0].settings, number), [RUN], shipped, report)
        assert (read_states(report), count_recorded(shipped)) == ({RUN.path: state}, recorded)
    with pytest.raises(DataError, match="it has 1 of the 2 members that are recorded"):
        add_runs(results, [RUN], shipped)


def test_one_of_three_members_has_a_verdict_by_its_test_set_alone(results: Path, shipped: Path, planned) -> None:
    update(keep_members(results, shipped, planned[0].settings, 1), [RUN], shipped, results / "plan/recorded.csv")
    row = pd.read_csv(shipped / "resources/record/cells.csv").iloc[0]
    assert (row["members"], row["splits"], row["verdict"]) == (1, 1, "reproduced")
    assert pd.isna(row["spread"])


def test_fewer_materials_are_refused(results: Path, planned) -> None:
    cfg = read_json(results / "runs" / RUN.path / "run_info.json")["cfg"]
    cfg["protocol"]["split"]["max_materials"] = 300
    change_info(results, cfg=cfg)
    assert "protocol.split.max_materials 300" in why_not(results, RUN, planned)


def test_the_engine_makes_no_difference(results: Path, planned) -> None:
    cfg = read_json(results / "runs" / RUN.path / "run_info.json")["cfg"]
    cfg["protocol"]["training"] |= {"engine": "jax", "parallel_members": 1}
    change_info(results, cfg=cfg)
    assert why_not(results, RUN, planned) == ""


@pytest.mark.parametrize("commit", [None, f"{COMMIT}+changes"])
def test_a_commit_that_nobody_can_check_out_is_refused(results: Path, planned, commit: str | None) -> None:
    change_info(results, commit=commit)
    assert "commit" in why_not(results, RUN, planned)


def test_a_run_of_no_paper_is_refused(results: Path, planned) -> None:
    other = Run("kefe", "formation_energy", "ef", "lasso", "brnet2023")
    (results / "runs" / other.path).mkdir(parents=True)
    write_json(results / "runs" / other.path / "run_info.json", make_info(planned[0].settings))
    assert why_not(results, other, planned) == "no table or figure of the papers needs it"


def test_named_runs_are_added_or_refused_with_the_reason(results: Path, shipped: Path) -> None:
    add_runs(results, [RUN], shipped)
    assert list(recorded_runs(shipped / paths.RECORD)) == [RUN.path]
    change_info(results, commit=None)
    with pytest.raises(DataError, match=f"{RUN.path} cannot be recorded: its commit"):
        add_runs(results, [RUN], shipped)


def test_a_record_that_cannot_be_written_is_named(results: Path, shipped: Path) -> None:
    shutil.rmtree(shipped / paths.RECORD)
    (shipped / paths.RECORD).write_text("a file in its place")
    with pytest.raises(DataError, match=r"resources/record cannot be written"):
        update(results, [RUN], shipped, results / "plan/recorded.csv")
