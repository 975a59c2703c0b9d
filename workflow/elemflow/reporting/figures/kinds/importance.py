"""Permutation importance: how much the error grows when one input is shuffled over the test materials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.panels import Numbers, Panel, Series, grid_of_axes, legend_under, mark_empty, with_unit

KIND = FigureKind(
    description="Permutation importance: growth of the error when one input is shuffled.", inputs=("importance.csv",)
)
EXPLANATION = (
    "Increase of the mean absolute error when one input is shuffled over the test materials, as mean over repetitions "
    "and members; dots are members. First the inputs with the largest increase for each model, then all inputs by rank "
    "on a logarithmic scale, which has no place for those that do not raise the error."
)
SHOWN = 15


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw bars for each run and the ranks of all inputs for each panel, as figure 2b of Huang and Ling (2020)."""
    del planned
    figure, axes = grid_of_axes(sum(len(panel.series) + 1 for panel in panels), width=4.4, height=3.6)
    places = iter(axes)
    for panel in panels:
        found = {series.label: _read_increases(series) for series in panel.series}
        for series in panel.series:
            _draw_bars(next(places), panel, series, found[series.label], numbers)
        axis = next(places)
        for series in panel.series:
            ranked = np.sort(found[series.label].mean(axis=1).to_numpy())[::-1]
            above = int((ranked > 0).sum())
            axis.plot(np.arange(1, above + 1), ranked[:above], color=series.color,
                      label=f"{series.label}: {above} of {len(ranked)} raise it")  # fmt: skip
            numbers.add(panel, series, "inputs_that_raise_the_error", count=above)
        if not any(np.size(line.get_xdata()) for line in axis.lines):
            mark_empty(axis, "no input raises the error")
            continue
        axis.set(yscale="log", xlabel="Rank of the input", title=f"{panel.label} · all inputs")
        axis.set_ylabel(with_unit("Increase of the MAE", panel.series[0].unit))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 2.5, 5, 10]))
        axis.grid()
        legend_under(axis)
    return figure


def _draw_bars(axis: Axes, panel: Panel, series: Series, increases: pd.DataFrame, numbers: Numbers) -> None:
    means = increases.mean(axis=1)
    largest = means.sort_values(ascending=False, kind="stable").index[:SHOWN]
    for label in increases.index:
        numbers.add(panel, series, f"increase_by_{label}", member=increases.columns.to_numpy(), y=increases.loc[label])
    place = np.arange(len(largest))[::-1]
    axis.barh(place, means[largest], height=0.68, color=series.color, alpha=0.4)
    for member in increases.columns if increases.shape[1] > 1 else []:
        axis.plot(increases.loc[largest, member], place, "o", color=series.color, markersize=2.6, markeredgewidth=0)
    axis.set_yticks(place, list(largest), fontsize=7)
    axis.tick_params(axis="y", length=0)
    axis.set(title=f"{panel.label} · {series.label}", xlabel=with_unit("Increase of the MAE", series.unit))
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.grid(axis="x")


def _read_increases(series: Series) -> pd.DataFrame:
    """Return the increase of each input (rows) for each member (columns), inputs in the order of the file."""
    table = pd.read_csv(series.folder / "importance.csv", keep_default_na=False)
    if len(table["part"].unique()) > 1:
        table["feature"] += " (" + table["part"] + ")"
    wide = table.pivot_table(index="feature", columns="member", values="increase", sort=False)
    return wide.rename_axis(columns=None)
