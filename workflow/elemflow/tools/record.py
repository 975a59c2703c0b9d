"""The record: evidence of runs at full scale, and the tables that are made from it.

    python -m elemflow.tools.record results kefe/formation_energy/ef/brnet/brnet2023 ...
    python -m elemflow.tools.record --check
    python -m elemflow.tools.record

The first form adds finished runs of a folder of results to `resources/record/`: their metrics, what they were made from
(`run_info.json`, with the commit), the counts of their dataset and their predictions on the test set. The second
computes the errors of all recorded runs again from these predictions. Every form writes the tables of
cells and of coverage, and the page of the papers' claims on their own numbers.
"""

import argparse
import sys
from pathlib import Path

from elemflow.core.errors import ElemflowError
from elemflow.core.run import Run
from elemflow.record.evidence import FOLDER, check, recorded_runs
from elemflow.record.tables import write_tables
from elemflow.record.update import add_runs

ROOT = FOLDER.parents[1]


def main() -> None:
    """Add runs to the record, or check it, and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="folder of results")
    parser.add_argument("runs", nargs="*", help="runs to add, as paths below results/runs")
    parser.add_argument("--check", action="store_true", help="compute the errors of all recorded runs again")
    given = parser.parse_args()
    try:
        if given.runs:
            add_runs(given.results, [Run.parse(name) for name in given.runs], ROOT)
        if given.check:
            for folder in recorded_runs().values():
                check(folder)
        write_tables(ROOT)
    except ElemflowError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
