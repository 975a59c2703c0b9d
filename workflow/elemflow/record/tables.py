"""Files that are made from the record: its tables, the coverage in the README, and two pages of the documents."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.evidence import find_folders
from elemflow.core.files import write_text
from elemflow.plan import paths
from elemflow.record import cells, coverage, printed_claims
from elemflow.reporting.tables.lines import FLOAT_FORMAT

CELLS = "resources/record/cells.csv"
KEY = "published_line"
"""Column of `cells.csv` that no two rows share."""
COMMAND = "python -m elemflow.tools.record"
RECORD_PAGE = """\
# Errors of the papers that were computed at full scale

The evidence of every run lies in `resources/record/` of the project: test predictions, metrics, `run_info.json` with
the commit, and the SHA-256 of its raw files. `python -m elemflow.tools.record --check` computes errors, intervals
and verdicts again from it. What the verdicts mean:
[equivalence](../explanation/statistics.md#equivalence-with-a-published-value). A set counts as the paper's if it has
0.8 to 1.25 times as many materials; both numbers stand next to the verdict. "Other data" are sets of another size,
"other quantity" are printed values of another quantity than their label says; neither has a verdict. Hours are a
forecast.
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
    without = coverage.describe_missing(lines)
    record = "\n".join(filter(None, (by_table, without, cells.to_markdown(recorded))))
    made = {
        CELLS: _csv(cells.to_frame(recorded)),
        "resources/record/coverage.csv": _csv(coverage.to_frame(lines)),
        "docs/results/claims.md": printed_claims.to_markdown(printed_claims.evaluate(planned[0])),
        "docs/results/record.md": f"{RECORD_PAGE}\n{record}",
    }
    for page, text in (("resources/record/README.md", record), ("README.md", by_paper)):
        if (root / page).is_file():
            made[page] = _fill((root / page).read_text(encoding="utf-8"), text)
    return made


def write_tables(root: Path, planned: list[cells.Planned] | None = None, dropped: Collection[str] = ()) -> list[str]:
    """Write the files that are made from the record.

    Args:
        root: Folder of the project.
        planned: The papers' tables, if they have been planned already.
        dropped: Runs that are taken out of the record.

    Returns:
        The files that have other content than before.

    Raises:
        DataError: A row of `cells.csv` has lost its evidence, or evidence is damaged; nothing is written.
    """
    check_rows(root, dropped)
    changed = {path: text for path, text in make_tables(root, planned).items() if _read(root / path) != text}
    for path, text in changed.items():
        write_text(root / path, text)
    return list(changed)


def check_rows(root: Path, exempt: Collection[str] = ()) -> None:
    """Check that the run of every row of `cells.csv` has a folder in the record.

    Args:
        root: Folder of the project.
        exempt: Runs that need none.

    Raises:
        DataError: Names the rows without one.
    """
    known = find_folders(root / paths.RECORD).keys() | set(exempt)
    lost = [(number, row["run"]) for number, row in read_rows(root) if row["run"] not in known]
    if lost:
        runs = list(dict.fromkeys(run for _, run in lost))
        lines = ", ".join(str(number) for number, _ in lost)
        folders = " ".join(f"'{paths.RECORD}/{run}'" for run in runs)
        raise DataError(
            f"{CELLS}, line {lines}: no evidence of {', '.join(runs)} is left. Restore it from the repository: git "
            f"checkout -- {folders}. Or take a run out of the record: {COMMAND} --drop '{runs[0]}'."
        )


def find_differences(root: Path, planned: list[cells.Planned] | None = None) -> Iterator[str]:
    """Yield where the files that are made from the record are not what the evidence gives; nothing is written.

    Args:
        root: Folder of the project.
        planned: The papers' tables, if they have been planned already.
    """
    for path, text in make_tables(root, planned).items():
        stored = _read(root / path)
        if stored == text:
            continue
        yield f"{path} is {'missing' if stored is None else f'not what the evidence gives; {COMMAND} writes it'}"
        if path == CELLS and stored is not None:
            yield from _differing_cells(_by_line(stored), _by_line(text))


def _differing_cells(stored: dict[str, dict[str, str]], made: dict[str, dict[str, str]]) -> Iterator[str]:
    """Yield the columns and the cells in which two tables differ, by their column `KEY`."""
    here, given = ({column for row in rows.values() for column in row} for rows in (stored, made))
    for text, columns in (("is missing", given - here), ("is none of its columns", here - given)):
        yield from (f"  column {column} {text}" for column in sorted(columns))
    for line, row in made.items():
        where = f"  {row['published_source']}, {row['row']}, {row['column']} ({KEY} {line})"
        if line not in stored:
            yield f"{where}: the row is missing"
            continue
        for column in (column for column in row if column in here and stored[line][column] != row[column]):
            found, right = (each or "empty" for each in (stored[line][column], row[column]))
            yield f"{where}: {column} is {found}, the evidence gives {right}"
    for line in stored.keys() - made.keys():
        yield f"  {KEY} {line}: the evidence gives no such row"


def _by_line(text: str) -> dict[str, dict[str, str]]:
    """Return the rows of `cells.csv` by `KEY`."""
    return {row[KEY]: row for _, row in _parse(text)}


def read_rows(root: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of `cells.csv`, each with its line; none if there is no such file.

    Raises:
        DataError: It is no table of cells.
    """
    return list(_parse(_read(root / CELLS) or ""))


def _parse(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield rows with their lines; marks of a merge, which the tool resolves, are passed over."""
    header: list[str] | None = None
    reader = csv.reader(io.StringIO(text))
    for row in reader:
        if {KEY, "run"} <= set(row):
            header = row
        elif header and len(row) == len(header):
            yield reader.line_num, dict(zip(header, row, strict=True))
    if text and header is None:
        raise DataError(f"{CELLS} has no columns '{KEY}' and 'run'. Restore it from the repository.")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")


def _fill(page: str, text: str) -> str:
    """Return a page with a new text between the marks of the coverage."""
    return BLOCK.sub(lambda found: f"{found[1]}{text}{found[2]}", page)
