"""What every kind of figure is made of: panels, series, and the numbers they draw."""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from elemflow.core.outline import Outline
from elemflow.core.spreadsheet import guard_frame
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.results import Score

Array = npt.NDArray[np.float64]

TEXT_GAP = 8  # pixels between texts
UNDER_LABEL = 32  # points from an axis to below its ticks and label
NUMBER_COLUMNS = ["panel", "series", "run", "unit", "quantity", "member", "x", "y", "count"]


@dataclass(frozen=True)
class Source:
    """What is drawn in one colour: a dataset, or a run with a result (`Series`).

    Attributes:
        label: Name in the legend.
        run: Path of a run below `results/runs/`; empty for a dataset.
        dataset: Id of the dataset.
        dataset_title: Name of the dataset as the study has it, which may be read from another (`read_from`).
        property: Id of the property; empty if none is drawn.
        property_title: Its name.
        unit: Its unit.
        color: Colour in every panel of the figure.
        materials: The materials of the dataset, for kinds that read them.
        outline: The network of a model, for kinds that draw networks.
    """

    label: str
    run: str
    dataset: str
    dataset_title: str
    property: str
    property_title: str
    unit: str
    color: str
    materials: Path | None
    outline: Outline | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Series(Source):
    """One series of a panel: a run with a result.

    Attributes:
        representation: Parts of the representation, joined with +.
        protocol: Id of the protocol.
        folder: Folder of the run.
        split: Its split, for kinds that read it.
        published: Printed error, if the paper has one.
        published_text: The same as printed.
        published_size: Materials that the paper had, if it says so.
        score: Errors on the test set.
    """

    representation: str
    protocol: str
    folder: Path
    split: Path | None
    published: float | None
    published_text: str | None
    published_size: int | None
    score: Score


@dataclass(frozen=True)
class Panel:
    """One panel of a figure: runs of one dataset and property, or datasets.

    Attributes:
        label: Title.
        series: Runs with a result.
        sources: Datasets, in kinds that draw datasets.
    """

    label: str
    series: tuple[Series, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass
class Numbers:
    """Collect what is drawn, one line per point, for the csv of the figure."""

    frames: list[pd.DataFrame] = field(default_factory=list)

    def add(self, panel: Panel, series: Source, quantity: str, unit: str | None = None, **values: Any) -> None:
        """Add points; `values` are `x`, `y`, `member` and `count`, as scalars or arrays of one length.

        The `unit` is that of the property if none is given.
        """
        length = max(np.size(value) for value in values.values())
        frame = pd.DataFrame({name: np.broadcast_to(value, length) for name, value in values.items()})
        about = {
            "panel": panel.label,
            "series": series.label,
            "run": series.run,
            "unit": series.unit if unit is None else unit,
        }
        self.frames.append(frame.assign(**about, quantity=quantity))

    def to_csv(self) -> str:
        """Return the points with the columns of `NUMBER_COLUMNS`."""
        frame = pd.concat(self.frames, ignore_index=True) if self.frames else pd.DataFrame()
        frame = frame.reindex(columns=NUMBER_COLUMNS).astype({"member": "Int64", "count": "Int64"})
        return guard_frame(frame).to_csv(index=False, float_format="%.7g", lineterminator="\n")


def format_score(score: Score) -> str:
    """Write a mean, and its spread if there is one, with three digits."""
    decimals = words.count_decimals(score.mean)
    mean = words.format_number(score.mean, decimals)
    return mean if score.sd is None else f"{mean} ± {words.format_number(score.sd, decimals)}"


def grid_of_axes(count: int, width: float, height: float, columns: int = 0) -> tuple[Figure, list[Axes]]:
    """Make `count` panels of a size in inches in so many columns, or in those of `_count_columns`."""
    columns = columns or _count_columns(count)
    rows = -(-count // columns)
    figure, grid = style.plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08),
    )
    axes = list(grid.flat)
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def grid_of_pairs(count: int, width: float, height: float) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Make `count` panels of a size in inches, each of two axes above each other with one horizontal axis."""
    columns = _count_columns(count)
    rows = -(-count // columns)
    figure, grid = style.plt.subplots(
        2 * rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        height_ratios=[3, 2] * rows,
        layout=ConstrainedLayoutEngine(w_pad=0.1),
    )
    pairs = [pair for row in range(rows) for pair in zip(grid[2 * row], grid[2 * row + 1], strict=True)]
    for above, below in pairs[:count]:
        below.sharex(above)
        above.tick_params(labelbottom=False)
    for axis in itertools.chain(*pairs[count:]):
        axis.set_axis_off()
    return figure, pairs[:count]


def _count_columns(count: int) -> int:
    """Return how many of so many panels stand next to each other: at most three, and four as a square."""
    return 2 if count == 4 else min(count, 3)  # noqa: PLR2004


def mark_empty(axis: Axes, reason: str) -> None:
    """Say in a panel why it is empty."""
    axis.set_axis_off()
    axis.text(0.5, 0.5, reason, ha="center", va="center", color=style.SOFT, transform=axis.transAxes)


def legend_below(figure: Figure | SubFigure, handles: Sequence[Artist], *, right: bool = False, **look: Any) -> float:
    """Put a legend below all panels, as wide as the figure allows; return its height in inches.

    A figure grows by that height, so that no panel shrinks; who has panels of panels lets it grow by the sum.
    """
    height = 0.0
    for rows in range(1, len(handles) + 1):
        columns = -(-len(handles) // rows)
        legend = figure.legend(
            handles=handles,
            loc="outside lower right" if right else "outside lower left",
            ncols=columns,
            columnspacing=1.6,
            **look,
        )
        box = legend.get_window_extent()
        height = float(box.height / figure.dpi)
        if columns == 1 or box.width <= figure.bbox.width:
            break
        legend.remove()
    if isinstance(figure, Figure):
        figure.set_figheight(figure.get_figheight() + height)
    return height


def legend_under(axis: Axes, **look: Any) -> Legend:
    """Put a legend below a panel, under the label of its horizontal axis."""
    figure = axis.get_figure(root=True)
    assert figure is not None  # noqa: S101  for mypy: an axis that is drawn has one
    below = axis.transAxes + ScaledTranslation(0, -UNDER_LABEL / 72, figure.dpi_scale_trans)
    return axis.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, borderaxespad=0, **look)


def wrap_labels(figure: Figure) -> None:
    """Break titles that run into the next panel or out of the figure, and long labels of vertical axes, into lines."""
    for _ in range(3):  # lines take room, and with less room there may be more of them
        figure.draw_without_rendering()
        axes = [axis for axis in figure.axes if axis.axison]
        changed = [_wrap(axis.set_title(axis.get_title("left"), loc="left"), _title_room(axis, axes)) for axis in axes]
        changed += [_wrap(axis.yaxis.label, axis.get_window_extent().height + TEXT_GAP) for axis in axes]
        if not any(changed):
            return


def _title_room(axis: Axes, axes: Sequence[Axes]) -> float:
    """Return the pixels from the left of a panel to the next panel in its row, or to the edge of the figure."""
    own, figure = axis.get_window_extent(), axis.get_figure(root=True)
    assert figure is not None  # noqa: S101  for mypy
    places = [other.get_window_extent() for other in axes]
    right = [place for place in places if place.x0 > own.x1 and place.y0 < own.y1 and place.y1 > own.y0]
    return float(min([figure.bbox.x1, *(place.x0 - TEXT_GAP for place in right)]) - own.x0)


def _wrap(label: Text, room: float) -> bool:
    """Break a text at ` · `, or at any space where that is not enough, and return whether its lines have changed."""
    before = label.get_text()
    text = " ".join(before.split())
    upright = label.get_rotation() == 90  # noqa: PLR2004  degrees

    def fits(line: str) -> bool:
        label.set_text(line)
        box = label.get_window_extent()
        return bool((box.height if upright else box.width) <= room)

    lines = [text]
    for pieces in ([text], re.split("(?<=·) ", text), text.split()):
        lines = _fill(pieces, fits)
        if all(fits(line) for line in lines):
            break
    label.set_text("\n".join(lines))
    return label.get_text() != before


def _fill(pieces: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    lines = list(pieces[:1])
    for piece in pieces[1:]:
        joined = f"{lines[-1]} {piece}"
        lines = [*lines[:-1], joined] if fits(joined) else [*lines, piece]
    return lines


def count_ticks(axis: Axes, values: Sequence[float]) -> None:
    """Set the ticks of a logarithmic horizontal axis at these counts, as many as fit without touching.

    The first and the last stay. Call it when the limits and the size of the panel are known.
    """
    places = sorted(set(values))
    text = axis.text(0, 0, "", fontsize=style.plt.rcParams["xtick.labelsize"])

    def span(value: float) -> tuple[float, float]:
        text.set_text(f"{value:,.0f}")
        half = text.get_window_extent().width / 2 + TEXT_GAP / 2
        middle = axis.transData.transform((value, 1))[0]
        return middle - half, middle + half

    kept = places[:1]
    last = span(places[-1])[0]
    for value in places[1:]:
        low, high = span(value)
        if span(kept[-1])[1] <= low and (value == places[-1] or high <= last):
            kept.append(value)
    text.remove()
    axis.xaxis.set_major_locator(FixedLocator(kept))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.xaxis.set_minor_locator(FixedLocator([value for value in places if value not in kept]))
    axis.xaxis.set_minor_formatter(NullFormatter())


def round_ticks(axis: Axes) -> None:
    """Give a logarithmic horizontal axis of counts over less than two decades few round ticks, others decades alone."""
    low, high = axis.get_xlim()
    axis.xaxis.set_minor_formatter(NullFormatter())  # the default labels so many multiples that they touch
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if high < 100 * low:
        axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    if high < 10 * low:
        axis.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axis.xaxis.set_minor_locator(NullLocator())


def with_unit(quantity: str, unit: str) -> str:
    """Write an axis label."""
    return f"{quantity} ({unit})" if unit not in ("", "1") else quantity
