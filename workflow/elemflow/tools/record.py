"""The record: evidence of runs at full scale, and the tables that are made from it.

    python -m elemflow.tools.record results kefe/formation_energy/ef/brnet/brnet2023 ...
    python -m elemflow.tools.record --check
    python -m elemflow.tools.record
    python -m elemflow.tools.record --drop kefe/formation_energy/ef/brnet/brnet2023
    python -m elemflow.tools.record results --raw

The first form adds finished runs of a folder of results to `resources/record/`: their metrics, what they were made from
(`run_info.json`, with the commit), the counts of their dataset, their predictions on the test set, and names, sizes and
SHA-256 of the raw files. The second computes errors, intervals and verdicts of all recorded runs again from these
predictions, compares them with every file that is made from the record, and writes nothing. The third writes the tables
of cells and of coverage, and the page of the papers' claims on their own numbers, as the first does. The fourth takes a
run out. The last adds the SHA-256 of raw files and the description of the data to runs that were recorded without them.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from elemflow.core.errors import DataError, ElemflowError
from elemflow.core.evidence import PLACE, RAW_FILES
from elemflow.core.run import Run
from elemflow.record.about import fill_about
from elemflow.record.cells import Planned, plan_papers
from elemflow.record.evidence import FOLDER
from elemflow.record.raw import fill_raw
from elemflow.record.tables import write_tables
from elemflow.record.update import add_runs, drop
from elemflow.record.verify import find_problems, verify

ROOT = FOLDER.parents[1]
RECORD = "/".join(PLACE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Add runs to the record, take one out, or check it, and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="folder of results")
    parser.add_argument("runs", nargs="*", help="runs to add, as paths below results/runs")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--check", action="store_true", help="compute everything again and compare; write nothing")
    forms.add_argument("--drop", metavar="RUN", help="take a run out of the record")
    forms.add_argument("--raw", action="store_true", help="add what runs lack of their raw files")
    given = parser.parse_args(arguments)
    if given.results and (given.check or given.drop):
        parser.error("--check and --drop take no folder of results.")
    if given.raw and (given.results is None or given.runs):
        parser.error("--raw takes a folder of results, and no runs.")
    if given.results and not given.runs and not given.raw:
        parser.error(f"name the runs to add, as paths below {given.results}/runs.")
    try:
        sys.stdout.write((verify(ROOT) if given.check else "\n".join(_write(given))) + "\n")
    except ElemflowError as error:
        sys.exit(str(error))


def _write(given: argparse.Namespace) -> list[str]:
    """Do what the arguments request; return what was done."""
    planned = plan_papers(ROOT)
    if given.raw:
        return list(_fill(given.results, planned)) or ["no run lacks them"]
    runs = [Run.parse(name) for name in given.runs]
    replaced = {run.path for run in runs} | ({given.drop} if given.drop else set())
    if problems := list(find_problems(ROOT, planned, replaced)):
        raise DataError("\n".join(problems))
    if given.drop:
        drop(given.drop, ROOT)
    add_runs(given.results, runs, ROOT, planned)
    written = write_tables(ROOT, planned, replaced)
    done = [f"{given.drop}: taken out of the record"] if given.drop else []
    for run in runs:
        without = not (ROOT / RECORD / run.path / RAW_FILES).is_file()
        done.append(f"{run.path}: recorded" + ", without the SHA-256 of its raw files" * without)
    done += [f"{path}: written" for path in written]
    return done or ["nothing to write: every file is as the evidence gives it"]


def _fill(results: Path, planned: list[Planned]) -> Iterator[str]:
    """Fill in what runs lack of their raw data; yield what was done."""
    for run, reason in fill_raw(results, ROOT / RECORD).items():
        yield f"{run}: {reason or 'raw files added'}"
    for run in fill_about(results, ROOT / RECORD, planned):
        yield f"{run}: description of the data added"


if __name__ == "__main__":
    main()
