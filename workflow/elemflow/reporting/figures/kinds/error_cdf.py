"""Cumulative distribution of the absolute errors."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.error_distribution import LEGEND, draw_error_distribution
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_under
from elemflow.reporting.results import read_test_points

KIND = FigureKind(description="Cumulative distribution of the absolute errors.", inputs=("predictions.parquet",))
EXPLANATION = (
    "Share of the test materials of all members whose absolute error is at most the value on the axis, with the 50th "
    "and 90th percentiles marked."
)


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one distribution per series, as figure 5 of Jha et al. (2019)."""
    del planned
    figure, axes = grid_of_axes(len(panels), width=3.7, height=3.5)
    for axis, panel in zip(axes, panels, strict=True):
        points = [read_test_points(series.folder) for series in panel.series]
        errors = [np.abs((rows["y_pred"] - rows["y_true"]).to_numpy(float)) for rows in points]
        draw_error_distribution(axis, panel, errors, numbers)
        axis.set_title(panel.label)
        legend_under(axis, **LEGEND)
    return figure
