"""Metrics of decisions: scikit-learn as the oracle, weights as repeated rows, intervals that cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from elemflow.stability.metrics import Predictions, Weighted, evaluate, reliability


def predictions(seed=0, n=400, classifier=False):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.1, n)
    predicted = (truth + rng.normal(0, 0.1, n)).round(2)  # with ties
    return Predictions(
        truth=truth,
        predicted=None if classifier else predicted,
        systems=rng.integers(0, n // 3, n),
        n_elements=rng.integers(2, 5, n),
        probability=1 / (1 + np.exp(20 * predicted)) if classifier else None,
        energy_error=None if classifier else np.abs(predicted - truth),
        chemistry=rng.choice(["oxides", "others"], n),
    )


@pytest.mark.parametrize("classifier", [False, True])
def test_scikit_learn_finds_the_same(classifier):
    given_ = predictions(classifier=classifier)
    found = evaluate(given_, replicates=0)
    stable, decided = given_.truth <= 0, given_.decided(0.0)
    assert found.decisions["0"].accuracy == pytest.approx(sk.accuracy_score(stable, decided))
    assert found.decisions["0"].f1 == pytest.approx(sk.f1_score(stable, decided))
    assert found.decisions["0"].precision == pytest.approx(sk.precision_score(stable, decided))
    assert found.decisions["0"].recall == pytest.approx(sk.recall_score(stable, decided))
    assert found.decisions["0"].fpr == pytest.approx(decided[~stable].mean())
    assert found.roc_auc == pytest.approx(sk.roc_auc_score(stable, given_.score))
    assert found.average_precision == pytest.approx(sk.average_precision_score(stable, given_.score))
    assert found.discovery_acceleration == pytest.approx(found.decisions["0"].precision / stable.mean())
    assert ("25" in found.decisions) == (not classifier)
    assert found.intervals == {}
    assert sum(group.n for group in found.by_elements.values()) == len(stable)
    assert found.by_chemistry.keys() == {"oxides", "others"}
    oxides = given_.chemistry == "oxides"
    assert found.by_chemistry["oxides"].f1 == pytest.approx(sk.f1_score(stable[oxides], decided[oxides]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_weights_are_repeated_rows(seed):
    given_ = predictions(seed, n=60)
    weights = np.random.default_rng(seed).integers(0, 3, 60)
    repeated = Weighted(given_.take(np.repeat(np.arange(60), weights)))
    expected = repeated.metrics(np.ones(weights.sum()))
    assert Weighted(given_).metrics(weights.astype(float)) == pytest.approx(expected)


def test_intervals_hold_the_value_and_are_the_same_each_time():
    found = evaluate(predictions(1), replicates=60)
    for name in ("accuracy", "f1", "fpr"):
        low, high = found.intervals[name]
        assert low < getattr(found.decisions["0"], name) < high
    assert found.intervals == evaluate(predictions(1), replicates=60).intervals


def test_probabilities_that_are_right_have_no_calibration_error():
    rng = np.random.default_rng(2)
    chances = rng.random(200_000)
    error, bins = reliability(chances, rng.random(200_000) < chances)
    assert error < 0.01
    assert sum(each.n for each in bins) == 200_000
    assert reliability(np.full(10, 1.0), np.zeros(10, dtype=bool))[0] == 1


def test_one_kind_of_compound_has_no_ranking():
    given_ = Predictions(np.array([-0.1, -0.2]), np.array([-0.1, 0.3]), np.array(["a", "b"]), np.array([2, 2]))
    found = evaluate(given_, replicates=3)
    assert (found.roc_auc, found.average_precision, found.decisions["0"].fpr) == (None, None, None)
    assert found.precision_at == {"100": None, "1000": None}


def test_nothing_predicted_is_refused():
    with pytest.raises(ValueError, match="P"):
        Predictions(np.zeros(1), None, np.zeros(1), np.ones(1))
