"""Calibration falls with ΔHd and meets the shares; models of trees are the same each time."""

import numpy as np

from elemflow.stability.second_stage import Calibration, TreeModels


def test_probabilities_fall_with_the_distance_from_the_hull():
    rng = np.random.default_rng(0)
    predicted = rng.normal(0, 0.1, 5000)
    stable = rng.random(5000) < 1 / (1 + np.exp(40 * predicted))
    calibration = Calibration.fit(predicted, stable)
    at = calibration(np.linspace(-1, 1, 201))
    assert (np.diff(at) <= 1e-12).all()
    assert at.min() >= 0
    assert at.max() <= 1
    assert abs(calibration(np.array([0.0]))[0] - 0.5) < 0.07
    assert abs(calibration(predicted).mean() - stable.mean()) < 1e-6


def test_equal_inputs_give_equal_models():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(600, 4))
    y = x[:, 0] * 0.1 + rng.normal(0, 0.02, 600)
    first, second = (TreeModels.fit(x, y).predict(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    decomposition, probability = first
    assert np.abs(decomposition - y).mean() < np.abs(y - y.mean()).mean() / 2
    assert ((probability > 0.5) == (y <= 0)).mean() > 0.8
