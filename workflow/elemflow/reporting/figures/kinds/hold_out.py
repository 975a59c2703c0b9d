"""Element held out: error with and without one element against the share of its materials in the training set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.files import read_json
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.elements import errors_with_element
from elemflow.reporting.figures.panels import Numbers, Panel, Series, grid_of_axes, with_unit
from elemflow.reporting.results import read_test_points

KIND = FigureKind(
    description="Element hold-out: error with and without an element, by the share of it that is in training.",
    inputs=("predictions.parquet", "run_info.json"),
    protocol_needs="split.hold_out",
)
EXPLANATION = (
    "Mean absolute error of the test materials with an element (lines) and of those without it (dashed) against the "
    "share of the element's materials that is in the training set. The test set is the same at every share, and a "
    "training set at a larger share contains those at smaller ones. Bars are the sample standard deviation "
    "over members."
)


class _Point(NamedTuple):
    returned: float
    panel: Panel
    series: Series
    errors: dict[bool, np.ndarray]


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one plot per dataset, property and element, as figure 4 of Huang and Ling (2020); rows are protocols."""
    del planned
    plots: dict[tuple[str, str, str], list[_Point]] = {}
    for panel in panels:
        for series in panel.series:
            held = read_json(series.folder / "run_info.json")["cfg"]["protocol"]["split"]["hold_out"]
            errors = errors_with_element(read_test_points(series.folder), held["element"])
            point = _Point(held["train_fraction"], panel, series, errors)
            plots.setdefault((series.dataset, series.property, held["element"]), []).append(point)
    figure, axes = grid_of_axes(len(plots), width=4, height=3.2)
    for axis, ((_, _, element), points) in zip(axes, plots.items(), strict=True):
        for label in dict.fromkeys(point.series.label for point in points):
            line = sorted((point for point in points if point.series.label == label), key=lambda point: point.returned)
            for has, style, name in ((True, "o-", f"with {element}"), (False, "s--", "without")):
                found = [point for point in line if len(point.errors[has])]
                axis.errorbar([point.returned for point in found], [point.errors[has].mean() for point in found],
                              [_spread(point.errors[has]) for point in found], fmt=style, color=line[0].series.color,
                              markersize=4, capsize=2, alpha=1 if has else 0.6, label=f"{label}, {name}")  # fmt: skip
                for point in found:
                    numbers.add(
                        point.panel,
                        point.series,
                        f"error_{'with' if has else 'without'}_{element}",
                        member=np.arange(len(point.errors[has])),
                        x=100 * point.returned,
                        y=point.errors[has],
                    )
        first = points[0].series
        axis.set(xlabel=f"Share of the {element} materials in training", ylim=(0, None))
        axis.set_title(f"{first.dataset_title} · {first.property_title}")
        axis.set_ylabel(with_unit("MAE", first.unit))
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        axis.grid()
        axis.legend(loc="best")
    return figure


def _spread(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
