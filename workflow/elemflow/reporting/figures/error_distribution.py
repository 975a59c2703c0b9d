"""The cumulative distribution of absolute errors, as several kinds of figure draw it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Array, Numbers, Panel, with_unit

PERCENTILES = (50, 90)
LEGEND: dict[str, Any] = {
    "title": "50th · 90th percentile of the absolute error",
    "alignment": "left",
    "handlelength": 1,
}


def draw_error_distribution(axis: Axes, panel: Panel, errors: Sequence[Array], numbers: Numbers) -> None:
    """Draw the cumulative distribution of the absolute errors of each series, with its percentiles marked.

    The lines are labelled for a legend with the percentiles (`LEGEND`).

    Args:
        axis: Where to draw.
        panel: Its series.
        errors: Absolute errors of each series, in the unit of the property.
        numbers: Collects what is drawn.
    """
    end = max(float(np.percentile(values, 97)) for values in errors)
    for percentile in PERCENTILES:
        axis.axhline(percentile / 100, color=style.SOFT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
    for series, values in zip(panel.series, errors, strict=True):
        fractions = np.linspace(0, 1, 201)
        curve = np.quantile(values, fractions)
        marks = np.percentile(values, PERCENTILES)
        decimals = words.count_decimals(marks[0] or marks[1], digits=2)  # half the errors may be 0
        texts = [words.format_number(mark, decimals) for mark in marks]
        axis.plot(curve, fractions, color=series.color, label=f"{series.label}  {'  ·  '.join(texts)}")
        axis.plot(marks, np.array(PERCENTILES) / 100, "o", color=series.color, markersize=3.6, markeredgecolor="white",
                  markeredgewidth=0.5, zorder=4)  # fmt: skip
        numbers.add(panel, series, "absolute_error_cumulative", x=curve, y=fractions)
        numbers.add(panel, series, "absolute_error_percentile", x=marks, y=np.array(PERCENTILES) / 100)
    axis.set(
        xlim=(0, end), ylim=(0, 1), title="Absolute error", xlabel=with_unit("Absolute error", panel.series[0].unit)
    )
    axis.set_ylabel("Share of test materials")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1])
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_box_aspect(1)
