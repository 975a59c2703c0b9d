"""Size curve: error against the number of training rows, and what the first model gains over the others."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter, ScalarFormatter

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import (
    Numbers,
    Panel,
    Series,
    count_ticks,
    grid_of_axes,
    grid_of_pairs,
    legend_below,
    mark_empty,
    with_unit,
)
from elemflow.reporting.results import read_facts, read_info
from elemflow.splits.schemes.registry import read_split

KIND = FigureKind(
    description="Learning curve: error against the number of training materials.", inputs=("run_info.json",)
)
EXPLANATION = (
    "Error on the test set against the number of training materials, one point per row of the grid, joined by model; "
    "bars are the sample standard deviation over members, hollow diamonds published values at the paper's size. Below, "
    "where a row has an error of several models: change of the error of the first against another, in the color of "
    "the other (error of the first / error of the other − 1); below zero the first is better."
)

Points = Sequence[tuple[Panel, Series]]


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one plot per dataset and property, as figure 2a of Huang and Ling (2020); the rows differ in protocol."""
    plots: dict[tuple[str, str], list[tuple[Panel, Series]]] = {}
    for panel in panels:
        for series in panel.series:
            plots.setdefault((series.dataset, series.property), []).append((panel, series))
    compared = planned.metric != "r2" and any(_pairs(planned, points) for points in plots.values())
    places: list[tuple[Axes, Axes | None]]
    if compared:
        figure, pairs = grid_of_pairs(len(plots), width=4, height=4.6)
        places = list(pairs)
    else:
        figure, axes = grid_of_axes(len(plots), width=4, height=3.2)
        places = [(axis, None) for axis in axes]
    for (axis, below), points in zip(places, plots.values(), strict=True):
        _draw_errors(axis, points, planned.metric, numbers)
        found = _pairs(planned, points)
        if below is not None and found:
            _draw_changes(below, found, planned.metric, numbers)
            below.set_xlabel("Training materials")
            continue
        axis.set_xlabel("Training materials")
        if below is not None:
            axis.tick_params(labelbottom=True)
            mark_empty(below, "no row has two models")
    lines = {series.label: series.color for points in plots.values() for _, series in points}
    legend_below(figure, [style.plt.Line2D([], [], marker="o", markersize=4, color=color, label=label)
                          for label, color in lines.items()])  # fmt: skip
    figure.draw_without_rendering()  # sets the size of the panels
    for (axis, below), points in zip(places, plots.values(), strict=True):
        ours = [read_facts(series.folder).train_rows for _, series in points]
        theirs = [_count_published(series) for _, series in points if series.published is not None]
        count_ticks(below or axis, [*ours, *filter(None, theirs)])
    return figure


def _draw_errors(axis: Axes, points: Points, metric: str, numbers: Numbers) -> None:
    for label in dict.fromkeys(series.label for _, series in points):
        found = [(read_facts(series.folder).train_rows, panel, series) for panel, series in points
                 if series.label == label]  # fmt: skip
        found.sort(key=lambda point: point[0])
        rows, errors = [point[0] for point in found], [point[2].score.mean for point in found]
        spread = [point[2].score.sd or 0 for point in found]
        color = found[0][2].color
        axis.errorbar(rows, errors, spread, fmt="o-", color=color, markersize=4, capsize=2)
        for size, panel, series in found:
            numbers.add(panel, series, "error", x=size, y=series.score.mean)
            if series.score.sd is not None:
                numbers.add(panel, series, "spread", x=size, y=series.score.sd)
            if series.published is not None:
                there = _count_published(series) or size
                axis.plot(there, series.published, "D", color="white", markeredgecolor=color, markersize=5, zorder=5)
                numbers.add(panel, series, "published", x=there, y=series.published)
    first = points[0][1]
    axis.set(xscale="log", yscale="log", title=f"{first.dataset_title} · {first.property_title}")
    axis.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(ScalarFormatter())
    axis.yaxis.set_minor_formatter(style.plt.NullFormatter())
    axis.set_ylabel(with_unit(words.short_metric(metric), "" if metric == "r2" else first.unit))
    axis.grid()


def _draw_changes(axis: Axes, pairs: Sequence[tuple[Panel, Series, Series]], metric: str, numbers: Numbers) -> None:
    """Draw the change of the first model against each other one, by training rows."""
    for label in dict.fromkeys(other.label for _, _, other in pairs):
        found = [(read_facts(ours.folder).train_rows, panel, ours, other) for panel, ours, other in pairs
                 if other.label == label]  # fmt: skip
        found.sort(key=lambda point: point[0])
        color = found[0][3].color
        changes = [ours.score.mean / other.score.mean - 1 for _, _, ours, other in found]
        axis.plot([point[0] for point in found], changes, "o-", color=color, markersize=4)
        for (size, panel, ours, other), change in zip(found, changes, strict=True):
            numbers.add(panel, other, "change_percent", unit="%", x=size, y=100 * change)
            if ours.published and other.published:
                printed = ours.published / other.published - 1
                there = _count_published(ours) or size
                axis.plot(there, printed, "D", color="white", markeredgecolor=color, markersize=5, zorder=5)
                numbers.add(panel, other, "change_percent_published", unit="%", x=there, y=100 * printed)
    axis.axhline(0, color=style.INK, linewidth=0.8, zorder=1)
    axis.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.grid()
    axis.set_ylabel(f"Change of the {words.short_metric(metric)} of {pairs[0][1].label}")


def _pairs(planned: PlannedFigure, points: Points) -> list[tuple[Panel, Series, Series]]:
    """Return the first model and another of the same row, where both have a result and the other's error is not 0."""
    first = planned.labels[0]
    ours = {id(panel): series for panel, series in points if series.label == first}
    return [(panel, ours[id(panel)], series) for panel, series in points
            if series.label != first and id(panel) in ours and series.score.mean]  # fmt: skip


def _count_published(series: Series) -> int | None:
    """Return the training materials of a published value: the share of the paper's materials that ours trains on."""
    split = read_info(series.folder / "metrics.json").get("cfg", {}).get("protocol", {}).get("split", {})
    shares = read_split(split).shares if split.get("scheme") else None
    return round(shares.train * series.published_size) if shares and series.published_size else None
