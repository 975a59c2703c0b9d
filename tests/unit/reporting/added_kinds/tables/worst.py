"""Tables of worst members: the largest error of a member of each run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elemflow.config.kinds import TableKind
from elemflow.plan.items import PlannedTable
from elemflow.reporting.results import read_score
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths, frame_view, name_cell
from elemflow.reporting.tables.formats import arrange_rows, group_lines, render_text_page
from elemflow.reporting.tables.lines import RunLine
from elemflow.reporting.view import Cell, TableView

KIND = TableKind(description="largest error of a member", overview="worst.csv", overview_title="largest errors")


@dataclass(frozen=True, kw_only=True)
class WorstLine(RunLine):
    """A cell: the largest error of a member, and the run."""

    worst: float | None
    run: str


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[WorstLine]:
    """Yield the largest error of a member of each cell."""
    for cell in table.ordered_cells:
        score = read_score(metrics.get(cell.run), table.metric)
        yield WorstLine(**name_cell(table, cell), worst=max(score.per_member) if score else None, run=cell.run)


def view_table(table: PlannedTable, lines: Sequence[WorstLine], curation: Paths) -> TableView:
    """Show each error with three digits."""
    shown = [Cell("", f"{line.worst:.3g}", "", "", 1, best=False, run=line.run) for line in lines]
    return frame_view(table, arrange_rows(table, shown), ["Largest error of a member on its test set."])


def render_text(view: TableView) -> str:
    """Render the errors as plain text."""
    return render_text_page(view, ("column", "error"), group_lines(view, lambda cell: (cell.reproduced,)))


BUILDER = TableBuilder(WorstLine, collect, view_table, render_text)
