"""Files that are made from the record: its tables, the coverage in the README, and two pages of the documents."""

import re
from pathlib import Path

import pandas as pd

from elemflow.core.files import write_text
from elemflow.plan import paths
from elemflow.record import cells, coverage, printed_claims
from elemflow.reporting.tables.lines import FLOAT_FORMAT

RECORD_PAGE = """\
# Errors of the papers that were computed at full scale

The evidence of every run lies in `resources/record/` of the project: test predictions, metrics, and `run_info.json`
with the commit. `python -m elemflow.tools.record --check` computes the errors again from it. What the verdicts mean:
[equivalence](../explanation/statistics.md#equivalence-with-a-published-value). "Other data" are sets of another size
than the paper's, which get no verdict. Hours are a forecast.
"""
BLOCK = re.compile(r"(<!-- coverage of the record -->\n).*?(<!-- end of the coverage -->)", re.DOTALL)


def make_tables(root: Path, planned: list[cells.Planned] | None = None) -> dict[str, str]:
    """Return the files that are made from the record, by their path below the root.

    Args:
        root: Folder of the project.
        planned: The papers' tables, if they have been planned already.
    """
    planned = planned or cells.plan_papers(root)
    recorded = cells.find_recorded(planned, root / paths.RECORD)
    lines = coverage.summarise(root, planned, recorded)
    by_table, by_paper = (coverage.to_markdown(lines, by_table=each) for each in (True, False))
    record = f"{by_table}\n{cells.to_markdown(recorded)}"
    made = {
        "resources/record/cells.csv": _csv(cells.to_frame(recorded)),
        "resources/record/coverage.csv": _csv(coverage.to_frame(lines)),
        "docs/results/claims.md": printed_claims.to_markdown(printed_claims.evaluate(planned[0])),
        "docs/results/record.md": f"{RECORD_PAGE}\n{record}",
    }
    for page, text in (("resources/record/README.md", record), ("README.md", by_paper)):
        if (root / page).is_file():
            made[page] = _fill((root / page).read_text(encoding="utf-8"), text)
    return made


def write_tables(root: Path, planned: list[cells.Planned] | None = None) -> None:
    """Write the files that are made from the record."""
    for path, text in make_tables(root, planned).items():
        write_text(root / path, text)


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")


def _fill(page: str, text: str) -> str:
    """Return a page with a new text between the marks of the coverage."""
    return BLOCK.sub(lambda found: f"{found[1]}{text}{found[2]}", page)
