"""Parity: predicted against true values, and the distribution of absolute errors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.error_distribution import LEGEND, draw_error_distribution
from elemflow.reporting.figures.panels import Array, Numbers, Panel, Series, format_score, legend_below, with_unit
from elemflow.reporting.results import read_test_points

KIND = FigureKind(
    description="Predicted against true values, and the distribution of absolute errors.",
    inputs=("predictions.parquet",),
)
EXPLANATION = (
    "Predicted against true values of the test materials of all members; darker means more points, the line is "
    "equality. "
    "Last column: cumulative distribution of the absolute errors, with the 50th and 90th percentiles marked."
)
POINTS_AS_DOTS = 4000  # above this a cloud becomes hexagons


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw predicted against true values of each series, then the distribution of absolute errors.

    The layout is that of Gupta et al. (2023), figure 4: one row of panels per dataset and property.
    """
    labels = list(dict.fromkeys(series.label for panel in panels for series in panel.series))
    width = len(labels) + 1
    figure = style.plt.figure(
        figsize=(2.3 * width + 0.4, 2.6 * len(panels)), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    )
    legends = 0.0  # height of all of them
    rows = figure.subfigures(len(panels), 1, squeeze=False)[:, 0]
    for row, panel in zip(rows, panels, strict=True):
        row.suptitle(panel.label, x=0.01, ha="left", weight="bold", fontsize=10)
        axes = row.subplots(1, width, squeeze=False)[0]
        clouds = [_read_cloud(series.folder) for series in panel.series]
        limits = _common_limits(clouds)
        own = [axes[labels.index(series.label)] for series in panel.series]
        for axis, series, cloud in zip(own, panel.series, clouds, strict=True):
            _draw_cloud(axis, series, cloud, limits)
            _note_cloud(axis, panel, series, cloud, numbers)
            _annotate_score(axis, series, planned.metric)
        own[0].set_ylabel(with_unit("Predicted", panel.series[0].unit))
        for axis in set(axes[:-1]) - set(own):
            axis.set_axis_off()
        draw_error_distribution(axes[-1], panel, [np.abs(predicted - true) for true, predicted in clouds], numbers)
        lines, _ = axes[-1].get_legend_handles_labels()
        legends += legend_below(row, lines, right=True, **LEGEND)
    figure.set_figheight(figure.get_figheight() + legends)
    return figure


def _read_cloud(folder: Path) -> tuple[Array, Array]:
    points = read_test_points(folder)
    return points["y_true"].to_numpy(float), points["y_pred"].to_numpy(float)


def _common_limits(clouds: Sequence[tuple[Array, Array]]) -> tuple[float, float]:
    values = np.concatenate([part for cloud in clouds for part in cloud])
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def _draw_cloud(axis: Axes, series: Series, cloud: tuple[Array, Array], limits: tuple[float, float]) -> None:
    true, predicted = cloud
    colors = style.density_colors(series.color)
    if len(true) <= POINTS_AS_DOTS:
        density = _local_density(true, predicted, limits)
        order = np.argsort(density, kind="stable")  # the densest on top
        axis.scatter(
            true[order], predicted[order], c=density[order], cmap=colors, norm="log", s=5, linewidths=0, rasterized=True
        )
    else:
        box = (*limits, *limits)
        axis.hexbin(
            true, predicted, gridsize=70, bins="log", mincnt=1, cmap=colors, extent=box, linewidths=0, rasterized=True
        )
    axis.axline((0, 0), slope=1, color=style.INK, linewidth=0.7, alpha=0.55, zorder=3)
    axis.set(xlim=limits, ylim=limits, aspect="equal", title=series.label, xlabel=with_unit("True", series.unit))
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _note_cloud(axis: Axes, panel: Panel, series: Series, cloud: tuple[Array, Array], numbers: Numbers) -> None:
    true, predicted = cloud
    if len(true) <= POINTS_AS_DOTS:
        numbers.add(panel, series, "prediction", x=true, y=predicted)
        return
    drawn = axis.collections[0]
    centres, counts = np.asarray(drawn.get_offsets()), np.asarray(drawn.get_array())
    numbers.add(panel, series, "prediction_hexagon", x=centres[:, 0], y=centres[:, 1], count=counts)


def _local_density(true: Array, predicted: Array, limits: tuple[float, float], bins: int = 60) -> Array:
    """Return the number of points in the square around each point."""
    edges = np.linspace(*limits, bins + 1)
    counts, _, _ = np.histogram2d(true, predicted, bins=(edges, edges))
    place = [np.clip(np.searchsorted(edges, values) - 1, 0, bins - 1) for values in (true, predicted)]
    return counts[place[0], place[1]]


def _annotate_score(axis: Axes, series: Series, metric: str) -> None:
    axis.annotate(
        f"{words.short_metric(metric)} {format_score(series.score)}",
        (0, 1), (4, -3), xycoords="axes fraction", textcoords="offset points", ha="left", va="top", fontsize=7.5,
        bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}, zorder=4,
    )  # fmt: skip
