"""Whether the whole record agrees with its evidence: files, rows, errors, and the tables that are made from them."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.evidence import RAW_FILES
from elemflow.core.run import Run
from elemflow.evaluation.records import Report
from elemflow.plan import paths
from elemflow.record.cells import Planned, plan_papers
from elemflow.record.evidence import check, recorded_runs
from elemflow.record.tables import check_rows, find_differences, read_rows


def verify(root: Path) -> str:
    """Compute the whole record again from the shipped predictions; nothing is written.

    Args:
        root: Folder of the project.

    Returns:
        What was found to agree.

    Raises:
        DataError: One line per file, row or number that does not.
    """
    planned = plan_papers(root)
    runs = recorded_runs(root / paths.RECORD)
    problems = list(find_problems(root, planned))
    if not problems:
        problems = list(find_differences(root, planned))
    if problems:
        raise DataError("\n".join(problems))
    cells = len(read_rows(root))
    found = f"{cells} cells from {len(runs)} runs: errors, intervals and verdicts agree with the predictions"
    without = [run for run, folder in runs.items() if not (folder / RAW_FILES).is_file()]
    return "\n".join([*(f"{run}: recorded without the SHA-256 of its raw files" for run in without), found])


def find_problems(root: Path, planned: Sequence[Planned], exempt: Collection[str] = ()) -> Iterator[str]:
    """Yield what is wrong with the evidence, a message per run; and which rows have none.

    Args:
        root: Folder of the project.
        planned: The papers' tables.
        exempt: Runs that are not looked at, since they are being replaced or taken out.
    """
    try:
        check_rows(root, exempt)
    except DataError as error:
        yield str(error)
    for run, folder in recorded_runs(root / paths.RECORD).items():
        if run in exempt:
            continue
        try:
            check(folder, _report(planned, Run.parse(run)))
        except DataError as error:
            yield str(error)


def _report(planned: Sequence[Planned], run: Run) -> Report | None:
    """Return what the protocol of a run reports; None if no study of the papers has it."""
    found = (each.settings.protocol(run.protocol).report for each in planned if run in each.plan.runs)
    return next(found, None)
