"""What every kind of figure is made of: panels, series, and the numbers they draw."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from elemflow.reporting import style
from elemflow.reporting import text as words
from elemflow.reporting.results import Score

Array = npt.NDArray[np.float64]

NUMBER_COLUMNS = ["panel", "series", "run", "unit", "quantity", "member", "x", "y", "count"]


@dataclass(frozen=True)
class Source:
    """What is drawn in one colour: a dataset, or a run with a result (`Series`).

    Attributes:
        label: Name in the legend.
        run: Path of a run below `results/runs/`; empty for a dataset.
        dataset: Id of the dataset.
        property: Id of the property, if one is drawn.
        property_title: Its name.
        unit: Its unit.
        color: Colour in every panel of the figure.
        materials: The materials of the dataset, for kinds that read them.
    """

    label: str
    run: str
    dataset: str
    property: str
    property_title: str
    unit: str
    color: str
    materials: Path | None


@dataclass(frozen=True)
class Series(Source):
    """One series of a panel: a run with a result.

    Attributes:
        folder: Folder of the run.
        published: Printed error, if the paper has one.
        published_text: The same as printed.
        score: Errors on the test set.
    """

    folder: Path
    published: float | None
    published_text: str | None
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
    """Collect what is drawn, one line per point, for the CSV beside the figure."""

    frames: list[pd.DataFrame] = field(default_factory=list)

    def add(self, panel: Panel, series: Source, quantity: str, **values: Any) -> None:
        """Add points; `values` are `x`, `y`, `member` and `count`, as scalars or arrays of one length."""
        length = max(np.size(value) for value in values.values())
        frame = pd.DataFrame({name: np.broadcast_to(value, length) for name, value in values.items()})
        about = {"panel": panel.label, "series": series.label, "run": series.run, "unit": series.unit}
        self.frames.append(frame.assign(**about, quantity=quantity))

    def to_csv(self) -> str:
        """Return the points with the columns of `NUMBER_COLUMNS`."""
        frame = pd.concat(self.frames, ignore_index=True) if self.frames else pd.DataFrame()
        frame = frame.reindex(columns=NUMBER_COLUMNS).astype({"member": "Int64", "count": "Int64"})
        return frame.to_csv(index=False, float_format="%.7g", lineterminator="\n")


def format_score(score: Score) -> str:
    """Write a mean, and its spread if there is one, with three digits."""
    decimals = words.count_decimals(score.mean)
    mean = words.format_number(score.mean, decimals)
    return mean if score.sd is None else f"{mean} ± {words.format_number(score.sd, decimals)}"


def grid_of_axes(count: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Make `count` panels of a size in inches, at most three beside each other and four as a square."""
    columns = 2 if count == 4 else min(count, 3)  # noqa: PLR2004
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


def mark_empty(axis: Axes, reason: str) -> None:
    """Say in a panel why it is empty."""
    axis.set_axis_off()
    axis.text(0.5, 0.5, reason, ha="center", va="center", color=style.SOFT, transform=axis.transAxes)


def with_unit(quantity: str, unit: str) -> str:
    """Write an axis label."""
    return f"{quantity} ({unit})" if unit not in ("", "1") else quantity
