"""Tables of datasets: numbers of materials after curation, next to the sizes that a paper prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.config.kinds import TableKind
from elemflow.core.files import read_json
from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths, frame_view, name_place
from elemflow.reporting.tables.formats import arrange_rows, render_text_page
from elemflow.reporting.tables.lines import TableLine
from elemflow.reporting.view import NO_DATA, NO_VALUE, NOT_RUN, Cell, TableView

KIND = TableKind(
    description="numbers of materials, without runs",
    overview="datasets.csv",
    overview_title="sizes of datasets",
    without_runs=True,
)


@dataclass(frozen=True, kw_only=True)
class DatasetLine(TableLine):
    """A cell of a table of datasets.

    Attributes:
        study: Id of the study.
        table: Id of the table.
        row: Label of the row.
        column: Label of the column.
        dataset: Id of the dataset.
        property: Id of the property; empty if all materials count.
        published: Number of materials in the paper.
        materials: Number of materials after curation, of those with a value if a property is named.
        entries: Number of entries before curation.
        difference_percent: Difference of the two numbers of materials in per cent of the published one.
        missing: Why there are no data.
    """

    study: str
    table: str
    row: str
    column: str
    dataset: str
    property: str | None
    published: int | None
    materials: int | None
    entries: int | None
    difference_percent: float | None
    missing: str | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[DatasetLine]:
    """Yield printed and curated size of each cell."""
    del metrics  # there are no runs
    for cell in table.cells:
        entries, size = _count(cell, curation.get(cell.dataset))
        published = cell.published_size
        yield DatasetLine(
            **name_place(table, cell),
            dataset=cell.dataset,
            property=cell.property,
            published=published,
            materials=size,
            entries=entries,
            difference_percent=100 * (size / published - 1) if published and size is not None else None,
            missing=cell.missing or None,
        )


def _count(cell: PlannedCell, path: str | Path | None) -> tuple[int | None, int | None]:
    """Return the number of entries, and of materials, or of those with a value of a property; None without data."""
    if not path or not Path(path).is_file() or cell.missing:
        return None, None
    report = read_json(path)
    size = report["properties"][cell.property]["values"] if cell.property else report["materials"]
    return report["entries"], int(size)


def view_table(table: PlannedTable, lines: Sequence[DatasetLine], curation: Paths) -> TableView:
    """Arrange the sizes and write the caption."""
    has_published = any(line.published is not None for line in lines)
    caption = _write_caption(table, curation, has_published=has_published)
    return frame_view(table, arrange_rows(table, list(map(_view, lines))), caption, has_published=has_published)


def _view(line: DatasetLine) -> Cell:
    done = line.materials is not None
    known = done and line.published is not None and line.difference_percent is not None
    return Cell(
        published="" if line.published is None else f"{line.published:,}",
        reproduced=f"{line.materials:,}" if done else NO_DATA if line.missing is not None else NOT_RUN,
        spread="",
        difference=words.format_percent(line.difference_percent or 0.0) if known else "",
        members=int(done),
        best=False,
        run=line.dataset,
    )


def _write_caption(table: PlannedTable, curation: Paths, *, has_published: bool) -> Iterator[str]:
    shown = ": printed size, ours, and difference in per cent of the printed size" * has_published
    yield f"Materials after curation, those with a value where a property is named{shown}."
    yield words.describe_data(table.datasets, table.datasets, curation)
    yield words.describe_missing(table.cells, NO_DATA)
    yield table.note


def render_text(view: TableView) -> str:
    """Render the sizes as reStructuredText that is aligned plain text."""
    lines = [
        (words.escape_rst(label), words.escape_rst(column), cell.published or NO_VALUE, cell.reproduced,
         cell.difference or NO_VALUE)
        for label, cells in view.rows
        for column, cell in zip(view.columns, cells, strict=True)
        if cell
    ]  # fmt: skip
    return render_text_page(view, ("dataset", "", "published", "curated", "difference"), [("", lines)])


BUILDER = TableBuilder(DatasetLine, collect, view_table, render_text)
