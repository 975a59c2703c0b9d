"""Tables of datasets: how many materials came out of the curation, beside the sizes that a paper prints."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.core.files import read_json
from elemflow.reporting import text as words
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Types, frame_view, make_frame, name_cell
from elemflow.reporting.tables.formats import arrange_rows, render_text_page
from elemflow.reporting.tables.view import NO_DATA, NO_VALUE, NOT_RUN, Cell, TableView

KIND = TableKind(
    description="numbers of materials, without runs",
    overview="datasets.csv",
    overview_title="sizes of datasets",
    without_runs=True,
)
CELL_TYPES: Types = {
    "study": "string",
    "table": "string",
    "row": "string",
    "column": "string",
    "dataset": "string",
    "property": "string",
    "published": "Int64",
    "materials": "Int64",
    "entries": "Int64",
    "difference_percent": "float64",
    "missing": "string",
}


def collect_cells(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Join printed and curated sizes, one line per cell; the columns are those of `CELL_TYPES`."""
    del metrics  # there are no runs
    lines = []
    for cell in cfg["cells"]:
        path = curation.get(cell["dataset"])
        report = read_json(path) if path and Path(path).is_file() and not cell["missing"] else None
        size = _size(report, cell["property"]) if report else None
        published = cell["published_size"]
        lines.append(
            {
                **name_cell(cfg, cell, ("dataset", "property")),
                "published": published,
                "materials": size,
                "entries": report["entries"] if report else None,
                "difference_percent": 100 * (size / published - 1) if published and size is not None else None,
            }
        )
    return make_frame(lines, CELL_TYPES)


def _size(report: Mapping[str, Any], property_id: str) -> int:
    """Return the number of materials, or of those with a value of a property."""
    return int(report["properties"][property_id]["values"] if property_id else report["materials"])


def view_table(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Arrange the sizes and write the caption."""
    shown = [_view(line) for line in cells.to_dict("records")]
    has_published = bool(cells["published"].notna().any())
    caption = _write_caption(cfg, curation, has_published=has_published)
    return frame_view(cfg, arrange_rows(cfg, shown), caption, has_published=has_published)


def _view(line: Mapping[Hashable, Any]) -> Cell:
    done, known = pd.notna(line["materials"]), pd.notna(line["published"])
    return Cell(
        published=f"{line['published']:,}" if known else "",
        reproduced=f"{line['materials']:,}" if done else NO_DATA if pd.notna(line["missing"]) else NOT_RUN,
        spread="",
        difference=words.format_percent(line["difference_percent"]) if done and known else "",
        members=int(done),
        best=False,
        run=str(line["dataset"]),
    )


def _write_caption(cfg: Mapping[str, Any], curation: Mapping[str, str | Path], *, has_published: bool) -> Iterator[str]:
    shown = ": printed size, ours, and difference in per cent of the printed size" * has_published
    yield f"Materials after curation, those with a value where a property is named{shown}."
    yield words.describe_data(cfg["datasets"], cfg["datasets"], curation)
    yield words.describe_missing(cfg["cells"], NO_DATA)
    yield cfg["note"]


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


BUILDER = TableBuilder(CELL_TYPES, collect_cells, view_table, render_text)
