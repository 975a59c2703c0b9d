"""Size curve: error against the number of training rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from elemflow.reporting import style
from elemflow.reporting import text as words
from elemflow.reporting.panels import Numbers, Panel, Series, count_ticks, grid_of_axes, with_unit
from elemflow.reporting.results import read_facts, read_info
from elemflow.scale import shares_of

EXPLANATION = (
    "Error on the test set against the number of training materials, one point per row of the grid, joined by model; "
    "bars are the sample standard deviation over members, hollow diamonds published values at the paper's size."
)


def draw(panels: Sequence[Panel], cfg: Mapping[str, Any], numbers: Numbers) -> Figure:
    """Draw one plot per dataset and property, as figure 2a of Huang and Ling (2020); the rows differ in protocol."""
    plots: dict[tuple[str, str], list[tuple[Panel, Series]]] = {}
    for panel in panels:
        for series in panel.series:
            plots.setdefault((series.dataset, series.property), []).append((panel, series))
    figure, axes = grid_of_axes(len(plots), width=4, height=3.2)
    for axis, points in zip(axes, plots.values(), strict=True):
        for label in dict.fromkeys(series.label for _, series in points):
            found = [(read_facts(series.folder)["train_rows"], panel, series) for panel, series in points
                     if series.label == label]  # fmt: skip
            found.sort(key=lambda point: point[0])
            rows, errors = [point[0] for point in found], [point[2].score.mean for point in found]
            spread = [point[2].score.sd or 0 for point in found]
            color = found[0][2].color
            axis.errorbar(rows, errors, spread, fmt="o-", color=color, markersize=4, capsize=2, label=label)
            for size, panel, series in found:
                numbers.add(panel, series, "error", x=size, y=series.score.mean)
                if series.published is not None:
                    there = _count_published(series) or size
                    axis.plot(
                        there, series.published, "D", color="white", markeredgecolor=color, markersize=5, zorder=5
                    )
                    numbers.add(panel, series, "published", x=there, y=series.published)
        first = points[0][1]
        axis.set(xscale="log", yscale="log", xlabel="Training materials")
        axis.set_title(f"{first.dataset_title} · {first.property_title}")
        axis.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_minor_formatter(style.plt.NullFormatter())
        axis.set_ylabel(with_unit(words.short_metric(cfg["metric"]), "" if cfg["metric"] == "r2" else first.unit))
        axis.grid()
        axis.legend(loc="best")
    figure.draw_without_rendering()  # sets the size of the panels
    for axis, points in zip(axes, plots.values(), strict=True):
        ours = [read_facts(series.folder)["train_rows"] for _, series in points]
        theirs = [_count_published(series) for _, series in points if series.published is not None]
        count_ticks(axis, [*ours, *filter(None, theirs)])
    return figure


def _count_published(series: Series) -> int | None:
    """Return the training materials of a published value: the share of the paper's materials that ours trains on."""
    split = read_info(series.folder / "metrics.json").get("cfg", {}).get("protocol", {}).get("split", {})
    share = shares_of(split).get("train") if split.get("scheme") else None
    return round(share * series.published_size) if share and series.published_size else None
