"""Finished runs of a build into the record, if they are runs of the papers at full scale."""

import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from elemflow.core.errors import DataError, nearest
from elemflow.core.evidence import EVIDENCE, METRICS, PREDICTIONS, RUN_INFO, read_run_info
from elemflow.core.files import read_json, write_text
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.trained_settings import DeclaredSettings, declared_settings, find_other_settings, list_unknown
from elemflow.record.about import write_about
from elemflow.record.cells import Planned, plan_papers
from elemflow.record.evidence import add, recorded_runs
from elemflow.record.tables import check_rows, read_rows, write_tables

WHOLE_COMMIT = re.compile("[0-9a-f]{40}")
ADDED, KNOWN = "added", "recorded before"


@dataclass(frozen=True)
class Outcome:
    """What became of a finished run.

    Attributes:
        run: Its path.
        state: `added`, `recorded before`, or why it is not recorded.
    """

    run: str
    state: str


def update(results: Path, runs: Sequence[Run], root: Path, report: Path) -> None:
    """Add the finished runs of a build that the record lacks, and write its tables.

    Args:
        results: Folder of results.
        runs: The finished runs.
        root: Folder of the project with `resources/record/`.
        report: csv file to write: each run with what became of it.

    Raises:
        DataError: The record cannot be written, or a run contradicts itself.
    """
    check_rows(root, {run.path for run in runs})
    planned = plan_papers(root)
    outcomes = [Outcome(run.path, _add_if_sound(results, run, root, planned)) for run in runs]
    if any(outcome.state == ADDED for outcome in outcomes):
        write_tables(root, planned)
    frame = pd.DataFrame([vars(outcome) for outcome in outcomes], columns=["run", "state"])
    write_text(report, frame.to_csv(index=False, lineterminator="\n"))


def add_runs(results: Path, runs: Sequence[Run], root: Path, planned: Sequence[Planned] | None = None) -> None:
    """Add finished runs to the record; those that it has are replaced.

    Args:
        results: Folder of results.
        runs: The runs.
        root: Folder of the project.
        planned: The papers' tables, if they have been planned already.

    Raises:
        DataError: A run is no run of the papers at full scale, is not finished, contradicts itself, or has fewer
            members than the record has of it.
    """
    planned = planned or plan_papers(root)
    for run in runs:
        reason = why_not(results, run, planned)
        if not reason and (known := _count_members(root / paths.RECORD / run.path)) > (
            found := _count_members(results / "runs" / run.path)
        ):
            reason = f"it has {found} of the {known} members that are recorded"
        if reason:
            raise DataError(f"{run.path} cannot be recorded: {reason}.")
        _add(results, run, root / paths.RECORD, planned)


def drop(run: str, root: Path) -> None:
    """Remove the evidence of a run from the record; its tables are to be written afterwards.

    Args:
        run: Its path.
        root: Folder of the project.

    Raises:
        DataError: The record has neither evidence nor a row of it.
    """
    record = root / paths.RECORD
    known = recorded_runs(record).keys() | {row["run"] for _, row in read_rows(root)}
    if run not in known:
        raise DataError(f"{run}: the record has no such run.{nearest(run, known)}")
    folder = record / run
    if folder.is_dir():
        shutil.rmtree(folder)
    for parent in folder.parents:
        if parent == record or any(parent.glob("*")):
            break
        if parent.is_dir():
            parent.rmdir()


def _add(results: Path, run: Run, record: Path, planned: Sequence[Planned]) -> None:
    """Add a run with what captions say of its data, if that is known."""
    folder = add(results, run, record)
    with suppress(DataError):
        write_about(results, run, folder, planned)


def _count_members(folder: Path) -> int:
    """Return how many members the results or the evidence of a run have; 0 where they are incomplete."""
    if not all((folder / name).is_file() for name in (METRICS, RUN_INFO, PREDICTIONS)):
        return 0
    return len(read_run_info(folder, "members")["members"])


def _add_if_sound(results: Path, run: Run, root: Path, planned: Sequence[Planned]) -> str:
    """Add a run that the record lacks, or has with fewer members."""
    record = root / paths.RECORD
    known = all((record / run.path / name).is_file() for name in EVIDENCE)
    if known and _count_members(record / run.path) >= _count_members(results / "runs" / run.path):
        return KNOWN
    if reason := why_not(results, run, planned):
        return KNOWN if known else reason
    try:
        _add(results, run, record, planned)
    except OSError as error:
        raise DataError(
            f"{record} cannot be written ({error}). 'record: update' adds to the record of the project that the "
            "workflow runs from; run it from a clone that is yours."
        ) from None
    return ADDED


def why_not(results: Path, run: Run, planned: Sequence[Planned]) -> str:
    """Return why a run is not evidence on the papers' tables; empty if it is.

    Its settings, as it was trained, must be those that the papers' studies declare, and its commit must be known. Fewer
    members than declared are enough where each is trained by itself.
    """
    path = results / "runs" / run.path / RUN_INFO
    if not path.is_file():
        return f"{path} is missing, the run is not finished"
    info = read_json(path)
    commit = info.get("commit") or ""
    if not WHOLE_COMMIT.fullmatch(commit):
        return f"its commit is {commit or 'unknown'}, and must be one that others can check out"
    expected = [found for each in planned if (found := _expected(each, run)) is not None]
    if not expected:
        return "no table or figure of the papers needs it"
    try:
        differing = [find_other_settings(info["cfg"], declared) for declared in expected]
    except ValidationError as error:
        return f"its settings are those of another version of elemflow: {list_unknown(error)}"
    _, fewest = min((len(settings), settings) for settings in differing)
    return f"it was trained with {'; '.join(fewest)}, not as the papers' studies declare" if fewest else ""


def _expected(planned: Planned, run: Run) -> DeclaredSettings | None:
    """Return the settings with which a plan trains a run; None if it has no such run."""
    return declared_settings(planned.settings, run) if run in planned.plan.runs else None
