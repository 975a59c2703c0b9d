"""Tables of intervals: coverage of those of an ensemble on its test set, and their width."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elemflow.config.kinds import TableKind
from elemflow.evaluation.conformal import DEFAULT_LEVEL, IntervalKind
from elemflow.evaluation.records import CoverageReport, IntervalCoverage
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.results import read_evaluation
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import (
    Paths,
    describe_failed,
    find_failure,
    frame_view,
    mark_result,
    name_cell,
)
from elemflow.reporting.tables.formats import arrange_rows, group_lines, render_text_page
from elemflow.reporting.tables.lines import RunLine
from elemflow.reporting.view import NO_DATA, Cell, TableView

SHOWN = IntervalKind.NORMALISED
KIND = TableKind(
    description="coverage and width of the intervals of ensembles",
    overview="intervals.csv",
    overview_title="intervals",
    protocol_needs="uncertainty",
    cell_key="level",
)


@dataclass(frozen=True, kw_only=True)
class IntervalLine(RunLine):
    """One kind of interval of a cell.

    Attributes:
        unit: Unit of the width.
        level: Level in per cent.
        interval: Kind of interval.
        coverage: Fraction of test rows inside.
        coverage_least_sure: The same among the tenth of the test rows on which the members differ most.
        width: Mean width.
        miscalibration_area: Area between coverage and level.
        rank_correlation: Spearman correlation of error and spread.
        test_rows: Number of test rows.
        missing: Why there are no data.
        note: What is said of a failed run.
        log: Log of a failed run.
        run: Path of the run.
    """

    unit: str
    level: int
    interval: str
    coverage: float | None
    coverage_least_sure: float | None
    width: float | None
    miscalibration_area: float | None
    rank_correlation: float | None
    test_rows: int | None
    missing: str | None
    note: str | None
    log: str | None
    run: str


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[IntervalLine]:
    """Yield what each interval of each cell covers; values of runs without a result are None."""
    del curation  # only the caption shows sizes
    for cell in table.ordered_cells:
        evaluation = None if cell.missing else read_evaluation(metrics.get(cell.run))
        report = evaluation.test.uncertainty if evaluation and evaluation.test else None
        level = cell.level or DEFAULT_LEVEL
        note, log = find_failure(table, cell.run)
        for kind in IntervalKind:
            of_kind: IntervalCoverage | None = getattr(report, kind.value) if report else None
            yield IntervalLine(
                **name_cell(table, cell),
                unit=cell.unit,
                level=level,
                interval=kind.value,
                coverage=of_kind.coverage.get(str(level)) if of_kind else None,
                coverage_least_sure=_least_sure(report, kind) if report and level == DEFAULT_LEVEL else None,
                width=of_kind.width.get(str(level)) if of_kind else None,
                miscalibration_area=of_kind.miscalibration_area if of_kind else None,
                rank_correlation=report.rank_correlation if report else None,
                test_rows=report.n if report else None,
                missing=cell.missing or None,
                note=note,
                log=log,
                run=cell.run,
            )


def _least_sure(report: CoverageReport, kind: IntervalKind) -> float | None:
    """Return the coverage among the tenth of the test materials on which the members differ most."""
    return report.by_spread[-1].coverage[kind.value] if report.by_spread else None


def view_table(table: PlannedTable, lines: Sequence[IntervalLine], curation: Paths) -> TableView:
    """Arrange coverage and width of the normalised intervals and write the caption."""
    shown = [_view(line) for line in lines if line.interval == SHOWN.value]
    return frame_view(table, arrange_rows(table, shown), _write_caption(table, lines, curation))


def _view(line: IntervalLine) -> Cell:
    return Cell(
        published="",
        reproduced=mark_result(line) if line.coverage is None else _show(line.coverage, line.width, line.unit),
        spread="",
        difference="",
        members=int(line.coverage is not None),
        best=False,
        run=line.run,
        log=line.log or "",
    )


def _show(coverage: float, width: float | None, unit: str) -> str:
    half = "too few rows to calibrate" if width is None else f"± {width / 2:.3g} {unit}"
    return f"{100 * coverage:.1f} % ({half})"


def _write_caption(table: PlannedTable, lines: Sequence[IntervalLine], curation: Paths) -> Iterator[str]:
    yield (
        "Coverage: share of the test materials whose value lies in the interval of the ensemble. In brackets: mean "
        "half-width of the intervals. They are normalised split conformal intervals: their width follows the spread of "
        "the members and is calibrated on validation materials. The csv also has split conformal intervals of one "
        "width, Mondrian intervals (calibrated within groups of similar spread) and uncalibrated Gaussian ones. Its "
        f"column coverage_least_sure is the coverage of the {DEFAULT_LEVEL} % intervals among the tenth of the "
        "materials with the largest spread."
    )
    planned = [line for line in lines if line.missing is None]
    yield words.describe_data(table.datasets, (line.dataset for line in planned), curation)
    yield words.describe_protocols(table.protocols, (line.protocol for line in planned))
    yield words.describe_missing(table.cells, NO_DATA)
    yield describe_failed(planned)
    yield table.note


def render_text(view: TableView) -> str:
    """Render the intervals as reStructuredText that is aligned plain text."""
    return render_text_page(
        view, ("column", "coverage (half-width)"), group_lines(view, lambda cell: (cell.reproduced,))
    )


BUILDER = TableBuilder(IntervalLine, collect, view_table, render_text)
