"""Applicability: error of the test materials against their distance from the training materials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from elemflow.config.kinds import FigureKind
from elemflow.core.files import read_metadata
from elemflow.core.parquet import read_frame
from elemflow.evaluation.applicability_groups import percentile_groups, read_applicability
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures.panels import Numbers, Panel, Series, grid_of_pairs, legend_below, with_unit

KIND = FigureKind(
    description="Error against the distance from the training materials.",
    inputs=("predictions.parquet", "applicability.parquet"),
)
EXPLANATION = (
    "Above: mean absolute error of the test predictions of all members, by how far a material lies from its nearest "
    "training materials; 80–90 means further than 80 to 90 % of the training materials lie from theirs. Materials with "
    "an element that no training material has are a group of their own. Groups with fewer than 5 predictions are not "
    "drawn. Below: share of the test predictions in each group."
)
EDGES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)
FEWEST = 5


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw error and share by groups of percentiles of the distance."""
    del planned
    figure, pairs = grid_of_pairs(len(panels), width=4.4, height=4)
    handles: dict[str, Artist] = {}
    for (above, below), panel in zip(pairs, panels, strict=True):
        labels: list[str] = []
        for number, series in enumerate(panel.series):
            groups = _group(series)
            labels = [str(label) for label in groups.index]
            place = np.arange(len(groups)) + 0.8 * ((number + 0.5) / len(panel.series) - 0.5)
            enough = (groups["n"] >= FEWEST).to_numpy()
            (handles[series.label],) = above.plot(
                place[enough], groups["mae"][enough], "o-", color=series.color, markersize=4, label=series.label
            )
            below.bar(place, groups["share"], 0.8 / len(panel.series), color=series.color, alpha=0.55)
            x = np.arange(len(groups))
            numbers.add(panel, series, "mean_absolute_error", x=x[enough], y=groups["mae"][enough].to_numpy())
            numbers.add(panel, series, "share", x=x, y=groups["share"].to_numpy(), count=groups["n"].to_numpy())
        unit = panel.series[0].unit
        above.set(title=panel.label, ylim=(0, None))
        above.set_ylabel(with_unit("MAE", unit))
        above.grid(axis="y")
        below.set(xlabel="Percentile of the distance", ylabel="Share")
        below.set_xticks(np.arange(len(labels)), [label.replace(" ", "\n") for label in labels], fontsize="small")
        below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    legend_below(figure, list(handles.values()))
    return figure


def _group(series: Series) -> pd.DataFrame:
    """Return `n`, `share` and `mae` of the test predictions by group."""
    path = series.folder / "applicability.parquet"
    predicted = read_frame(series.folder / "predictions.parquet", role="test")
    predicted["split"] = predicted["member"] // read_metadata(path)["members_per_split"]
    rows = predicted.merge(read_applicability(path), on=["material_id", "split"], validate="many_to_one")
    errors = (rows["y_pred"] - rows["y_true"]).abs()
    groups = errors.groupby(percentile_groups(rows, EDGES), observed=False).agg(["size", "mean"])
    groups.columns = pd.Index(["n", "mae"])
    return groups.assign(share=groups["n"] / len(rows))
