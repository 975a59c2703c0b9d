"""Cost: error against training time, as bubbles whose area is the number of parameters."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, grid_of_axes, legend_below, with_unit
from elemflow.reporting.results import read_facts

KIND = FigureKind(description="Error against training time and number of parameters.", inputs=("run_info.json",))
EXPLANATION = (
    "Error on the test set against the time to train, both of one member and means over the members, also where the "
    "values above are those of ensembles or of the best member. The area of a bubble is proportional to the number of "
    "parameters; a cross has none counted. Times hold for the machines that trained."
)
LARGEST = 700  # area of the largest bubble, in square points
UNITS = ((2 * 3600, 3600, "h"), (120, 60, "min"), (0, 1, "s"))


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one plot per dataset and property, as figure 3 of Gupta et al. (2023)."""
    facts = {series.run: read_facts(series.folder) for panel in panels for series in panel.series}
    largest = max((fact.parameters or 1 for fact in facts.values()), default=1)
    figure, axes = grid_of_axes(len(panels), width=3.7, height=3.0)
    handles: dict[str, Any] = {}
    for axis, panel in zip(axes, panels, strict=True):
        longest = max(facts[series.run].seconds for series in panel.series)
        seconds, unit = next((seconds, unit) for limit, seconds, unit in UNITS if longest >= limit)
        for series in panel.series:
            parameters = facts[series.run].parameters
            time = facts[series.run].seconds / seconds
            error = series.score.member_mean  # an ensemble has its error at the time of all its members
            look: dict[str, Any] = (
                {"s": LARGEST * parameters / largest, "alpha": 0.45, "edgecolors": series.color}
                if parameters
                else {"s": 45, "marker": "x", "clip_on": False}
            )
            axis.scatter(time, error, color=series.color, **look)
            numbers.add(panel, series, "seconds_and_error", x=time * seconds, y=error)
            if parameters:
                axis.plot(time, error, ".", color=series.color, markersize=4, clip_on=False)
                numbers.add(panel, series, "parameters", x=time * seconds, count=parameters)
            label = f"{series.label}, {parameters / 1e6:.1f} M parameters" if parameters else series.label
            handles.setdefault(series.label, style.plt.Line2D(
                [], [], color=series.color, marker="o" if parameters else "x", linestyle="", label=label))  # fmt: skip
        axis.margins(0.28)
        axis.set_xlim(left=0)
        axis.set(title=panel.label, xlabel=f"Time to train ({unit})")
        name = words.short_metric(planned.metric)
        axis.set_ylabel(with_unit(name, "" if planned.metric == "r2" else panel.series[0].unit))
        axis.grid()
    legend_below(figure, list(handles.values()))
    return figure
