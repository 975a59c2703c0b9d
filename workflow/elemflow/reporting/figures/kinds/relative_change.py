"""Relative change: error of one model in per cent of others, against the size of the dataset."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_below, mark_empty, round_ticks
from elemflow.reporting.results import read_facts

KIND = FigureKind(
    description="Change of the error of the first model against the others, by size of the dataset.",
    inputs=("run_info.json",),
)
EXPLANATION = (
    "Change of the error of the first model against another, (error of the first / error of the other − 1), one point "
    "per row, none where the error of the other is 0; below zero the first is better. The size counts training, "
    "validation and test materials. Filled: reproduced; hollow: published, at the paper's size where it is printed. An "
    "axis with changes beyond 1,000 % is logarithmic beyond ±100 %."
)
MARKERS = "os^DvPX"
MOST_LINEAR = 10  # changes beyond 1,000 % would hide all others on a linear axis


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one plot per other model, as figures 1 and 2 of Gupta et al. (2023) and figure 2 of Jha et al. (2021)."""
    first, *others = planned.labels
    figure, axes = grid_of_axes(max(len(others), 1), width=3.7, height=3.1)
    styles: dict[str, tuple[str, str]] = {}
    for axis, other in zip(axes, others or [first], strict=True):
        changes: list[float] = []
        for panel in panels:
            found = {series.label: series for series in panel.series}
            if first not in found or other not in found or not found[other].score.mean:
                continue  # nothing is a percentage of an error of 0
            ours, theirs = found[first], found[other]
            size = read_facts(ours.folder).rows
            number = len(styles)
            look = style.pick_color(number), MARKERS[(number + number // len(MARKERS)) % len(MARKERS)]
            color, marker = styles.setdefault(ours.dataset_title, look)
            change = ours.score.mean / theirs.score.mean - 1
            changes.append(change)
            axis.plot(size, change, marker, color=color, markersize=5.5, markeredgecolor="white", markeredgewidth=0.6,
                      zorder=4)  # fmt: skip
            numbers.add(panel, theirs, "change_percent", unit="%", x=size, y=100 * change)
            if ours.published and theirs.published:
                printed = ours.published / theirs.published - 1
                changes.append(printed)
                there = ours.published_size or size
                axis.plot([size, there], [change, printed], color=color, linewidth=0.6, alpha=0.6, zorder=2)
                axis.plot(there, printed, marker, color="white", markeredgecolor=color, markersize=4.5, zorder=3)
                numbers.add(panel, theirs, "change_percent_published", unit="%", x=there, y=100 * printed)
        if not changes:
            mark_empty(axis, f"no row has a result of both\n{first} and {other}, the latter not 0")
            continue
        axis.axhline(0, color=style.INK, linewidth=0.8, zorder=1)
        axis.set(xscale="log", title=f"against {other}", xlabel="Materials")
        axis.set_ylabel(f"Change of the {words.short_metric(planned.metric)} of {first}")
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.margins(x=0.12, y=0.12)
        round_ticks(axis)
        if max(map(abs, changes)) > MOST_LINEAR:
            _bend(axis, min(0, *changes), max(0, *changes))
        axis.grid(axis="y")
    handles = [
        style.plt.Line2D([], [], color=color, marker=marker, linestyle="", label=title)
        for title, (color, marker) in styles.items()
    ]
    if handles:
        legend_below(figure, handles)
    return figure


def _bend(axis: Axes, lowest: float, highest: float) -> None:
    """Make the vertical axis logarithmic beyond ±100 %, and long enough for these changes, which are fractions."""
    decades = int(np.ceil(np.log10(max(-lowest, highest))))
    powers = 10.0 ** np.arange(0, decades + 1, 1 + decades // 8)
    axis.set_yscale("symlog", linthresh=1, linscale=1 + decades / 6)
    transform = axis.yaxis.get_transform()
    low, high = transform.transform(np.array([lowest, highest]))
    margin = 0.06 * (high - low)
    axis.set_ylim(*transform.inverted().transform(np.array([low - margin, high + margin])))
    axis.yaxis.set_major_locator(FixedLocator([*-powers, -0.5, 0, 0.5, *powers]))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:,.0f}%".replace("-", "−")))
