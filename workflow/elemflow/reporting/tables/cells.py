"""What tables of all kinds share: how their cells are named and marked, and what captions say of them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.reporting.view import FAILED, NO_DATA, NOT_RUN, Cell, TableView

Paths = Mapping[str, str | Path]


class HasFailure(Protocol):
    """What a line says of a run that has no result."""

    @property
    def missing(self) -> str | None:
        """Why there are no data."""

    @property
    def note(self) -> str | None:
        """What is said of the run."""

    @property
    def log(self) -> str | None:
        """Log of a failed run."""


def name_place(table: PlannedTable, cell: PlannedCell) -> dict[str, str]:
    """Return study, table, and the labels of row and column of a cell."""
    return {
        "study": table.study,
        "table": table.table,
        "row": table.rows[cell.row].label,
        "column": table.columns[cell.column].label,
    }


def name_cell(table: PlannedTable, cell: PlannedCell) -> dict[str, str]:
    """Return the fields of `RunLine` of a cell."""
    return name_place(table, cell) | {
        "model": cell.model,
        "dataset": cell.dataset,
        "property": cell.property,
        "representation": cell.representation,
        "protocol": cell.protocol,
    }


def find_failure(table: PlannedTable, *runs: str) -> tuple[str | None, str | None]:
    """Return note and log of the first of these runs that is shown as failed; None and None if there is none."""
    failure = next((table.failed[run] for run in runs if run in table.failed), None)
    return (f"{FAILED}: {failure.message}", failure.log) if failure else (None, None)


def mark_result(line: HasFailure) -> str:
    """Return what stands in place of a value that a cell does not have."""
    return NO_DATA if line.missing is not None else FAILED if line.log is not None else NOT_RUN


def describe_failed(lines: Iterable[HasFailure]) -> str:
    """Return a sentence with the error and log of each failed run; empty if there is none."""
    failed = {line.log: line.note for line in lines if line.log is not None}
    shown = "; ".join(f"{note} ({log})" for log, note in failed.items())
    return f"Marked “{FAILED}”: {shown}." if shown else ""


def frame_view(
    table: PlannedTable,
    rows: Iterable[tuple[str, Sequence[Cell | None]]],
    caption: Iterable[str | None],
    *,
    columns: Sequence[str] | None = None,
    has_published: bool = False,
) -> TableView:
    """Return a view with titles, reference and label of the plan; the columns are the planned ones unless given."""
    planned = tuple(column.label for column in table.columns)
    return TableView(
        study=table.study_title,
        title=table.title,
        columns=planned if columns is None else tuple(columns),
        rows=tuple((label, tuple(cells)) for label, cells in rows),
        caption=tuple(sentence for sentence in caption if sentence),
        reference=table.reference,
        label=f"{table.study}-{table.table}",
        has_published=has_published,
    )
