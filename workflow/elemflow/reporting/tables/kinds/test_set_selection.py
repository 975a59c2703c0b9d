"""Tables of the bias of selection on the test set: the paper's way next to selection on the validation set."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from elemflow.config.kinds import TableKind
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.comparability import MARKS, REDUCED
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, Cell, TableView

KIND = TableKind(
    description="optimistic bias of early stopping on the test set, in two columns that differ in the protocol alone, "
    "the paper's first",
    overview="test_set_selection.csv",
    overview_title="bias of selection on the test set",
    inputs=("run_info.json",),
)
COLUMN = "bias of selection"


@dataclass(frozen=True, kw_only=True)
class SelectionLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        selection_bias_percent: In the second cell of a row, the error selected as in the paper against the error
            selected on the validation set, in per cent of the latter; negative where the paper's way lowered it.
    """

    selection_bias_percent: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[SelectionLine]:
    """Yield published and reproduced value of each cell; the second cell of a row has the bias of selection."""
    lines = list(errors.collect(table, metrics, curation))
    for paper, ours in zip(lines[0::2], lines[1::2], strict=True):
        for line, value in ((paper, None), (ours, _percent(paper.reproduced, ours.reproduced))):
            cells = {field.name: getattr(line, field.name) for field in fields(line)}
            yield SelectionLine(**cells, selection_bias_percent=value)


def _percent(error: float | None, other: float | None) -> float | None:
    """Return the change of an error against another in per cent; None if either is unknown or both are 0."""
    if error is None or other is None or error == other == 0:
        return None
    return 100 * (error / other - 1) if other else math.inf


def view_table(table: PlannedTable, lines: Sequence[SelectionLine], curation: Paths) -> TableView:
    """Arrange the pairs of cells, each followed by the bias of selection, and write the caption."""
    view = errors.view_table(table, lines, curation, bold=False)
    rows = tuple(
        (label, (*pair, _view_bias(paper, ours)))
        for (label, pair), paper, ours in zip(view.rows, lines[0::2], lines[1::2], strict=True)
    )
    meaning = (
        "Bias of selection: error of the run selected as in the paper, on the test set, against that of the run "
        "selected on the validation set, in per cent of the latter. Negative: selection on the test set lowered the "
        "error."
    )
    caption = (*view.caption[:1], meaning, *view.caption[1:])
    return replace(view, columns=(*view.columns, COLUMN), rows=rows, caption=caption)


def _view_bias(paper: SelectionLine, ours: SelectionLine) -> Cell:
    bias = ours.selection_bias_percent
    reduced = REDUCED in (paper.scale, ours.scale)
    return Cell(
        published="",
        reproduced=NO_VALUE if bias is None else words.format_percent(bias),
        spread="",
        difference="",
        members=0 if bias is None else ours.members,
        best=False,
        run=ours.run,
        mark=MARKS[REDUCED] if bias is not None and reduced else "",
    )


BUILDER = TableBuilder(SelectionLine, collect, view_table, errors.render_text, errors.list_runs)
