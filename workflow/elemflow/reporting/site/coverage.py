"""How much of the papers' tables the record has, for the overview."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elemflow.plan.items import PlannedTable
from elemflow.plan.site import SiteInputs, SiteStudy
from elemflow.reporting.coverage import ALL, TableCoverage, by_study, read_coverage, sum_tables
from elemflow.reporting.site.render import study_page

COLUMNS = (
    ("Printed", "printed", ""),
    ("Recorded", "recorded", ""),
    ("Reproduced", "reproduced", "reproduced"),
    ("Not reproduced", "not_reproduced", "not-reproduced"),
    ("Undecided", "undecided", "undecided"),
    ("On other data", "other_data", ""),
    ("Of another quantity", "other_quantity", ""),
    ("Without data in any source", "no_data", ""),
)
"""Head, field and style of the counts."""


@dataclass(frozen=True)
class ShownLine:
    """A line of the coverage.

    Attributes:
        name: What it counts, in words.
        counts: Each count with its style.
        hours: Processor hours that the errors without a result would take.
        href: Where the cells are shown, below the folder of pages; empty if nowhere.
        missing: How many errors have no data, and why; empty if all have, and for sums.
    """

    name: str
    counts: list[tuple[int, str]]
    hours: str
    href: str = ""
    missing: str = ""


@dataclass(frozen=True)
class ShownPaper:
    """The coverage of a paper.

    Attributes:
        total: Its sum.
        tables: Its printed tables.
        claims: Where its claims are shown, below the folder of pages; empty if it has none.
    """

    total: ShownLine
    tables: list[ShownLine]
    claims: str


@dataclass(frozen=True)
class ShownCoverage:
    """The coverage of the papers of a site.

    Attributes:
        heads: Heads of the counts.
        papers: The papers, in the order of the studies.
        total: The sum of all; None for a single paper.
    """

    heads: list[str]
    papers: list[ShownPaper]
    total: ShownLine | None


def view_coverage(inputs: SiteInputs) -> ShownCoverage | None:
    """Return the coverage of the studies of a site; None if the record has no printed table of them.

    Raises:
        DataError: The coverage is damaged.
    """
    covered = by_study(read_coverage(inputs.coverage)) if inputs.coverage else {}
    shown = {study.study: covered[study.study] for study in inputs.studies if covered.get(study.study)}
    if not shown:
        return None
    lines = [line for found in shown.values() for line in found]
    # The sum over everything counts a run once that two tables share.
    total = covered[ALL][0] if covered.keys() - {ALL} == shown.keys() and ALL in covered else sum_tables(ALL, lines)
    # No printed error may be of another quantity, which is rare.
    columns = [column for column in COLUMNS if column[1] != "other_quantity" or total.other_quantity]
    claimed = {one.planned.study for one in inputs.claims}
    papers = [
        ShownPaper(
            total=_show(sum_tables(study.study, shown[study.study]), columns, study.study, study_page(study.study)),
            tables=list(_show_tables(inputs, study, shown[study.study], columns)),
            claims=f"{study_page(study.study)}#claims" if study.study in claimed else "",
        )
        for study in inputs.studies
        if study.study in shown
    ]
    return ShownCoverage(
        heads=[head for head, _, _ in columns],
        papers=papers,
        total=_show(total, columns, "all papers") if len(papers) > 1 else None,
    )


def _show_tables(
    inputs: SiteInputs, study: SiteStudy, lines: Sequence[TableCoverage], columns: Sequence[tuple[str, str, str]]
) -> Iterator[ShownLine]:
    """Yield the printed tables of a paper, each with the place of the table that shows most of its cells."""
    tables = [table.planned for table in inputs.tables if table.planned.study == study.study]
    for line in lines:
        found = _find_table(tables, f"{study.study} {line.table}")
        href = f"{study_page(study.study)}#t-{found}" if found else ""
        missing = f"{line.no_data} error{'s' * (line.no_data > 1)} without data: {line.reasons}" if line.no_data else ""
        yield _show(line, columns, f"Table {line.table.removeprefix('T')}", href, missing)


def _find_table(tables: Sequence[PlannedTable], source: str) -> str:
    """Return the id of the table of errors with most cells of a printed table; empty if none has any."""
    found = Counter(
        table.table
        for table in tables
        if table.kind == "errors"
        for cell in table.cells
        if cell.published_source == source
    )
    return found.most_common(1)[0][0] if found else ""


def _show(
    line: TableCoverage, columns: Sequence[tuple[str, str, str]], name: str, href: str = "", missing: str = ""
) -> ShownLine:
    counts = [(getattr(line, field), style) for _, field, style in columns]
    return ShownLine(name, counts, _format_hours(line.hours_at_least, line.hours_at_most), href, missing)


def _format_hours(low: float, high: float) -> str:
    """Return a range of hours; a part of an hour is not nothing."""
    texts = dict.fromkeys("< 1" if 0 < hours < 1 else f"{hours:,.0f}" for hours in (low, high))
    return " to ".join(texts)
