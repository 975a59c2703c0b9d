"""Element-resolved error: error of the test materials with an element against how many are trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from elemflow.chemistry.material_id import composition_of
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

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy

EXPLANATION = (
    "Mean absolute error of the test predictions of all members for materials that contain an element, against the "
    "number of training materials with it in the division, mean over the members; elements with fewer than 5 test "
    "predictions, or without a training material, are left out. The five elements with the largest errors are named."
)
FEWEST = 5
NAMED = 5
FEW = 5  # a panel with fewer elements says so
CORNERS = ((4, 2), (-4, 2), (4, -2), (-4, -2))  # of a point, in points
RADIUS = 3  # of a point, in pixels


def draw(panels: Sequence[Panel], cfg: Mapping[str, Any], numbers: Numbers) -> Figure:
    """Draw one plot per panel, as figures 5a and 5b of Huang and Ling (2020)."""
    del cfg
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
        axis.margins(x=0.1)  # room for the names beside the points, and above them
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


def name_points(figure: Figure, named: Sequence[tuple[Axes, str, float, float, str]]) -> None:
    """Write symbols beside their points, each at the corner where it meets the fewest other symbols and points."""
    figure.draw_without_rendering()  # sets the size of the panels
    lines = [line for axis in figure.axes for line in axis.lines]
    places = [place for line in lines for place in line.get_transform().transform(line.get_xydata())]
    taken = [Bbox.from_extents(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places]
    for axis, symbol, x, y, color in named:
        name = axis.annotate(symbol, (x, y), (0, 0), textcoords="offset points", fontsize=7, color=color)

        def put(corner: tuple[int, int], name: Annotation = name) -> Bbox:
            side, height = ("left" if corner[0] > 0 else "right"), ("bottom" if corner[1] > 0 else "top")
            name.set(position=corner, ha=side, va=height)
            return name.get_window_extent()

        taken.append(put(min(CORNERS, key=lambda corner: put(corner).count_overlaps(taken))))


def errors_of_elements(points: pd.DataFrame) -> pd.Series:
    """Return the mean absolute error by element, of those with `FEWEST` predictions or more.

    Args:
        points: Test rows with `material_id`, `y_true` and `y_pred`.
    """
    errors = (points["y_pred"] - points["y_true"]).abs().rename("error")
    by_element = _by_element(errors, points["material_id"])
    means: pd.Series = by_element.mean()[by_element.size() >= FEWEST]
    return means


def _count_trained(split: Path) -> pd.Series:
    """Return the number of training materials with each element, mean over the members of a split."""
    rows = pd.read_parquet(split, columns=["material_id", "member", "role"])
    trained = rows.loc[rows["role"] == "train", "material_id"].value_counts()  # by how many members
    counts: pd.Series = _by_element(trained, trained.index.to_series()).sum() / rows["member"].nunique()
    return counts


def _by_element(values: pd.Series, material_ids: pd.Series) -> "SeriesGroupBy[Any, Any]":
    """Group the values of materials by the elements that they contain; material ids begin with the composition."""
    symbols = material_ids.map(composition_of).str.findall("[A-Z][a-z]?")
    table = pd.DataFrame({"value": values.to_numpy(), "element": symbols.to_numpy()})
    return table.explode("element").groupby("element")["value"]
