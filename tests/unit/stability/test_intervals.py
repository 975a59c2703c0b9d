"""Intervals and sets of labels hold their level on exchangeable folds, and follow the disagreement of two deciders."""

import numpy as np
import pytest

from elemflow.stability.intervals import (
    grouped_quantiles,
    half_widths,
    interval_report,
    label_limits,
    set_report,
)


def make_folds(n=4, size=3000, seed=0):
    rng = np.random.default_rng(seed)
    disagreement = [rng.gamma(2.0, 0.02, size) for _ in range(n)]
    return [np.abs(rng.normal(0, each)) for each in disagreement], disagreement


def test_every_kind_holds_its_level_and_the_grouped_one_is_narrower():
    found = interval_report(*make_folds())
    for kind, coverage in found.kinds.items():
        assert coverage.coverage == pytest.approx(0.9, abs=0.01), kind
    assert found.kinds["grouped"].width < 0.9 * found.kinds["absolute"].width


def test_new_compounds_get_the_width_of_their_group():
    errors, disagreement = make_folds()
    found = interval_report(errors, disagreement)
    fresh_errors, fresh = (each[0] for each in make_folds(1, 20_000, seed=1))
    half = half_widths(found, fresh)
    assert np.mean(fresh_errors <= half) == pytest.approx(0.9, abs=0.01)
    widest = fresh > np.quantile(fresh, 0.9)
    assert np.mean(fresh_errors[widest] <= half[widest]) == pytest.approx(0.9, abs=0.03)
    assert half[np.argmax(fresh)] > half[np.argmin(fresh)]


def test_a_fold_is_calibrated_on_the_others_alone():
    errors, disagreement = make_folds(2)
    first = interval_report(errors, disagreement).kinds["absolute"]
    errors[0] = errors[0] * 100  # its own errors widen the other fold, and never cover themselves
    second = interval_report(errors, disagreement).kinds["absolute"]
    assert first.coverage == pytest.approx(0.9, abs=0.02)
    assert second.coverage < 0.6


def test_groups_have_edges_between_them():
    errors, disagreement = (each[0] for each in make_folds(1))
    edges, mean, quantiles = grouped_quantiles(errors, disagreement)
    assert len(quantiles) == len(edges) + 1
    assert list(edges) == sorted(edges)
    assert mean == pytest.approx(disagreement.mean())


def test_sets_of_labels_hold_their_level_for_either_label():
    rng = np.random.default_rng(3)
    chances = [rng.beta(0.6, 0.9, 5000) for _ in range(3)]
    stable = [rng.random(5000) < each for each in chances]
    found = set_report(chances, stable)
    assert found.coverage_stable == pytest.approx(0.9, abs=0.02)
    assert found.coverage_unstable == pytest.approx(0.9, abs=0.02)
    assert 0.4 < found.decided < 1
    assert 0 < found.lowest_stable < found.highest_stable < 1


def test_too_few_of_a_label_leave_it_open():
    lowest, highest = label_limits(np.array([0.2, 0.8, 0.9]), np.array([False, True, True]))
    assert (lowest, highest) == (0.0, 1.0)


@pytest.mark.parametrize("chance", [0.3, 0.15, 0.7])
def test_compounds_with_just_the_limiting_probability_may_be_either(chance):
    probability = np.repeat([chance / 2, chance, chance * 1.2], [5, 50, 45])
    lowest, _ = label_limits(np.append(probability, 0.1), np.arange(101) < 100)
    _, highest = label_limits(np.append(probability[::-1], 0.9), np.arange(101) == 100)
    assert np.mean(probability >= lowest) >= 0.9
    assert np.mean(probability <= highest) >= 0.9


def test_there_is_no_coverage_of_a_label_that_no_compound_has():
    chances = [np.linspace(0.1, 0.4, 50)] * 2
    found = set_report(chances, [np.zeros(50, bool)] * 2)
    assert found.coverage_stable is None
    assert found.coverage_unstable > 0.8
