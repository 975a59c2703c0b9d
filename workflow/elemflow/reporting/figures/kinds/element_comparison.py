"""Element-resolved errors of one model against those of another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.elements import FEWEST, errors_of_elements
from elemflow.reporting.figures import style
from elemflow.reporting.figures.elements import name_points
from elemflow.reporting.figures.panels import Numbers, Panel, Series, grid_of_axes, mark_empty, with_unit
from elemflow.reporting.results import read_test_points

KIND = FigureKind(
    description="Element-resolved errors of one model against those of another.", inputs=("predictions.parquet",)
)
EXPLANATION = (
    "Mean absolute error of the test predictions of all members for materials that contain an element, one point per "
    "element, over the materials that both models predict. Elements with fewer than 5 such predictions are not drawn. "
    "Above the diagonal the first model is better. The five elements whose errors differ most are named."
)
NAMED = 5


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw the first series of a panel against each other one, as figure 5c of Huang and Ling (2020)."""
    first = planned.labels[0]
    plots: list[tuple[Panel, Series | None, Series | None]] = []
    for panel in panels:
        ours = next((series for series in panel.series if series.label == first), None)
        others = [series for series in panel.series if series is not ours]
        plots += [(panel, ours, other) for other in others] or [(panel, ours, None)]
    figure, axes = grid_of_axes(len(plots), width=3.7, height=3.7)
    named: list[tuple[Axes, str, float, float, str]] = []
    for axis, (panel, ours, other) in zip(axes, plots, strict=True):
        if ours is None or other is None:
            mark_empty(axis, f"no pair of {first}\nand another model has a result")
            continue
        x, y = _read_errors(ours, other)
        if not len(x):
            mark_empty(axis, f"no element has {FEWEST} test predictions\nof both {ours.label} and {other.label}")
            continue
        axis.plot(x, y, "o", color=other.color, alpha=0.7, markersize=4, markeredgewidth=0)
        end = 1.12 * max(x.max(), y.max()) or 1
        axis.plot([0, end], [0, end], color=style.INK, linewidth=0.8, zorder=1)
        axis.set(title=panel.label, xlim=(0, end), ylim=(0, end), aspect="equal")
        axis.set_xlabel(with_unit(f"MAE, {ours.label}", ours.unit))
        axis.set_ylabel(with_unit(f"MAE, {other.label}", other.unit))
        for side in (axis.xaxis, axis.yaxis):
            side.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.grid()
        apart = np.argsort(-(x - y).abs().to_numpy(), kind="stable")[:NAMED]
        named += [(axis, x.index[place], x.iloc[place], y.iloc[place], other.color) for place in apart]
        for symbol in x.index:
            numbers.add(panel, other, f"errors_of_{symbol}", x=x[symbol], y=y[symbol])
    name_points(figure, named)
    return figure


def _read_errors(first: Series, other: Series) -> tuple[Any, Any]:
    """Return the errors by element of two runs, over what both predict with members of the same number."""
    keys = ["material_id", "member"]
    points = read_test_points(first.folder).merge(read_test_points(other.folder), on=keys, suffixes=("", "_other"))
    theirs = points[keys].assign(y_true=points["y_true_other"], y_pred=points["y_pred_other"])
    return errors_of_elements(points), errors_of_elements(theirs)
