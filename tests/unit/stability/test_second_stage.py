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


def test_a_first_estimate_is_corrected_and_kept_in_the_file(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 3))
    y = x[:, 1] + 0.1 * (x[:, 0] > 0)
    models = TreeModels.fit(x, y, 1)
    far = np.column_stack((x[:, 0], np.full(600, 100.0), x[:, 2]))  # beyond all that was learned
    np.testing.assert_allclose(models.predict(far)[0], 100 + 0.1 * (x[:, 0] > 0), atol=0.02)
    models.write(tmp_path / "a.trees", {})
    again, _ = TreeModels.read(tmp_path / "a.trees")
    assert again.start == 1
    np.testing.assert_array_equal(again.predict(x), models.predict(x))
