"""The list of all cells of all tables of errors, which readers sort and filter."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from elemflow.plan.items import PlannedTable
from elemflow.reporting.site.render import CELLS, Site, study_page
from elemflow.reporting.view import LISTED, NO_DATA, Cell, TableView

NOT_COMPARED, NO_RESULT = "not compared", "no result"
STATES = ("reproduced", "not reproduced", "undecided", NOT_COMPARED, NO_RESULT)
"""What a cell can be, with the verdicts first."""


@dataclass(frozen=True)
class ShownTable:
    """A table and what its formats show."""

    planned: PlannedTable
    view: TableView


@dataclass(frozen=True)
class ListedCell:
    """A cell of a table of errors.

    Attributes:
        study: Id of its study.
        table: Id of its table.
        table_title: Title of the table.
        row: Label of its row.
        column: Label of its column.
        cell: What it shows.
        table_href: Its table, below the folder of pages.
        run_href: The page of its run, below the folder of pages; empty if there is none.
    """

    study: str
    table: str
    table_title: str
    row: str
    column: str
    cell: Cell
    table_href: str
    run_href: str

    @property
    def run(self) -> str:
        """Return the path of its run; empty where there are no data to run on."""
        return "" if self.cell.reproduced in (NO_DATA, LISTED) else self.cell.run

    @property
    def state(self) -> str:
        """Return one of `STATES`."""
        return state_of(self.cell)


def state_of(cell: Cell) -> str:
    """Return the verdict on a cell, or why it has none: one of `STATES`."""
    return cell.verdict or (NOT_COMPARED if cell.done else NO_RESULT)


def list_cells(site: Site, tables: Iterable[ShownTable]) -> Iterator[ListedCell]:
    """Yield every cell of every table of errors, in the order of tables, rows and columns."""
    for table in tables:
        if table.planned.kind != "errors":
            continue
        for row, cells in table.view.rows:
            for column, cell in zip(table.view.columns, cells, strict=True):
                if cell:
                    yield ListedCell(
                        study=table.planned.study,
                        table=table.planned.table,
                        table_title=table.planned.title,
                        row=row,
                        column=column,
                        cell=cell,
                        table_href=f"{study_page(table.planned.study)}#t-{table.planned.table}",
                        run_href=site.link_to_run(cell.run),
                    )


def count_states(cells: Iterable[ListedCell]) -> dict[str, int]:
    """Return how many of the cells with a published value are in each state."""
    found = Counter(each.state for each in cells if each.cell.published)
    return {state: found[state] for state in STATES}


def write_cells(site: Site, cells: Sequence[ListedCell]) -> None:
    """Write the list of all cells."""
    studies = list(dict.fromkeys(each.study for each in cells))
    site.write(CELLS, "cells", title="All cells", cells=cells, studies=studies, states=STATES)
