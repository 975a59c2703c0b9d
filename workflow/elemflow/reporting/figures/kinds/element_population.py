"""Element population: how many materials of each dataset contain an element."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from elemflow.chemistry.composition import SYMBOLS
from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.elements import count_elements
from elemflow.reporting.figures.panels import Numbers, Panel, mark_empty

KIND = FigureKind(
    description="Number of materials of each dataset with each element; without runs.",
    without_runs=True,
    reads_materials=True,
)
EXPLANATION = (
    "Number of materials that contain each element, those with a value if a property is named, in the order of atomic "
    "numbers, on a logarithmic scale."
)


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one row of points per dataset over the elements, as figure 1a of Huang and Ling (2020)."""
    del planned
    figure, axes = style.plt.subplots(
        len(panels), 1, figsize=(11, 2.8 * len(panels)), squeeze=False, layout=ConstrainedLayoutEngine()
    )
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        counts = [
            count_elements(source.materials, source.property) if source.materials else Counter()
            for source in panel.sources
        ]
        symbols = [symbol for symbol in SYMBOLS if any(symbol in found for found in counts)]
        if not symbols:
            mark_empty(axis, "no materials")
            continue
        place = np.arange(len(symbols))
        for source, found in zip(panel.sources, counts, strict=True):
            values = np.array([found[symbol] for symbol in symbols])
            has = values > 0
            axis.plot(place[has], values[has], "o-", color=source.color, markersize=3.5, linewidth=0.6, alpha=0.85,
                      label=source.label)  # fmt: skip
            for symbol, value in zip(symbols, values, strict=True):
                numbers.add(panel, source, f"materials_with_{symbol}", x=SYMBOLS.index(symbol) + 1, count=value)
        staggered = [symbol if number % 2 else f"\n{symbol}" for number, symbol in enumerate(symbols)]
        axis.set_xticks(place, staggered, fontsize=6.5)
        axis.tick_params(axis="x", length=2, pad=1)
        axis.set(yscale="log", title=panel.label, ylabel="Materials", xlim=(-1, len(symbols)))
        axis.grid(axis="y")
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(panel.sources))
    return figure
