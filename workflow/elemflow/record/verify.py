"""Whether the whole record agrees with its evidence: files, rows, errors, and the tables that are made from them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.evidence import RAW_FILES, RUN_INFO, how_to_restore, read_evidence, read_run_info, show
from elemflow.core.run import Run
from elemflow.evaluation.records import Report
from elemflow.plan import paths
from elemflow.plan.recorded import RecordedRun
from elemflow.plan.trained_settings import declared_settings, find_other_settings
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
    pinned = _pinned_files(planned)
    for run, folder in recorded_runs(root / paths.RECORD).items():
        if run in exempt:
            continue
        try:
            check(folder, _report(planned, Run.parse(run)))
            _check_settings(folder, Run.parse(run), planned)
            _check_pinned(folder, pinned)
        except DataError as error:
            yield str(error)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            yield f"{show(folder)} is not as a run writes it ({error!r}). {how_to_restore(folder)}"


def _check_settings(folder: Path, run: Run, planned: Sequence[Planned]) -> None:
    """Check that a run is the one its folder names, and was trained as the papers' studies declare."""
    info = read_run_info(folder, "cfg", "commit")
    cfg, recorded = info["cfg"], RecordedRun(folder, info["commit"], info["finished"], "")
    recorded.about  # noqa: B018  raises if it is damaged
    place = show(folder / RUN_INFO)
    if (found := cfg.get("run")) is not None and found != run.keys():
        raise DataError(f"{place} is of the run {Run(**found).path}, not of its folder. {how_to_restore(folder)}")
    expected = [declared_settings(each.settings, run) for each in planned if run in each.plan.runs]
    if not expected:
        raise DataError(
            f"{place}: no table or figure of the papers needs this run. Take it out: python -m elemflow.tools.record "
            f"--drop '{run.path}'"
        )
    differing = [find_other_settings(cfg, declared, known_only=True) for declared in expected]
    _, fewest = min((len(settings), settings) for settings in differing)
    if fewest:
        raise DataError(
            f"{place}: trained with {'; '.join(fewest)}, not as the papers' studies declare. {how_to_restore(folder)} "
            "Or correct config/, or record the run again."
        )


def _pinned_files(planned: Sequence[Planned]) -> dict[str, set[str]]:
    """Return the SHA-256 that datasets expect of local and shipped files, by the name of the file."""
    found: dict[str, set[str]] = {}
    for dataset in (each for one in planned for each in one.settings.datasets.values()):
        options = dataset.source.options
        if options.get("sha256") and (options.get("path") or dataset.source.kind == "shipped"):
            name = Path(options["path"]).name if options.get("path") else f"{options['name']}.csv.gz"
            found.setdefault(name, set()).add(options["sha256"])
    return found


def _check_pinned(folder: Path, pinned: Mapping[str, Collection[str]]) -> None:
    """Check that raw files of a run that datasets pin have the SHA-256 that they expect."""
    path = folder / RAW_FILES
    for raw in read_evidence(path).values() if path.is_file() else ():
        for file in raw["files"]:
            if file["file"] in pinned and file["sha256"] not in pinned[file["file"]]:
                raise DataError(
                    f"{show(path)}: the SHA-256 of {file['file']} is {file['sha256']}, config/ expects "
                    f"{' or '.join(sorted(pinned[file['file']]))}. {how_to_restore(path)}"
                )


def _report(planned: Sequence[Planned], run: Run) -> Report | None:
    """Return what the protocol of a run reports; None if no study of the papers has it."""
    found = (each.settings.protocol(run.protocol).report for each in planned if run in each.plan.runs)
    return next(found, None)
