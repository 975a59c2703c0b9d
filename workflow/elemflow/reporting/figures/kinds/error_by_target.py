"""Error by target: how the error depends on the true value, and how often each value occurs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_pairs, with_unit
from elemflow.reporting.results import read_test_points

KIND = FigureKind(description="Error against the true value.", inputs=("predictions.parquet",))
EXPLANATION = (
    "Above: mean absolute error of the test predictions of all members by bins of the true value; bins with fewer "
    "than 5 predictions are not drawn. Below: share of the test predictions in each bin. The outer 0.1 % of the values "
    "on each side are not drawn."
)
BINS = 20
FEWEST = 5


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw both against the true value, as figure 1c of Huang and Ling (2020)."""
    del planned
    figure, pairs = grid_of_pairs(len(panels), width=4.2, height=4)
    for (above, below), panel in zip(pairs, panels, strict=True):
        points = [read_test_points(series.folder) for series in panel.series]
        true = np.concatenate([rows["y_true"].to_numpy(float) for rows in points])
        low, high = np.quantile(true, [0.001, 0.999])
        edges = np.linspace(low, high, BINS + 1)
        middle = (edges[1:] + edges[:-1]) / 2
        for series, rows in zip(panel.series, points, strict=True):
            errors = np.abs(rows["y_pred"] - rows["y_true"])
            counts, _ = np.histogram(rows["y_true"], edges)
            sums, _ = np.histogram(rows["y_true"], edges, weights=errors)
            enough = counts >= FEWEST
            means = sums[enough] / counts[enough]
            above.plot(middle[enough], means, "o-", color=series.color, markersize=3, label=series.label)
            below.stairs(counts / len(rows), edges, color=series.color, fill=True, alpha=0.25)
            below.stairs(counts / len(rows), edges, color=series.color)
            numbers.add(panel, series, "mean_absolute_error", x=middle[enough], y=means)
            numbers.add(panel, series, "share", x=middle, y=counts / len(rows), count=counts)
        unit = panel.series[0].unit
        above.set(title=panel.label, ylim=(0, None))
        above.set_ylabel(with_unit("MAE", unit))
        above.grid(axis="y")
        above.legend(loc="best")
        below.set(xlabel=with_unit(panel.series[0].property_title, unit), ylabel="Share")
        below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure
