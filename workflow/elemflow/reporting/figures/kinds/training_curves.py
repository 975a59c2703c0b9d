"""Training curves: validation error of every member against the epoch, or the step where validations follow steps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, ScalarFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.parquet import read_frame
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_below, with_unit
from elemflow.reporting.results import read_info

KIND = FigureKind(description="Validation error of each member against the epoch or step.", inputs=("history.parquet",))
EXPLANATION = (
    "Error on the validation set, or on the test set where early stopping monitors it, after each epoch or number of "
    "steps. One line per member; a dot marks the lowest error."
)
EPOCHS_DRAWN = 500  # longer curves are thinned; their best and last epochs stay


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw the validation error of every member, with the best epoch or step marked."""
    del planned
    return draw_curves(panels, numbers, "validation_mae", "validation_error", name_set)


def draw_curves(
    panels: Sequence[Panel], numbers: Numbers, column: str, quantity: str, name: Callable[[Panel], str]
) -> Figure:
    """Draw a column of the history of every member, with its lowest value marked.

    Args:
        panels: The panels.
        numbers: Collects what is drawn.
        column: Column of `history.parquet`.
        quantity: Name of its values in the csv.
        name: Returns what is drawn in a panel, for the vertical axis.
    """
    figure, axes = grid_of_axes(len(panels), width=3.7, height=2.9)
    handles: dict[str, Any] = {}
    for axis, panel in zip(axes, panels, strict=True):
        lowest, highest = np.inf, 0.0
        columns = ["member", "epoch", "step", column]
        histories = [read_frame(series.folder / "history.parquet", columns) for series in panel.series]
        histories = [history.dropna(subset=column) for history in histories]
        over = "step" if _follow_steps(histories) else "epoch"
        for series, history in zip(panel.series, histories, strict=True):
            for member, curve in history.groupby("member"):
                epochs, errors = curve[over].to_numpy(float), curve[column].to_numpy(float)
                best = int(errors.argmin())
                kept = _thin(len(epochs), best)
                axis.plot(epochs[kept], errors[kept], color=series.color, linewidth=0.8, alpha=0.55)
                axis.plot(epochs[best], errors[best], "o", color=series.color, markersize=4.2, markeredgecolor="white",
                          markeredgewidth=0.7, zorder=4)  # fmt: skip
                numbers.add(panel, series, quantity, member=member, x=epochs[kept], y=errors[kept])
                numbers.add(panel, series, f"best_{over}", member=member, x=epochs[best], y=errors[best])
                lowest, highest = min(lowest, errors.min()), max(highest, errors.max())
            handles[series.label] = style.plt.Line2D([], [], color=series.color, linewidth=1.6, label=series.label)
        if lowest > 0 and highest > 4 * lowest:
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=12))
            axis.yaxis.set_major_formatter(ScalarFormatter())
            axis.yaxis.set_minor_locator(LogLocator(10, subs=(3, 4, 6, 7, 8, 9), numticks=12))
            axis.yaxis.set_minor_formatter(style.plt.NullFormatter())
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 2.5, 5, 10]))
        axis.set(title=panel.label, xlabel=over.capitalize())
        axis.set_ylabel(with_unit(name(panel), panel.series[0].unit))
        axis.grid(axis="y")
    legend_below(figure, list(handles.values()))
    return figure


def name_set(panel: Panel) -> str:
    """Return on which set the errors of the curves of a panel are, for the axis."""
    tested = set()
    for series in panel.series:
        cfg = read_info(series.folder / "metrics.json").get("cfg", {})
        stopping = cfg.get("protocol", {}).get("training", {}).get("early_stopping") or {}
        tested.add(stopping.get("monitor") == "test")
    return f"{'Validation or test' if len(tested) > 1 else 'Test' if tested == {True} else 'Validation'} MAE"


def _follow_steps(histories: Sequence[pd.DataFrame]) -> bool:
    """Return whether validations of a panel follow steps, so that an epoch may have several or none."""
    if any(history["step"].isna().any() for history in histories):
        return False  # trials of a search have no steps
    steps_per_epoch = [history["step"] / history["epoch"] for history in histories]
    members = [
        each.groupby(history["member"]).nunique() for each, history in zip(steps_per_epoch, histories, strict=True)
    ]
    return any((counts > 1).any() for counts in members)


def _thin(length: int, best: int) -> npt.NDArray[np.intp]:
    """Return the positions to draw of a long curve: evenly spread ones, the best and the last."""
    step = -(-length // EPOCHS_DRAWN)
    return np.union1d(np.arange(0, length, step), [best, length - 1])
