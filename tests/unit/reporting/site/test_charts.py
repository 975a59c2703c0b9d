import re

import numpy as np
import pytest

from elemflow.reporting.site.charts import HEIGHT, LEFT, TOP, WIDTH, draw_curves, draw_parity


def points_of(chart, look):
    [path] = [mark.path for mark in chart.marks if mark.look == look]
    return np.array([[float(number) for number in pair] for pair in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path)])


def test_points_lie_where_their_values_are():
    true = np.array([0.0, 1.0, 2.0])
    chart = draw_parity(true, true[::-1], "eV")
    points = points_of(chart, "points")
    places = {tick.label: tick.at for tick in chart.x_ticks}, {tick.label: tick.at for tick in chart.y_ticks}
    assert points[:, 0] == pytest.approx([places[0][label] for label in ("0", "1.0", "2.0")], abs=0.1)
    assert points[:, 1] == pytest.approx([places[1][label] for label in ("2.0", "1.0", "0")], abs=0.1)
    assert chart.x_title == "true (eV)"


def test_predictions_outside_are_counted_not_drawn():
    chart = draw_parity(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1e9]), "eV")
    assert len(points_of(chart, "points")) == 2
    assert chart.note.startswith("1 of 3")


def test_many_points_are_counted_in_squares():
    true = np.random.default_rng(0).normal(size=200_000)
    chart = draw_parity(true, true + 0.1, "eV")
    marks = [mark for mark in chart.marks if mark.look.startswith("squares")]
    assert [mark.look for mark in marks] == sorted({mark.look for mark in marks})
    assert sum(len(mark.path) for mark in marks) < 40_000
    places = np.concatenate([points_of(chart, mark.look) for mark in marks])
    assert places.min(axis=0)[0] >= LEFT
    assert places.max(axis=0)[0] <= LEFT + WIDTH
    assert places.min(axis=0)[1] >= TOP - 1


@pytest.mark.parametrize("value", [0.0, -3.0, 2e6])
def test_equal_values_can_be_drawn(value):
    values = np.full(3, value)
    chart = draw_parity(values, values, "eV")
    assert np.isfinite(points_of(chart, "points")).all()
    assert chart.x_ticks
    chart = draw_curves({"0": (np.array([1.0]), np.array([value]))}, "epoch", "MAE")
    assert np.isfinite(points_of(chart, "best c0")).all()


def test_curves_are_thinned_but_keep_their_lowest_and_last_point():
    epochs = np.arange(1.0, 3001.0)
    errors = 1 + np.abs(epochs - 777) / 100
    chart = draw_curves({str(member): (epochs, errors) for member in range(10)}, "epoch", "MAE")
    curves = [mark for mark in chart.marks if mark.look.startswith("curve")]
    assert len(curves) == 10
    assert sum(mark.path.count("L") for mark in curves) < 1700
    curve, best = points_of(draw_curves({"0": (epochs, errors)}, "epoch", "MAE"), "curve c0"), points_of(
        draw_curves({"0": (epochs, errors)}, "epoch", "MAE"), "best c0"
    )  # fmt: skip
    assert curve[:, 1].max() == best[0, 1]  # down is larger
    assert curve[-1, 0] == LEFT + WIDTH


def test_epochs_are_whole_numbers_and_steep_curves_logarithmic():
    chart = draw_curves({"0": (np.array([1.0, 2.0]), np.array([10.0, 0.1]))}, "epoch", "MAE")
    assert [tick.label for tick in chart.x_ticks] == ["1", "2"]
    at = {tick.label: tick.at for tick in chart.y_ticks}
    assert at["0.1"] - at["1"] == pytest.approx(at["1"] - at["10"], abs=0.2)
    assert all(TOP - 0.1 <= tick.at <= TOP + HEIGHT + 0.1 for tick in chart.y_ticks)


def test_labels_of_an_axis_have_as_many_decimals():
    chart = draw_curves({"0": (np.array([1.0, 2.0]), np.array([0.59, 0.71]))}, "trial", "MAE")
    assert [tick.label for tick in chart.y_ticks] == ["0.60", "0.65", "0.70"]


def test_labels_of_large_values_are_those_of_their_places():
    values = np.array([100_000.0, 190_000.0, 300_000.0])
    chart = draw_parity(values, values, "J/mol")
    labels = [tick.label for tick in chart.x_ticks]
    assert labels == ["1e+05", "1.5e+05", "2e+05", "2.5e+05", "3e+05"]
    places = [tick.at for tick in chart.x_ticks]
    steps = np.diff(places) / np.diff([float(label) for label in labels])
    assert steps == pytest.approx(np.full(4, steps[0]), rel=1e-2)
