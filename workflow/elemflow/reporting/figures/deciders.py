"""How figures call and colour what decides on stability."""

from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Panel, Series
from elemflow.stability.records import (
    ALL_NETWORKS,
    BLEND,
    ENERGY,
    HULL,
    HULL_CLASSIFIER,
    SECOND_STAGE,
    SECOND_STAGE_CLASSIFIER,
    SUBSTITUTION,
    TRAINED,
    TRAINED_CLASSIFIER,
)

SHORT = {
    ENERGY: "energy",
    SUBSTITUTION: "exchanged elements, no model",
    HULL: "trees of the hull",
    HULL_CLASSIFIER: "trees of the hull, P(stable)",
    BLEND: "mean of energy and trees",
    SECOND_STAGE: "trees of hull and energy",
    SECOND_STAGE_CLASSIFIER: "trees of hull and energy, P(stable)",
    ALL_NETWORKS: "energy, all networks",
    TRAINED: "trees of the predicted hull",
    TRAINED_CLASSIFIER: "trees of the predicted hull, P(stable)",
}
"""Deciders in legends."""
LINES = (
    "-",
    "--",
    ":",
    "-.",
    (0, (1, 3)),
    (0, (6, 2, 1, 2)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (1, 1)),
    (0, (5, 4)),
)
"""Styles of lines, one per decider."""
MARKS = ("o-", "s--", "^:", "D-.", "v-", "x--", "P:", "<-.", ">-", "*--")
"""Styles of lines with marks, one per decider."""


def look_of(panel: Panel, series: Series, decider: str) -> tuple[str, str]:
    """Return label and colour of a decider: its own colour where a panel has one run, that of the run otherwise."""
    if len(panel.series) > 1:
        return f"{series.label}: {SHORT[decider]}", series.color
    return SHORT[decider], style.pick_color(list(SHORT).index(decider))
