"""Tables of the cost of choosing on the test set, within one training: the same epochs, chosen in two ways."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from elemflow.config.kinds import TableKind
from elemflow.core.errors import DataError
from elemflow.core.parquet import read_frame
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, Cell, TableView

KIND = TableKind(
    description="error of the epoch that the validation set chose, and of the one that the test set would have chosen "
    "in the same training",
    overview="test_set_choice.csv",
    overview_title="cost of choosing on the test set",
    inputs=("run_info.json", "history.parquet"),
    protocol_needs="training.record_test",
)
COLUMNS = ("chosen on the test set", "change")
MEANING = (
    "Within one training, the epoch with the lowest error on the validation set (first column) and on the test set: "
    "error, and change in per cent. Negative: choosing on the test set shows a lower error of the same training. Both "
    "are the mean over members of the errors that were recorded after each epoch, before predictions are clipped; the "
    "training ended where the validation set stopped it."
)


@dataclass(frozen=True, kw_only=True)
class ChoiceLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        validation_chosen: Recorded error on the test set at the epoch with the lowest error on the validation set, mean
            over members.
        test_chosen: Lowest recorded error on the test set, mean over members.
        change_percent: The second against the first in per cent; 0 at most.
        validation_epoch: Median of the epochs that the validation set chose.
        test_epoch: Median of those that the test set chose.
    """

    validation_chosen: float | None
    test_chosen: float | None
    change_percent: float | None
    validation_epoch: float | None
    test_epoch: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[ChoiceLine]:
    """Return the published and reproduced error of each cell with the two choices."""
    return errors.collect_with(table, metrics, curation, ChoiceLine, _choose)


_NOTHING = dict.fromkeys(("validation_chosen", "test_chosen", "change_percent", "validation_epoch", "test_epoch"))


def _choose(folder: Path) -> dict[str, float | None]:
    """Return what the history of a run says of the two choices; nothing for models without epochs.

    Raises:
        DataError: The history of a network lacks the errors on the test set.
    """
    path = folder / "history.parquet"
    history = read_frame(path)
    if history.empty:
        return dict(_NOTHING)
    if "test_mae" not in history:
        raise DataError(
            f"{path}: no column test_mae, although the protocol of the run has `training.record_test`. Train the run "
            "again."
        )
    members = history.dropna(subset=["validation_mae", "test_mae"]).groupby("member")
    by_validation, by_test = (history.loc[members[name].idxmin()] for name in ("validation_mae", "test_mae"))
    ours, lowest = float(by_validation["test_mae"].mean()), float(by_test["test_mae"].mean())
    return {
        "validation_chosen": ours,
        "test_chosen": lowest,
        "change_percent": 100 * (lowest / ours - 1) if ours else None,
        "validation_epoch": float(by_validation["epoch"].median()),
        "test_epoch": float(by_test["epoch"].median()),
    }


def view_table(table: PlannedTable, lines: Sequence[ChoiceLine], curation: Paths) -> TableView:
    """Arrange the errors, each followed by that of the other choice and the change, and write the caption."""
    view = errors.view_table(table, lines, curation, bold=False)
    width = len(table.columns)
    pairs = [
        (label, zip(cells, lines[width * i : width * (i + 1)], strict=True))
        for i, (label, cells) in enumerate(view.rows)
    ]
    rows = tuple((label, tuple(each for pair in row for each in _view(*pair))) for label, row in pairs)
    columns = tuple(each for column in view.columns for each in (column, *COLUMNS))
    return replace(view, columns=columns, rows=rows, caption=(*view.caption[:1], MEANING, *view.caption[1:]))


def _view(cell: Cell | None, line: ChoiceLine) -> tuple[Cell | None, Cell, Cell]:
    chosen, change = line.test_chosen, line.change_percent
    shown = NO_VALUE if chosen is None else words.format_number(chosen, words.count_decimals(chosen))
    return cell, _cell(line, shown), _cell(line, NO_VALUE if change is None else words.format_percent(change))


def _cell(line: ChoiceLine, text: str) -> Cell:
    members = 0 if line.test_chosen is None else line.members
    return Cell(published="", reproduced=text, spread="", difference="", members=members, best=False, run=line.run)


BUILDER = TableBuilder(ChoiceLine, collect, view_table, errors.render_text, errors.list_runs)
