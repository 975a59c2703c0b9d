import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from elemflow.evaluation import hypothesis_tests as tests

numbers = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3))
differences = st.lists(numbers, min_size=2, max_size=20)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def student_cdf(t, df):
    """Distribution of Student's t by summing its density, independent of scipy."""
    density = math.gamma((df + 1) / 2) / (math.sqrt(df * math.pi) * math.gamma(df / 2))
    x = np.linspace(0, abs(t), 20_001)
    area = np.trapezoid(density * (1 + x**2 / df) ** (-(df + 1) / 2), x)
    return 0.5 + math.copysign(area, t)


def test_corrected_test_of_five_by_two_folds_equals_its_formula():
    d = [-0.010, -0.014, -0.006, -0.012, -0.008, -0.011, -0.009, -0.013, -0.005, -0.012]
    found = tests.corrected_resampled_t_test(d, test_to_train=1)
    mean, sd = -0.010, math.sqrt(sum((x + 0.010) ** 2 for x in d) / 9)
    assert found.t == pytest.approx(mean / (1.0488088 * sd), rel=1e-6)
    assert found.df == 9
    assert found.p == pytest.approx(student_cdf(found.t, 9), abs=1e-7)


def test_critical_value_of_nine_degrees_of_freedom():
    # mean -1.833 standard errors; the correction turns sd into sqrt(1.1) sd
    noise = np.array([-1.0, 1.0] * 5) / np.sqrt(10 / 9)
    found = tests.corrected_resampled_t_test(list(noise - 1.833113 * math.sqrt(1.1)), test_to_train=1)
    assert found.p == pytest.approx(0.05, abs=1e-6)


@given(differences)
def test_without_correction_it_is_the_paired_t_test(d):
    if len(set(d)) > 1:
        expected = stats.ttest_1samp(d, 0, alternative="less")
        found = tests.corrected_resampled_t_test(d, 0)
        assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)


@given(differences, st.floats(0, 5))
def test_exchanging_the_models_mirrors_the_test(d, ratio):
    one = tests.corrected_resampled_t_test(d, ratio)
    other = tests.corrected_resampled_t_test([-x for x in d], ratio)
    assert other.t == pytest.approx(-one.t)
    assert one.p + other.p == pytest.approx(1)
    assert abs(one.t) <= abs(tests.corrected_resampled_t_test(d, 0).t) + 1e-9  # the correction never helps


@pytest.mark.parametrize(("value", "t", "p"), [(0.0, 0, 0.5), (-0.1, -math.inf, 0), (0.1, math.inf, 1)])
def test_equal_differences(value, t, p):
    assert tests.corrected_resampled_t_test([value] * 10, 1) == tests.TTest(t, 9, p)
    assert tests.five_by_two_cv_t_test([[value] * 2] * 5) == tests.TTest(t, 5, p)
    assert tests.cohens_d([value] * 10) == t


def test_too_few_differences_are_refused():
    with pytest.raises(ValueError, match="at least two"):
        tests.corrected_resampled_t_test([0.1], 1)
    with pytest.raises(ValueError, match=r"\(5, 2\)"):
        tests.five_by_two_cv_t_test([[0.1, 0.2]] * 4)


def test_five_by_two_test_equals_its_formula():
    d = [[-0.02, -0.04], [-0.01, -0.03], [-0.05, -0.03], [-0.02, -0.02], [-0.03, -0.01]]
    squares = [((a - b) ** 2) / 2 for a, b in d]  # of two numbers about their mean
    found = tests.five_by_two_cv_t_test(d)
    assert found.t == pytest.approx(-0.02 / math.sqrt(sum(squares) / 5))
    assert found.df == 5
    assert found.p == pytest.approx(student_cdf(found.t, 5), abs=1e-7)


def test_holm_by_hand():
    assert tests.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
def test_holm_is_no_smaller_than_p_no_larger_than_bonferroni_and_keeps_the_order(p):
    adjusted = tests.holm(p)
    assert all(a <= b <= min(1, a * len(p)) + 1e-12 for a, b in zip(p, adjusted, strict=True))
    assert [adjusted[i] for i in np.argsort(p, kind="stable")] == sorted(adjusted)


@given(p_values, st.floats(0.001, 0.2))
def test_holm_rejects_what_the_stepwise_procedure_rejects(p, alpha):
    rejected = set()
    for k, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] * (len(p) - k) > alpha:
            break
        rejected.add(int(index))
    assert {i for i, value in enumerate(tests.holm(p)) if value <= alpha} == rejected


def test_bootstrap_interval_agrees_with_the_normal_one_and_with_its_seed():
    values = np.random.default_rng(3).normal(0.2, 1, 800)
    ones = np.ones(800)
    low, high = tests.clustered_bootstrap_interval(values, ones, seed=1)
    half = 1.96 * values.std() / math.sqrt(800)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)
    assert tests.clustered_bootstrap_interval(values, ones, seed=1) == (low, high)
    assert tests.clustered_bootstrap_interval(values, ones, seed=2) != (low, high)


def test_bootstrap_draws_whole_materials():
    # Ten predictions of each material, all equal, carry no more information than one.
    values = np.random.default_rng(3).normal(0, 1, 100)
    assert tests.clustered_bootstrap_interval(10 * values, np.full(100, 10.0), 1) == pytest.approx(
        tests.clustered_bootstrap_interval(values, np.ones(100), 1)
    )


def test_bootstrap_of_many_materials_goes_in_pieces(monkeypatch):
    monkeypatch.setattr(tests, "_DRAWS_AT_ONCE", 100)
    low, high = tests.clustered_bootstrap_interval(np.full(300, 0.5), np.ones(300), 1, resamples=7)
    assert (low, high) == (0.5, 0.5)


@given(p_values)
def test_holm_agrees_with_statsmodels(p):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert tests.holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1], abs=1e-12)


def test_the_bootstrap_agrees_with_that_of_scipy():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 5, 300).astype(float)
    sums = counts * rng.normal(0.1, 1, 300)
    expected = stats.bootstrap(
        (sums, counts), lambda s, c, axis: s.sum(axis) / c.sum(axis), paired=True, method="percentile",
        n_resamples=5000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    found = tests.clustered_bootstrap_interval(sums, counts, seed=2, resamples=5000)
    assert found == pytest.approx(expected, abs=0.01)


@given(differences, st.floats(0, 5), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_interval_over_splits_holds_what_its_test_does_not_refuse(d, ratio, level):
    low, high = tests.corrected_resampled_interval(d, ratio, level)
    assert low <= np.mean(d) <= high
    p = tests.corrected_resampled_t_test(d, ratio).p
    if min(abs(p - (1 - level) / 2), abs(p - (1 + level) / 2)) > 1e-9:
        assert (low <= 0 <= high) == ((1 - level) / 2 < p < (1 + level) / 2)


def test_an_interval_over_splits_needs_two():
    with pytest.raises(ValueError, match="at least two"):
        tests.corrected_resampled_interval([0.1], 0.1, 0.9)
