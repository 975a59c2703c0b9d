"""Calibration: coverage of the intervals of ensembles, and error against the spread of the members."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.errors import DataError
from elemflow.evaluation.records import CoverageReport, SpreadGroup
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, Series, grid_of_axes, with_unit
from elemflow.reporting.results import read_evaluation

KIND = FigureKind(
    description="Coverage of the intervals of ensembles against their level, and error against spread.",
    protocol_needs="uncertainty",
)
EXPLANATION = (
    "Left of each pair: coverage, the share of test materials inside the interval, against its level. Below the "
    "diagonal the intervals are too narrow. Dotted: uncalibrated Gaussian intervals from the spread of the members. "
    "Dashed: split conformal intervals, one half-width for all materials. Solid: normalised split conformal "
    "intervals, whose half-widths follow the spread. Right: mean absolute error of ten groups of test materials "
    "against their mean spread."
)
LINES: dict[str, Literal[":", "--", "-"]] = {"spread": ":", "absolute": "--", "normalised": "-"}
NAMES = {"spread": "Gaussian, not calibrated", "normalised": "normalised", "absolute": "one width"}
"""What the legend calls the kinds of intervals, from its first line to the last: the longest has most room on top."""


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw coverage against level, and error against spread, for each panel."""
    del planned
    figure, axes = grid_of_axes(2 * len(panels), width=3.1, height=2.9, columns=2)
    for number, panel in enumerate(panels):
        coverage, error = axes[2 * number : 2 * number + 2]
        for series in panel.series:
            report = _read_coverage(series)
            for kind, line in LINES.items():
                levels = sorted(getattr(report, kind).coverage, key=int)
                x = np.array(levels, dtype=float) / 100
                y = np.array([getattr(report, kind).coverage[level] for level in levels])
                coverage.plot(x, y, line, color=series.color, linewidth=1.2)
                numbers.add(panel, series, f"coverage_{kind}", x=x, y=y)
            _draw_errors(error, panel, series, report.by_spread, numbers)
        coverage.axline((0, 0), slope=1, color=style.INK, linewidth=0.7, alpha=0.55)
        coverage.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=panel.label, xlabel="Level of the interval")
        coverage.set_ylabel("Share of test materials inside")
        for direction in (coverage.xaxis, coverage.yaxis):
            direction.set_major_formatter(PercentFormatter(1, decimals=0))
        coverage.legend(handles=_line_handles(), loc="upper left", fontsize=7, handlelength=2.2)
        unit = panel.series[0].unit
        error.set(xlabel=with_unit("Spread of the members", unit), ylabel=with_unit("Mean absolute error", unit))
        error.set(xlim=(0, None), ylim=(0, None))
        error.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        error.grid(axis="y")
        error.legend(loc="upper left")
    return figure


def _line_handles() -> list[Line2D]:
    """Return a line of each kind of interval, in the colour of the text since models differ by theirs."""
    return [Line2D([], [], color=style.INK, linestyle=LINES[kind], linewidth=1.1, label=NAMES[kind]) for kind in NAMES]


def _read_coverage(series: Series) -> CoverageReport:
    path = series.folder / "metrics.json"
    evaluation = read_evaluation(path)
    report = evaluation.test.uncertainty if evaluation and evaluation.test else None
    if report is None:
        raise DataError(f"{path}: no coverage of intervals; build the run again.")
    return report


def _draw_errors(axis: Axes, panel: Panel, series: Series, groups: Sequence[SpreadGroup], numbers: Numbers) -> None:
    x, y = (np.array([getattr(group, name) for group in groups]) for name in ("spread", "error"))
    axis.plot(x, y, "o-", color=series.color, markersize=3.4, linewidth=1, label=series.label)
    numbers.add(panel, series, "error_by_spread", x=x, y=y)
