"""Accuracy of decisions on stability by the distance of compounds from the hull, as Figure 4 of Bartel et al. 2020."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.deciders import LINES, look_of
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_under
from elemflow.reporting.stability import TRUTH, predicted_columns, read_compounds, setting_of

KIND = FigureKind(
    description="Accuracy of decisions on stability by distance from the hull; all cells have one `setting`.",
    inputs=("stability.json", "stability.parquet"),
    cell_key="setting",
)
EXPLANATION = (
    "Share of right decisions among the compounds with a true ΔHd around the horizontal value; those at its left are "
    "stable. "
    "Grey: number of compounds per eV/atom, in arbitrary units."
)
EDGES = np.array([-300, -200, -150, -100, -75, -50, -35, -20, -10, 0, 10, 20, 35, 50, 75, 100, 150, 200, 300]) / 1000
FEWEST = 20
"""Compounds of a bin that is drawn."""


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw a line per decider and run."""
    setting = setting_of(planned)
    figure, axes = grid_of_axes(len(panels), width=5.2, height=3.4)
    for axis, panel in zip(axes, panels, strict=True):
        for series in panel.series:
            table = read_compounds(series.folder)
            truth = table[TRUTH[setting]].to_numpy()
            bins = np.clip(np.digitize(truth, EDGES, right=True), 0, len(EDGES))
            counts = np.bincount(bins, minlength=len(EDGES) + 1)[1:-1]
            middle = (EDGES[1:] + EDGES[:-1]) / 2
            shown = counts >= FEWEST
            if not axis.patches:
                density = counts / np.diff(EDGES)
                axis.stairs(0.35 * density / max(density.max(), 1), EDGES, fill=True, color=style.SOFT, alpha=0.25)
            decided, _ = predicted_columns(setting, table)
            for line, (decider, column) in zip(LINES, decided.items(), strict=False):
                right = (table[column].to_numpy() <= 0) == (truth <= 0)
                hits = np.bincount(bins, right, minlength=len(EDGES) + 1)[1:-1]
                x, y = middle[shown], hits[shown] / counts[shown]
                label, color = look_of(panel, series, decider)
                axis.plot(x, y, linestyle=line, color=color, label=label, linewidth=1.3)
                numbers.add(panel, series, f"accuracy_{decider}", unit="1", x=x, y=y, count=counts[shown])
        axis.axvline(0, color=style.INK, linewidth=0.7)
        axis.set(title=panel.label, xlabel="True ΔHd (eV/atom)", ylabel="Accuracy", ylim=(0, 1.02))
        legend_under(axis)
    return figure
