"""Residuals: histogram of predicted minus true values."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, with_unit
from elemflow.reporting.results import read_test_points

KIND = FigureKind(description="Histogram of predicted minus true values.", inputs=("predictions.parquet",))
EXPLANATION = "Number of test materials by predicted minus true value."


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one histogram per panel."""
    del planned
    figure, axes = grid_of_axes(len(panels), width=4, height=3)
    for axis, panel in zip(axes, panels, strict=True):
        for series in panel.series:
            points = read_test_points(series.folder)
            counts, edges = np.histogram(points["y_pred"] - points["y_true"], 20)
            axis.stairs(counts, edges, color=series.color)
            numbers.add(panel, series, "residual", x=edges[:-1], count=counts)
        axis.set(title=panel.label, xlabel=with_unit("Predicted − true", panel.series[0].unit))
    return figure
