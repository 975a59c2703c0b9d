"""Tables of what choosing by the test part was worth: a run as the paper chose it beside the same chosen honestly."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.reporting import text as words
from elemflow.reporting.comparability import MARKS, REDUCED
from elemflow.reporting.tables.cells import Types
from elemflow.reporting.tables.kinds import errors as tables
from elemflow.reporting.tables.view import NO_VALUE, Cell, TableView

KIND = TableKind(
    description="optimistic bias of early stopping on the test set, in two columns that differ in the protocol alone, "
    "the paper's first",
    overview="test_set_selection.csv",
    overview_title="bias of selection on the test set",
    inputs=("run_info.json",),
)
CELL_TYPES: Types = {**tables.CELL_TYPES, "worth_percent": "float64"}
WORTH = "worth of selection"


def collect_cells(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Join published and reproduced values; the second cell of a row has what selection was worth.

    Returns:
        A frame with the columns of `CELL_TYPES`; `worth_percent` is the error of the paper's choice against the honest
        one, in per cent of the latter: negative where the choice lowered the error.
    """
    cells = tables.collect_cells(cfg, metrics, curation)
    worth = 100 * (cells["reproduced"].shift(1) / cells["reproduced"] - 1)
    honest = pd.Series([i % 2 == 1 for i in range(len(cells))], index=cells.index)
    return cells.assign(worth_percent=worth.where(honest)).astype(CELL_TYPES)


def view_table(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Arrange the pairs of cells, each with what selection was worth behind it, and write the caption."""
    view = tables.view_table(cfg, cells, curation, bold=False)
    at = [scale == REDUCED for scale in cells["scale"].fillna("")]
    reduced = [paper or honest for paper, honest in zip(at[0::2], at[1::2], strict=True)]
    worths = zip(cells["worth_percent"].iloc[1::2], reduced, strict=True)
    rows = tuple(
        (label, (*pair, _view_worth(worth, pair[1], reduced=either)))
        for (label, pair), (worth, either) in zip(view.rows, worths, strict=True)
    )
    meaning = (
        "Worth of selection: error of the run that the paper's way chose against that of the honest one, in per cent "
        "of the latter; negative: the choice lowered the error."
    )
    caption = (*view.caption[:1], meaning, *view.caption[1:])
    return replace(view, columns=(*view.columns, WORTH), rows=rows, caption=caption)


def _view_worth(worth: float, honest: Cell | None, *, reduced: bool) -> Cell:
    known = not pd.isna(worth)
    return Cell(
        published="",
        reproduced=words.format_percent(worth) if known else NO_VALUE,
        spread="",
        difference="",
        members=honest.members if honest and known else 0,
        best=False,
        run=honest.run if honest else "",
        mark=MARKS[REDUCED] if known and reduced else "",
    )


BUILDER = replace(tables.BUILDER, types=CELL_TYPES, collect=collect_cells, view=view_table)
