"""Tables of the training loss of the first epochs, by which the speed of convergence is compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elemflow.config.kinds import TableKind
from elemflow.core.parquet import read_frame
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, TableView

KIND = TableKind(
    description="error of each run, and the training loss of its first epochs",
    overview="early_losses.csv",
    overview_title="training loss of the first epochs",
    inputs=("history.parquet", "run_info.json"),
)
EPOCHS = 50
"""Epochs that count, which every network that early stopping with a patience of 100 or 200 epochs ends has trained."""
COLUMNS = ("loss of the first epochs",)
MEANING = (
    f"Loss of the first epochs: geometric mean of the training loss of the first {EPOCHS} epochs, or of all of a "
    "shorter training, in the scale of the target that the protocol trains on; mean over members. It is the mean "
    "height of the training curve on a logarithmic axis: lower is faster convergence."
)


@dataclass(frozen=True, kw_only=True)
class EarlyLossLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        early_loss: Geometric mean of the training loss over the first epochs, mean over members; None for models
            without epochs and where a loss of a member is not finite or not positive.
        early_epochs: Epochs behind it, of the member with the fewest.
    """

    early_loss: float | None
    early_epochs: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[EarlyLossLine]:
    """Return the published and reproduced error of each cell with the loss of the first epochs."""
    return errors.collect_with(table, metrics, curation, EarlyLossLine, _measure)


def _measure(folder: Path) -> dict[str, float | None]:
    """Return the loss of the first epochs of a run, and their number."""
    history = read_frame(folder / "history.parquet")
    if history.empty:
        return {"early_loss": None, "early_epochs": None}
    first = history[(history["epoch"] <= EPOCHS) & history["train_loss"].notna()]
    losses = first["train_loss"].to_numpy()
    if not len(losses) or not (np.isfinite(losses) & (losses > 0)).all():
        return {"early_loss": None, "early_epochs": None}
    logarithms = np.log(first["train_loss"]).groupby(first["member"]).mean()
    return {
        "early_loss": float(np.exp(logarithms).mean()),
        "early_epochs": float(first.groupby("member")["epoch"].max().min()),
    }


def view_table(table: PlannedTable, lines: Sequence[EarlyLossLine], curation: Paths) -> TableView:
    """Arrange the errors, each followed by the loss of the first epochs, and write the caption."""
    return errors.view_parts(table, lines, curation, COLUMNS, MEANING, _texts)


def _texts(line: errors.ErrorLine) -> tuple[str, ...]:
    """Return the loss of the first epochs in words."""
    loss = line.early_loss if isinstance(line, EarlyLossLine) else None
    return (NO_VALUE if loss is None else words.format_number(loss, words.count_decimals(loss)),)


BUILDER = TableBuilder(EarlyLossLine, collect, view_table, errors.render_text, errors.list_runs)
