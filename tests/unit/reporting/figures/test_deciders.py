"""Every decider has a name and styles of its own, so that none is left out of a figure."""

import matplotlib as mpl
from matplotlib.figure import Figure

from elemflow.reporting.figures.deciders import LINES, MARKS, SHORT
from elemflow.reporting.figures.kinds.stability_curves import GAP, _mark
from elemflow.stability.records import DECIDERS


def test_every_decider_has_a_name_and_styles():
    assert set(SHORT) == set(DECIDERS)
    for styles in (LINES, MARKS):
        assert len(set(map(str, styles))) == len(styles) >= len(DECIDERS)


def test_names_of_points_stay_beside_them_unless_they_would_cover_each_other():
    mpl.use("agg")
    axis = Figure().add_subplot()
    _mark(axis, [(0.1, 0.5, "a"), (0.12, 0.5, "b"), (0.8, 0.5, "c"), (0.1, 0.2, "d")], GAP)
    height = {text.get_text(): text.get_position()[1] for text in axis.texts}
    assert height["a"] == height["c"] == 0.5 - GAP / 2
    assert height["b"] == height["a"] - GAP
    assert height["d"] == 0.2 - GAP / 2
