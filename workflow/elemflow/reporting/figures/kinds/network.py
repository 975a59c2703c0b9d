"""Network: its layers from the inputs to the output, with shortcuts, parallel chains and parameters per stage."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from elemflow.config.kinds import FigureKind
from elemflow.core.outline import Outline, Stage
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, Source

KIND = FigureKind(
    description="Networks as diagrams: widths, shortcuts and parameters, from their declarations; without runs.",
    without_runs=True,
    of_models=True,
)
EXPLANATION = (
    "Networks from their inputs (top) to the output. A bar is a layer, longer where it is wider (logarithmic scale); "
    "bars next to each other are parallel chains. An arrow at the right leads a shortcut around a layer, one at the "
    "left around a stage; dashed, it passes a linear layer, since the width changes. Numbers: layers × width, and "
    "parameters with the statistics of batch normalisation."
)
BAR, GAP, STAGE_GAP, END, FORK = 0.62, 0.38, 1.15, 1.3, 0.25  # heights in units of a layer
LEFT, RIGHT, TEXT = -1.0, 1.0, 1.45  # ends of the widest bar, and where the texts begin
NARROWEST = 0.16  # half length of a layer of one unit, relative to the widest


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw each network in a column; panels are rows."""
    del planned
    outlines = [[each.outline for each in panel.sources if each.outline] for panel in panels]
    columns = max(len(row) for row in outlines)
    heights = [max(_height(outline) for outline in row) for row in outlines]
    inches = [min(max(0.155 * height, 2.2), 13.0) for height in heights]
    figure, grid = style.plt.subplots(
        len(panels),
        columns,
        figsize=(2.75 * columns, sum(inches) + 0.5 * len(panels)),
        squeeze=False,
        height_ratios=inches,
        layout="constrained",
    )
    widest = max(max(outline.inputs, *(stage.width for stage in outline.stages)) for row in outlines for outline in row)
    for axes, panel, height in zip(grid, panels, heights, strict=True):
        for axis in axes:
            axis.set_axis_off()
        for axis, source in zip(axes, panel.sources, strict=False):
            if source.outline:
                axis.set(xlim=(-1.75, 3.2), ylim=(height + 0.3, -1.0))
                title = f"{panel.label}\n{source.label}" if panel.label and source is panel.sources[0] else source.label
                axis.set_title(title)
                _Drawing(axis, source.color, widest).draw(source.outline)
                _note(numbers, panel, source, source.outline)
    return figure


def _height(outline: Outline) -> float:
    """Return the height of a network in units of a layer."""
    return END + BAR + sum(max(stage.layers) - GAP + STAGE_GAP for stage in outline.stages)


def _note(numbers: Numbers, panel: Panel, source: Source, outline: Outline) -> None:
    for number, stage in enumerate(outline.stages, start=1):
        for chain, layers in enumerate(stage.layers):
            numbers.add(panel, source, "layers", member=chain, x=number, y=layers)
        numbers.add(panel, source, "width", x=number, y=stage.width)
        numbers.add(panel, source, "parameters", x=number, y=stage.parameters)
    numbers.add(panel, source, "parameters", x=len(outline.stages) + 1, y=outline.output)


class _Drawing:
    """Draws a network on an axis, downwards.

    Args:
        axis: The axis; a layer is one unit high.
        color: Colour of the layers.
        widest: Width that fills the drawing.
    """

    def __init__(self, axis: Axes, color: str, widest: int):
        self.axis, self.color, self.widest = axis, color, widest
        self.ends: dict[str, float] = {}

    def draw(self, outline: Outline) -> None:
        """Draw all of a network."""
        self._bar(0.0, 0.0, self._half(outline.inputs), color=style.SOFT)
        self._text(BAR / 2, f"{outline.inputs} inputs")
        place, width = END, outline.inputs
        for stage in outline.stages:
            place = self._stage(stage, place, width)
            width = stage.width
        self._line(0.0, place - STAGE_GAP + FORK, place)
        self._bar(0.0, place, self._half(1), color=style.SOFT)
        self._text(place + BAR / 2, f"output · {outline.parameters:,} in all", weight="bold")

    def _half(self, width: int) -> float:
        """Return half the length of a bar."""
        return NARROWEST + (1 - NARROWEST) * math.log(max(width, 1)) / math.log(max(self.widest, 2))

    def _stage(self, stage: Stage, top: float, width: int) -> float:
        """Draw a stage from a height on; return where the next one begins."""
        chains, most = len(stage.layers), max(stage.layers)
        space = (RIGHT - LEFT) / chains
        scale = 1.0 if chains == 1 else 0.8 / chains
        bottom = top + most - GAP
        half = self._half(stage.width) * scale
        centres = [LEFT + (chain + 0.5) * space for chain in range(chains)]
        self._line(0.0, top - STAGE_GAP + FORK, top - FORK)
        for centre, layers in zip(centres, stage.layers, strict=True):
            self._line(centre, top - FORK, bottom + FORK)
            for layer in range(layers):
                self._bar(centre, top + layer, half, color=self.color)
                if stage.skip == "layer":
                    changes = layer == 0 and width != stage.width and stage.merge != "concatenation"
                    self._shortcut(centre + half, top + layer, 1.0, changes=changes)
        if chains > 1:
            for height in (top - FORK, bottom + FORK):
                self._line(centres, height, height)
        if stage.skip == "stage":
            self._shortcut(centres[0] - half - 0.06, top, bottom - top + 0.4, left=True, changes=width != stage.width)
        if stage.skip_from in self.ends:
            start = self.ends[stage.skip_from]
            self._shortcut(LEFT - 0.2, start, top - start + 0.5, left=True, changes=False)
        self.ends[stage.name] = bottom
        self._label(stage, (top + bottom) / 2)
        return bottom + STAGE_GAP

    def _bar(self, centre: float, top: float, half: float, *, color: str) -> None:
        self.axis.add_patch(
            Rectangle((centre - half, top), 2 * half, BAR, facecolor=color, edgecolor="none", alpha=0.9)
        )

    def _line(self, place: float | Sequence[float], start: float, end: float) -> None:
        """Draw a part of the way from layer to layer: down at a place, or across from the first place to the last."""
        across = (place, place) if isinstance(place, float) else (place[0], place[-1])
        self.axis.plot(across, (start, end), color=style.SOFT, linewidth=0.8, zorder=0)

    def _shortcut(self, x: float, top: float, height: float, *, changes: bool, left: bool = False) -> None:
        """Draw an arc around what it spans."""
        bend = "arc3,rad=0.9" if height <= 1 else f"arc3,rad={min(0.9, 2.2 / height):.3f}"
        if not left:
            bend = bend.replace("rad=", "rad=-")
        self.axis.add_patch(
            FancyArrowPatch(
                (x, top - 0.05),
                (x, top + height - 0.2),
                connectionstyle=bend,
                arrowstyle="-|>,head_length=1.6,head_width=1.0",
                linewidth=0.7,
                linestyle=(0, (2.5, 1.2)) if changes else "-",
                color=style.INK,
                shrinkA=0,
                shrinkB=0,
            )
        )

    def _label(self, stage: Stage, middle: float) -> None:
        more = f" · dropout {stage.dropout:g}" if stage.dropout else ""
        merge = f" · {stage.merge}" if stage.merge and len(stage.layers) > 1 else ""
        self._text(middle - 0.42, f"{stage.text}{merge}{more}", weight="bold")
        self._text(middle + 0.42, f"{stage.parameters:,}", color=style.SOFT)

    def _text(self, y: float, text: str, *, color: str = style.INK, weight: str = "normal") -> None:
        self.axis.text(TEXT, y, text, ha="left", va="center", fontsize=6.4, color=color, weight=weight)
