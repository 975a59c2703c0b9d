"""Element-resolved error: error of the materials with an element against how many there are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elemflow.reporting.kinds.element_population import count_elements
from elemflow.reporting.panels import Numbers, Panel, grid_of_axes, mark_empty, with_unit
from elemflow.reporting.results import read_test_points

EXPLANATION = (
    "Mean absolute error of the test predictions of all members for materials that contain an element, against the "
    "number of materials with it in the dataset; elements with fewer than 5 test predictions are left out. The five "
    "elements with the largest errors are named."
)
FEWEST = 5
NAMED = 5


def draw(panels: Sequence[Panel], cfg: Mapping[str, Any], numbers: Numbers) -> Figure:
    """Draw one plot per panel, as figures 5a and 5b of Huang and Ling (2020)."""
    del cfg
    figure, axes = grid_of_axes(len(panels), width=4, height=3.2)
    for axis, panel in zip(axes, panels, strict=True):
        for series in panel.series:
            errors = _errors_of_elements(read_test_points(series.folder))
            population = count_elements(series.materials) if series.materials else {}
            symbols = [symbol for symbol in errors.index if symbol in population]
            if not symbols:
                continue
            counts = np.array([population[symbol] for symbol in symbols])
            values = errors[symbols].to_numpy(float)
            axis.plot(counts, values, "o", color=series.color, alpha=0.7, markersize=4, markeredgewidth=0,
                      label=series.label)  # fmt: skip
            for place in np.argsort(values)[-NAMED:]:
                axis.annotate(symbols[place], (counts[place], values[place]), (4, 2), textcoords="offset points",
                              fontsize=7, color=series.color)  # fmt: skip
            for symbol, count, value in zip(symbols, counts, values, strict=True):
                numbers.add(panel, series, f"error_of_{symbol}", x=count, y=value)
        if not axis.has_data():
            mark_empty(axis, f"no element has {FEWEST} test predictions")
            continue
        axis.set(xscale="log", title=panel.label, xlabel="Materials with the element", ylim=(0, None))
        axis.set_ylabel(with_unit("MAE", panel.series[0].unit))
        axis.grid()
        axis.legend(loc="best")
    return figure


def _errors_of_elements(points: pd.DataFrame) -> pd.Series:
    """Return the mean absolute error by element; material ids begin with the composition."""
    errors = (points["y_pred"] - points["y_true"]).abs().rename("error")
    symbols = points["material_id"].str.partition("#")[0].str.findall("[A-Z][a-z]?")
    by_element = errors.to_frame().assign(element=symbols).explode("element").groupby("element")["error"]
    means: pd.Series = by_element.mean()[by_element.size() >= FEWEST]
    return means
