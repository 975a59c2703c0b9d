"""Training loss: the mean loss of every member since its last validation, against the epoch or step."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.kinds.training_curves import draw_curves
from elemflow.reporting.figures.panels import Numbers, Panel
from elemflow.reporting.results import read_info

KIND = FigureKind(description="Training loss of each member against the epoch or step.", inputs=("history.parquet",))
EXPLANATION = (
    "Mean loss over the training rows since the last validation, while the weights changed, so with dropout and batch "
    "statistics; in the scale of the target where the protocol has one. One line per member; a dot marks the lowest."
)


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw the training loss of every member."""
    del planned
    return draw_curves(panels, numbers, "train_loss", "train_loss", _name_loss)


def _name_loss(panel: Panel) -> str:
    """Return what the losses of a panel are, for the axis."""
    cfgs = [read_info(series.folder / "metrics.json").get("cfg", {}).get("protocol", {}) for series in panel.series]
    losses = {cfg.get("training", {}).get("loss", "") for cfg in cfgs}
    return f"Training {losses.pop().upper()}".rstrip() if len(losses) == 1 else "Training loss"
