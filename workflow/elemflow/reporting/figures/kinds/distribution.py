"""Distribution: share of the materials of each dataset by the value of a property."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.parquet import read_table
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.panels import Numbers, Panel, Source, grid_of_axes, mark_empty, with_unit

KIND = FigureKind(
    description="Distribution of a property in each dataset; without runs.",
    without_runs=True,
    needs_property=True,
    reads_materials=True,
)
EXPLANATION = (
    "Share of the materials of each dataset by value. Properties with whole numbers, such as space groups, have one "
    "bar per number; others have 50 bins between the outer 0.1 % of the values."
)
BINS = 50
MOST_BARS = 300  # whole numbers over a wider range are binned


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one outline per dataset, as figure 1b of Huang and Ling (2020)."""
    del planned
    figure, axes = grid_of_axes(len(panels), width=7, height=2.8)
    for axis, panel in zip(axes, panels, strict=True):
        values = [_read_values(source) for source in panel.sources]
        together = np.concatenate(values)
        if not len(together):
            mark_empty(axis, "no material has a value")
            continue
        whole = np.array_equal(together, np.rint(together)) and np.ptp(together) < MOST_BARS
        edges = _whole_edges(together) if whole else _edges(together)
        middle, width = (edges[1:] + edges[:-1]) / 2, 0.9 / len(panel.sources)
        for number, (source, own) in enumerate(zip(panel.sources, values, strict=True)):
            counts, _ = np.histogram(own, edges)
            shares = counts / max(len(own), 1)
            if whole:
                place = middle + (number - (len(panel.sources) - 1) / 2) * width
                axis.bar(place, shares, width, color=source.color, label=source.label)
            else:
                axis.stairs(shares, edges, color=source.color, fill=True, alpha=0.25)
                axis.stairs(shares, edges, color=source.color, linewidth=1, label=source.label)
            numbers.add(panel, source, "share", x=middle, y=shares, count=counts)
        first = panel.sources[0]
        axis.set(title=panel.label, xlabel=with_unit(first.property_title, first.unit), ylabel="Share of materials")
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        if whole:
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(axis="y")
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(panel.sources))
    return figure


def _read_values(source: Source) -> np.ndarray:
    if source.materials is None:
        return np.empty(0)
    values = read_table(source.materials, [source.property])[source.property].drop_null()
    return values.to_numpy().astype(float)


def _whole_edges(values: np.ndarray) -> np.ndarray:
    return np.arange(values.min() - 0.5, values.max() + 1)


def _edges(values: np.ndarray) -> np.ndarray:
    low, high = np.quantile(values, [0.001, 0.999])
    return np.linspace(low, high if high > low else low + 1, BINS + 1)
