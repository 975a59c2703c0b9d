"""Bars: the error of each model, its members and the published value."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_below, with_unit

KIND = FigureKind(
    description="Error of each model, of its members, and the published value.",
)
EXPLANATION = "Error on the test set: bars end at the reported value, dots are members, diamonds published values."
LINE = 26  # characters of a name before it breaks


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw the error of each model as a bar, its members as points and the published value as a diamond."""
    rows = max(len(panel.series) for panel in panels)
    figure, axes = grid_of_axes(len(panels), width=3.7, height=0.34 * rows + 1.15)
    for axis, panel in zip(axes, panels, strict=True):
        place = np.arange(len(panel.series))[::-1]
        decimals = max(words.count_decimals(series.score.mean) for series in panel.series)
        for height, series in zip(place, panel.series, strict=True):
            score = series.score
            axis.barh(height, score.mean, height=0.62, color=series.color, alpha=0.32)
            axis.plot(
                [score.mean] * 2, [height - 0.31, height + 0.31], color=series.color, linewidth=2, solid_capstyle="butt"
            )
            spread = np.linspace(-0.14, 0.14, score.members) if score.members > 1 else np.zeros(1)
            axis.plot(score.per_member, height + spread, "o", color=series.color, markersize=3.4,
                      markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip
            numbers.add(panel, series, "reproduced", x=score.mean)
            numbers.add(
                panel, series, "reproduced_member", member=np.arange(score.members), x=np.array(score.per_member)
            )
            if series.published is not None:
                axis.plot(series.published, height, "D", color="white", markeredgecolor=style.INK, markersize=5,
                          markeredgewidth=1.1, zorder=5)  # fmt: skip
                numbers.add(panel, series, "published", x=series.published)
            reach = max(score.mean, *score.per_member, series.published or 0)
            axis.annotate(words.format_number(score.mean, decimals), (reach, height), (9, 0),
                          textcoords="offset points", va="center", fontsize=7.5)  # fmt: skip
        axis.set_yticks(place, [textwrap.fill(series.label, LINE) for series in panel.series])
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(len(panel.series) - rows - 0.6, len(panel.series) - 0.4)
        axis.margins(x=0.16)
        axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        unit = "" if planned.metric == "r2" else panel.series[0].unit
        axis.set(title=panel.label, xlabel=with_unit(words.title_metric(planned.metric), unit))
        axis.grid(axis="x")
    legend_below(figure, _bar_legend(panels))
    return figure


def _bar_legend(panels: Sequence[Panel]) -> list[Any]:
    line = style.plt.Line2D
    scores = [series.score for panel in panels for series in panel.series]
    several = any(score.members > 1 for score in scores)
    averaged = several and not any(score.is_best for score in scores)
    published = any(series.published is not None for panel in panels for series in panel.series)
    handles = [line([], [], color=style.SOFT, linewidth=2, marker="|", markersize=8, linestyle="", markeredgewidth=2,
                    label="reproduced" + ", mean over members" * averaged)]  # fmt: skip
    if several:
        handles.append(line([], [], color=style.SOFT, marker="o", markersize=3.4, linestyle="", label="member"))
    if published:
        handles.append(line([], [], color="white", marker="D", markersize=5, markeredgecolor=style.INK,
                            markeredgewidth=1.1, linestyle="", label="published"))  # fmt: skip
    return handles
