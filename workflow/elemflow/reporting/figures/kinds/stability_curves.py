"""ROC and precision-recall curves of decisions on stability, others' decisions as points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.deciders import LINES, look_of
from elemflow.reporting.figures.panels import Array, Numbers, Panel, grid_of_axes, legend_below
from elemflow.reporting.stability import TRUTH, predicted_columns, read_compounds, setting_of

KIND = FigureKind(
    description="ROC and precision-recall curves of decisions on stability; all cells of a figure have one `setting`.",
    inputs=("stability.json", "stability.parquet"),
    cell_key="setting",
)
EXPLANATION = (
    "Left of each pair: share of the stable compounds that are found, against the share of the unstable ones that are "
    "taken for stable. Right: precision against recall. Points: decisions of others at ΔHd = 0, see the table of this "
    "setting."
)
GAP = 0.045
"""Distance of names, in parts of the axis."""
WIDTH = 0.2
"""Width of a name, in parts of the axis."""
LOWEST_PRECISION, HIGHEST_PRECISION = 0.3, 1.01
"""Ends of the axis of precision."""
POINTS = 400
"""Points of a curve that are drawn."""


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw both curves for each decider and run."""
    setting = setting_of(planned)
    handles: list[Artist] = []
    figure, axes = grid_of_axes(2 * len(panels), width=3.7, height=3.7, columns=2)
    for number, panel in enumerate(panels):
        roc, precision = axes[2 * number : 2 * number + 2]
        for series in panel.series:
            table = read_compounds(series.folder)
            stable = table[TRUTH[setting]].to_numpy() <= 0
            decided, chances = predicted_columns(setting, table)
            scores = {name: -table[column].to_numpy() for name, column in decided.items()}
            scores |= {name: table[column].to_numpy() for name, column in chances.items() if name not in scores}
            for line, (decider, score) in zip(LINES, scores.items(), strict=False):
                label, color = look_of(panel, series, decider)
                false, true, right = curves(score, stable)
                roc.plot(false, true, linestyle=line, color=color, linewidth=1.2, label=label)
                precision.plot(true, right, linestyle=line, color=color, linewidth=1.2)
                numbers.add(panel, series, f"roc_{decider}", unit="1", x=false, y=true)
                numbers.add(panel, series, f"precision_{decider}", unit="1", x=true, y=right)
        _mark(roc, [(peer.values["fpr"], peer.values["recall"], peer.model) for peer in planned.peers], GAP)
        _mark(
            precision,
            [(peer.values["recall"], peer.values["precision"], peer.model) for peer in planned.peers],
            GAP * (HIGHEST_PRECISION - LOWEST_PRECISION),
        )
        roc.axline((0, 0), slope=1, color=style.INK, linewidth=0.6, alpha=0.5)
        roc.set(title=panel.label, xlabel="False positive rate", ylabel="Recall", xlim=(0, 1), ylim=(0, 1))
        precision.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1), ylim=(LOWEST_PRECISION, HIGHEST_PRECISION))
        handles = roc.get_legend_handles_labels()[0]
    legend_below(figure, handles)
    return figure


def curves(score: Array, stable: npt.NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Return false positive rate, recall and precision at up to `POINTS` thresholds of a score, the highest first.

    Args:
        score: What compounds are ranked by (n,), the higher the more stable.
        stable: Whether they are stable (n,), boolean.
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    found, taken = np.cumsum(stable[order])[last], (np.flatnonzero(last) + 1).astype(float)
    chosen = np.unique(np.linspace(0, len(taken) - 1, POINTS).astype(int))
    found, taken = found[chosen].astype(float), taken[chosen]
    return (taken - found) / max((~stable).sum(), 1), found / max(stable.sum(), 1), found / taken


def _mark(axis: Axes, points: Sequence[tuple[float, float, str]], gap: float) -> None:
    """Draw the decisions of others, with a name below another one where both would cover each other.

    Args:
        axis: Axis to draw on, from 0 to 1 horizontally.
        points: Horizontal and vertical place, and name.
        gap: Least distance of names on the vertical axis.
    """
    placed: list[tuple[float, float]] = []
    for x, y, name in sorted(points, key=lambda point: -point[1]):
        height = y - gap / 2
        for other, at in placed:  # from the highest down
            if abs(other - x) < WIDTH and at - gap < height < at + gap:
                height = at - gap
        placed.append((x, height))
        axis.plot([x], [y], "o", color=style.INK, markersize=3)
        axis.text(x + GAP / 2, height, name, fontsize=6.5, color=style.INK, va="center")
