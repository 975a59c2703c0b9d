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
import re
import sys
from pathlib import Path

import pandas as pd

from elemflow.core.errors import ElemflowError
from elemflow.core.files import write_text
from elemflow.core.run import Run
from elemflow.record import cells, coverage, printed_claims
from elemflow.record.evidence import FOLDER, add, check, recorded_runs
from elemflow.reporting.tables.lines import FLOAT_FORMAT

ROOT = FOLDER.parents[1]
RECORD_PAGE = """\
# Errors of the papers that were computed at full scale

The evidence of every run lies in `resources/record/` of the project: test predictions, metrics, and `run_info.json`
with the commit. `python -m elemflow.tools.record --check` computes the errors again from it. What the verdicts mean:
[equivalence](../explanation/statistics.md#equivalence-with-a-published-value). "Other data" are sets of another size
than the paper's, which get no verdict. Hours are a forecast.
"""
BLOCK = re.compile(r"(<!-- coverage of the record -->\n).*?(<!-- end of the coverage -->)", re.DOTALL)


def make_tables(root: Path = ROOT) -> dict[str, str]:
    """Return the files that are made from the record, by their path below the root."""
    planned = cells.plan_papers(root)
    recorded = cells.find_recorded(planned, root / "resources/record")
    lines = coverage.summarise(root, planned, recorded)
    by_table, by_paper = (coverage.to_markdown(lines, by_table=each) for each in (True, False))
    page = "resources/record/README.md"
    return {
        "resources/record/cells.csv": _csv(cells.to_frame(recorded)),
        "resources/record/coverage.csv": _csv(coverage.to_frame(lines)),
        page: _fill((root / page).read_text(encoding="utf-8"), f"{by_table}\n{cells.to_markdown(recorded)}"),
        "docs/results/claims.md": printed_claims.to_markdown(printed_claims.evaluate(planned[0])),
        "docs/results/record.md": f"{RECORD_PAGE}\n{by_table}\n{cells.to_markdown(recorded)}",
        "README.md": _fill((root / "README.md").read_text(encoding="utf-8"), by_paper),
    }


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")


def _fill(page: str, text: str) -> str:
    """Return a page with a new text between the marks of the coverage."""
    return BLOCK.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def main() -> None:
    """Add runs to the record, or check it, and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="folder of results")
    parser.add_argument("runs", nargs="*", help="runs to add, as paths below results/runs")
    parser.add_argument("--check", action="store_true", help="compute the errors of all recorded runs again")
    given = parser.parse_args()
    try:
        for name in given.runs:
            add(given.results, Run.parse(name))
        if given.check:
            for folder in recorded_runs().values():
                check(folder)
        for path, text in make_tables().items():
            write_text(ROOT / path, text)
    except ElemflowError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
