"""Element-resolved error: error of the test materials with an element against how many are trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.core.parquet import read_frame
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.elements import FEWEST, errors_of_elements, group_by_element
from elemflow.reporting.figures.elements import name_points
from elemflow.reporting.figures.panels import (
    Numbers,
    Panel,
    grid_of_axes,
    legend_below,
    mark_empty,
    round_ticks,
    with_unit,
)
from elemflow.reporting.results import read_test_points

KIND = FigureKind(
    description="Error of the materials with each element against how many of them are in training.",
    inputs=("predictions.parquet",),
    reads_splits=True,
)
EXPLANATION = (
    "Mean absolute error of the test predictions of all members for materials that contain an element, against the "
    "number of training materials with it, mean over the members. Elements with fewer than 5 test predictions, or "
    "without a training material, are not drawn. The five elements with the largest errors are named."
)
NAMED = 5
FEW = 5  # a panel with fewer elements says so


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one plot per panel, as figures 5a and 5b of Huang and Ling (2020)."""
    del planned
    figure, axes = grid_of_axes(len(panels), width=4, height=3.5)
    handles: dict[str, Any] = {}
    named: list[tuple[Axes, str, float, float, str]] = []
    for axis, panel in zip(axes, panels, strict=True):
        drawn: set[str] = set()
        for series in panel.series:
            errors = errors_of_elements(read_test_points(series.folder))
            population = _count_trained(series.split) if series.split else pd.Series(dtype=float)
            symbols = [symbol for symbol in errors.index if symbol in population.index]
            if not symbols:
                continue
            counts = np.array([population[symbol] for symbol in symbols])
            values = errors[symbols].to_numpy(float)
            handles[series.label] = axis.plot(
                counts, values, "o", color=series.color, alpha=0.7, markersize=4, markeredgewidth=0, label=series.label
            )[0]
            drawn.update(symbols)
            named += [(axis, symbols[place], counts[place], values[place], series.color)
                      for place in np.argsort(values, kind="stable")[: -NAMED - 1 : -1]]  # fmt: skip
            for symbol, count, value in zip(symbols, counts, values, strict=True):
                numbers.add(panel, series, f"error_of_{symbol}", x=count, y=value)
        if not axis.has_data():
            mark_empty(axis, f"no element has {FEWEST} test predictions\nand a training material")
            continue
        axis.set(xscale="log", title=panel.label, xlabel="Training materials with the element")
        axis.margins(x=0.1)  # room for the names next to the points, and above them
        axis.set_ylim(0, 1.12 * max(float(np.max(np.asarray(line.get_ydata()))) for line in axis.lines) or 1)
        round_ticks(axis)
        if len(drawn) < FEW:
            has = f"{len(drawn)} elements have" if len(drawn) > 1 else "1 element has"
            axis.set_xlabel(f"Training materials with the element\n(only {has} {FEWEST} test predictions)")
        axis.set_ylabel(with_unit("MAE", panel.series[0].unit))
        axis.grid()
    if handles:
        legend_below(figure, list(handles.values()))
    name_points(figure, named)
    return figure


def _count_trained(split: Path) -> pd.Series:
    """Return the number of training materials with each element, mean over the members of a split."""
    rows = read_frame(split, ["material_id", "member", "role"])
    trained = rows.loc[rows["role"] == "train", "material_id"].value_counts()  # by how many members
    counts: pd.Series = group_by_element(trained, trained.index.to_series()).sum() / rows["member"].nunique()
    return counts
