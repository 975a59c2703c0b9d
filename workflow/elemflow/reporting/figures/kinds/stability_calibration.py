"""Calibration of P(stable): share of the stable among compounds of similar probability."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.errors import DataError
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.deciders import MARKS, look_of
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_under
from elemflow.reporting.stability import read_stability, setting_of
from elemflow.stability.records import DECIDERS

KIND = FigureKind(
    description="Share of stable compounds against P(stable); all cells of a figure have one `setting`.",
    inputs=("stability.json", "stability.parquet"),
    cell_key="setting",
)
EXPLANATION = (
    "Share of stable compounds in 15 bins of P(stable). On the diagonal the probabilities are right; below it they "
    "promise too much. In brackets: expected calibration error."
)


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw a line per decider with probabilities."""
    setting = setting_of(planned)
    figure, axes = grid_of_axes(len(panels), width=3.9, height=3.9)
    for axis, panel in zip(axes, panels, strict=True):
        for series in panel.series:
            report = read_stability(series.folder)
            if report is None:
                raise DataError(f"{series.folder / 'stability.json'}: no such file; build the run's stability again.")
            metrics_of = report.settings.get(setting, {})
            found = {name: metrics_of[name] for name in DECIDERS if name in metrics_of and metrics_of[name].reliability}
            for mark, (decider, metrics) in zip(MARKS, found.items(), strict=False):
                x = np.array([each.probability for each in metrics.reliability])
                y = np.array([each.stable for each in metrics.reliability])
                counts = [each.n for each in metrics.reliability]
                name, color = look_of(panel, series, decider)
                label = f"{name} ({metrics.calibration_error:.3f})"
                axis.plot(x, y, mark, color=color, label=label, markersize=3.2, linewidth=1)
                numbers.add(panel, series, f"reliability_{decider}", unit="1", x=x, y=y, count=counts)
        axis.axline((0, 0), slope=1, color=style.INK, linewidth=0.7, alpha=0.55)
        axis.set(title=panel.label, xlabel="P(stable)", ylabel="Share that is stable", xlim=(0, 1), ylim=(0, 1))
        for direction in (axis.xaxis, axis.yaxis):
            direction.set_major_formatter(PercentFormatter(1, decimals=0))
        legend_under(axis)
    return figure
