"""Scaling of inputs and targets against scikit-learn, and what it must not see."""

import numpy as np
import pytest

from elemflow.config.protocol import TargetScaling
from elemflow.core.errors import DataError
from elemflow.features.scaling import (
    Target,
    fit_scaling,
    fit_target,
    load_scaling,
    load_target,
    save_scaling,
    save_target,
    warn_of_large_inputs,
)

PARTS = [("st", 3), ("pa", 4), ("ef", 2)]
KINDS = {"st": "quantile", "pa": "standard"}


@pytest.fixture
def rows() -> np.ndarray:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 9)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1])  # many equal values
    x[:, 4] *= 1000
    x[:, 5] = 300.1  # does not vary
    return x


def test_values_are_those_of_scikit_learn(rows):
    from sklearn.preprocessing import QuantileTransformer, StandardScaler

    train, other = rows[:300], rows[300:]
    scaled = fit_scaling(train, PARTS, KINDS).apply(other)
    assert scaled.dtype == np.float32
    quantile = QuantileTransformer(n_quantiles=300).fit(train[:, :3].astype(float))
    expected = quantile.transform(other[:, :3].astype(float))
    np.testing.assert_allclose(scaled[:, [0, 2]], expected[:, [0, 2]], atol=1e-6)
    # scikit-learn parts equal values by rounding errors, and gives 0 and 1 to all that equal the extremes.
    inside = (expected[:, 1] > 0) & (expected[:, 1] < 1)
    np.testing.assert_allclose(scaled[inside, 1], expected[inside, 1], atol=2 / 300)
    standard = StandardScaler().fit(train[:, 3:7].astype(float))
    np.testing.assert_allclose(scaled[:, [3, 4, 6]], standard.transform(other[:, 3:7])[:, [0, 1, 3]], atol=1e-5)
    np.testing.assert_allclose(scaled[:, 5], 0, atol=1e-4)
    np.testing.assert_array_equal(scaled[:, 7:], other[:, 7:])


def test_equal_values_get_the_middle_of_their_ranks():
    x = np.array([[0], [1], [1], [1], [2]], dtype=np.float32)
    np.testing.assert_allclose(fit_scaling(x, [("pa", 1)], {"pa": "quantile"}).apply(x).T, [[0, 0.5, 0.5, 0.5, 1]])


def test_nothing_declared_changes_nothing(rows):
    before = rows.copy()
    np.testing.assert_array_equal(fit_scaling(rows, PARTS, {}).apply(rows), before)
    fit_scaling(rows, PARTS, KINDS).apply(rows)
    np.testing.assert_array_equal(rows, before)


def test_the_training_rows_alone_decide(rows):
    changed = rows.copy()
    changed[300:] *= 7
    one, other = (fit_scaling(x[:300], PARTS, KINDS) for x in (rows, changed))
    np.testing.assert_array_equal(one.apply(rows), other.apply(rows))
    assert np.abs(one.apply(rows) - fit_scaling(rows, PARTS, KINDS).apply(rows)).max() > 0


def test_values_outside_the_training_rows_stay_within_the_ranks(rows):
    scaling = fit_scaling(rows, [("pa", 9)], {"pa": "quantile"})
    outside = np.stack([np.full(9, -1e6), np.full(9, 1e6)]).astype(np.float32)
    np.testing.assert_array_equal(scaling.apply(outside), np.stack([np.zeros(9), np.ones(9)]))


def test_it_is_stored_with_the_model(rows, tmp_path):
    scaling = fit_scaling(rows, PARTS, KINDS)
    save_scaling(tmp_path / "a.npz", scaling)
    save_scaling(tmp_path / "b.npz", scaling)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.testing.assert_array_equal(load_scaling(tmp_path / "a.npz").apply(rows), scaling.apply(rows))


def test_one_training_row():
    x = np.ones((1, 2), dtype=np.float32)
    for kind in ("standard", "quantile", "unit_rows"):
        assert np.isfinite(fit_scaling(x, [("pa", 2)], {"pa": kind}).apply(x)).all()


def test_unit_rows_are_standardised_clipped_and_divided_by_the_root_of_the_width(rows):
    rows[7, 6] = 1e6
    scaling = fit_scaling(rows[:300], PARTS, {"st": "standard", "pa": "unit_rows"})
    standard = fit_scaling(rows[:300], PARTS, {"st": "standard", "pa": "standard"}).apply(rows)
    scaled = scaling.apply(rows)
    np.testing.assert_allclose(scaled[:, 3:7] * 2, np.clip(standard[:, 3:7], -8, 8), rtol=1e-5, atol=1e-6)
    assert scaled[7, 6] == 4
    np.testing.assert_array_equal(scaled[:, 5], 0)
    np.testing.assert_array_equal(scaled[:, :3], standard[:, :3])


def test_a_column_that_does_not_vary_is_0_in_unit_rows_whatever_comes_later(rows):
    scaling = fit_scaling(rows, PARTS, {"pa": "unit_rows"})
    rows[0, 5] = 9000
    assert scaling.apply(rows)[0, 5] == 0


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (None, Target()),
        ({"center": "none", "scale": "none"}, Target()),
        ({"center": "median", "scale": "std"}, Target(2.0, np.std([1, 2, 6]))),
        ({"center": "mean", "scale": "none"}, Target(3.0)),
    ],
)
def test_a_target_follows_from_the_training_rows(declared, expected, tmp_path):
    y = np.array([1.0, 2.0, 6.0])
    target = fit_target(y, declared and TargetScaling.model_validate(declared))
    assert target == expected
    np.testing.assert_allclose(target.restore(target.apply(y)), y)
    save_target(tmp_path / "target.json", target)
    assert load_target(tmp_path / "target.json") == target


def test_predictions_do_not_fall_below_the_bound():
    np.testing.assert_array_equal(Target(1.0, 2.0, 0.0).restore(np.array([-2.0, 0.0])), [0, 1])


def test_a_property_that_does_not_vary_has_no_scale():
    with pytest.raises(DataError, match="all 3 training rows have the value 2"):
        fit_target(np.full(3, 2.0), TargetScaling(center="median", scale="std"))


def test_large_unscaled_inputs_are_named(rows, caplog):
    warn_of_large_inputs(rows, PARTS)
    assert [record.args[0] for record in caplog.records] == ["pa"]
    caplog.clear()
    warn_of_large_inputs(fit_scaling(rows, PARTS, {"pa": "unit_rows"}).apply(rows), PARTS)
    assert not caplog.records
