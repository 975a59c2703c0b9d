"""Tables of worst members: the largest error of a member of each run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.reporting.results import read_score
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import NAME_TYPES, Types, frame_view, make_frame, name_cell, order_cells
from elemflow.reporting.tables.formats import arrange_rows, group_lines, render_text_page
from elemflow.reporting.tables.view import Cell, TableView

KIND = TableKind(description="largest error of a member", overview="worst.csv", overview_title="largest errors")
CELL_TYPES: Types = {**NAME_TYPES, "worst": "float64", "run": "string"}


def collect_cells(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Read the largest error of a member, one line per cell."""
    scores = [(cell, read_score(metrics.get(cell["run"]), cfg["metric"])) for cell in order_cells(cfg)]
    return make_frame(
        (
            name_cell(cfg, cell) | {"worst": max(score.per_member) if score else None, "run": cell["run"]}
            for cell, score in scores
        ),
        CELL_TYPES,
    )


def view_table(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Show each error with three digits."""
    shown = [
        Cell("", f"{line['worst']:.3g}", "", "", 1, best=False, run=line["run"]) for line in cells.to_dict("records")
    ]
    return frame_view(cfg, arrange_rows(cfg, shown), ["Largest error of a member on its test set."])


def render_text(view: TableView) -> str:
    """Render the errors as plain text."""
    return render_text_page(view, ("column", "error"), group_lines(view, lambda cell: (cell.reproduced,)))


BUILDER = TableBuilder(CELL_TYPES, collect_cells, view_table, render_text)
