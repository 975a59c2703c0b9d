"""Calibration: how often intervals hold, and whether the spread of an ensemble tells large errors from small ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.files import read_json
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, Series, grid_of_axes, with_unit

KIND = FigureKind(
    description="Coverage of the intervals of ensembles against their level, and error against spread.",
    protocol_needs="uncertainty",
)
EXPLANATION = (
    "Left of each pair: share of test materials inside the interval against the level that it promises; below the "
    "diagonal the model is too sure of itself. Dotted: normal intervals from the spread of the members, uncalibrated; "
    "dashed: one half-width for all materials, calibrated on validation rows; solid: half-widths that follow the "
    "spread, calibrated likewise. Right: mean absolute error of ten groups of test materials against their mean spread."
)
LINES = {"spread": ":", "absolute": "--", "normalised": "-"}


def draw(panels: Sequence[Panel], cfg: Mapping[str, Any], numbers: Numbers) -> Figure:
    """Draw coverage against level, and error against spread, for each panel."""
    del cfg
    figure, axes = grid_of_axes(2 * len(panels), width=3.1, height=2.9, columns=2 * min(len(panels), 2))
    for number, panel in enumerate(panels):
        coverage, error = axes[2 * number : 2 * number + 2]
        for series in panel.series:
            judged = read_json(series.folder / "metrics.json")["test"]["uncertainty"]
            for kind, line in LINES.items():
                levels = sorted(judged[kind]["coverage"], key=int)
                x = np.array(levels, dtype=float) / 100
                y = np.array([judged[kind]["coverage"][level] for level in levels])
                coverage.plot(x, y, line, color=series.color, linewidth=1.2)
                numbers.add(panel, series, f"coverage_{kind}", x=x, y=y)
            _draw_errors(error, panel, series, judged["by_spread"], numbers)
        coverage.axline((0, 0), slope=1, color=style.INK, linewidth=0.7, alpha=0.55)
        coverage.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=panel.label, xlabel="Level of the interval")
        coverage.set_ylabel("Share of test materials inside")
        for direction in (coverage.xaxis, coverage.yaxis):
            direction.set_major_formatter(PercentFormatter(1, decimals=0))
        unit = panel.series[0].unit
        error.set(xlabel=with_unit("Spread of the members", unit), ylabel=with_unit("Mean absolute error", unit))
        error.set(xlim=(0, None), ylim=(0, None))
        error.xaxis.set_major_locator(MaxNLocator(5))
        error.grid(axis="y")
        error.legend(loc="upper left")
    return figure


def _draw_errors(axis: Any, panel: Panel, series: Series, groups: Sequence[Any], numbers: Numbers) -> None:
    x, y = (np.array([group[name] for group in groups]) for name in ("spread", "error"))
    axis.plot(x, y, "o-", color=series.color, markersize=3.4, linewidth=1, label=series.label)
    numbers.add(panel, series, "error_by_spread", x=x, y=y)
