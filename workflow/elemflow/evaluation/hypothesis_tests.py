"""Hypothesis tests for two models A and B that were evaluated on the same materials.

Differences are error of A minus error of B, so that negative numbers favour A. All p values are one-tailed: the null
hypothesis is that A is no better than B. Sources: Nadeau and Bengio, Mach. Learn. 52, 239 (2003); Dietterich, Neural
Comput. 10, 1895 (1998); Holm, Scand. J. Stat. 6, 65 (1979).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95
"""Level of the bootstrap interval."""
FIVE_BY_TWO = (5, 2)
"""Repetitions and folds of the 5x2cv t-test."""
_DRAWS_AT_ONCE = 4_000_000
"""Resampled numbers in memory."""
MIN_DIFFERENCES = 2
"""Fewest differences of a t-test."""


@dataclass(frozen=True)
class TTest:
    """Result of a t-test.

    Attributes:
        t: Statistic; infinite if the differences are all equal and not zero.
        df: Degrees of freedom.
        p: One-tailed p value.
    """

    t: float
    df: int
    p: float


def corrected_resampled_t_test(differences: Sequence[float], test_to_train: float) -> TTest:
    """Return the corrected resampled t-test, for splits whose training sets overlap (Nadeau and Bengio).

    t = mean(d) / sqrt((1/J + n_test/n_train) var(d)) with J - 1 degrees of freedom; var has the divisor J - 1.

    Args:
        differences: Difference of each of J train/test splits, J > 1.
        test_to_train: n_test/n_train; 1 for 2-fold cross-validation. 0 gives the ordinary paired t-test.

    Raises:
        ValueError: There are fewer than two differences.
    """
    d = np.asarray(differences, dtype=np.float64)
    if len(d) < MIN_DIFFERENCES:
        raise ValueError("a t-test needs at least two differences")
    return _t_test(float(d.mean()), (1 / len(d) + test_to_train) * _variance(d), len(d) - 1)


def corrected_resampled_interval(
    differences: Sequence[float], test_to_train: float, level: float
) -> tuple[float, float]:
    """Return the two-sided interval of a mean difference that belongs to the corrected resampled t-test.

    Args:
        differences: Difference of each of J train/test splits, J > 1.
        test_to_train: n_test/n_train.
        level: Its confidence level, such as 0.9.

    Raises:
        ValueError: There are fewer than two differences.
    """
    d = np.asarray(differences, dtype=np.float64)
    if len(d) < MIN_DIFFERENCES:
        raise ValueError("an interval over splits needs at least two differences")
    error = math.sqrt((1 / len(d) + test_to_train) * _variance(d))
    mean, half = float(d.mean()), float(special.stdtrit(len(d) - 1, (1 + level) / 2)) * error
    return mean - half, mean + half


def five_by_two_cv_t_test(differences: Sequence[Sequence[float]]) -> TTest:
    """Return the 5x2cv t-test: five repetitions of 2-fold cross-validation (Dietterich).

    t = d[1,1] / sqrt(sum over i of s_i² / 5) with 5 degrees of freedom, where s_i² is the sum over the two folds j of
    (d[i,j] - mean(d[i]))².

    Args:
        differences: Difference of each repetition and fold, shape (5, 2).

    Raises:
        ValueError: The shape is another.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.shape != FIVE_BY_TWO:
        raise ValueError(f"the 5x2cv test needs differences of shape (5, 2), not {d.shape}")
    variances = ((d - d.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return _t_test(float(d[0, 0]), float(variances.mean()), FIVE_BY_TWO[0])


def _variance(d: Array) -> float:
    """Return the sample variance, exactly 0 where all numbers are equal."""
    return 0.0 if np.ptp(d) == 0 else float(d.var(ddof=1))


def _t_test(difference: float, variance: float, df: int) -> TTest:
    t = difference / math.sqrt(variance) if variance else math.copysign(math.inf, difference) if difference else 0.0
    return TTest(t, df, float(special.stdtr(df, t)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values of a family of tests, adjusted by the Holm-Bonferroni method.

    The k-th smallest of m becomes the largest of min(1, (m - i + 1) p_i) over i ≤ k. A test is significant
    at level α within the family if its adjusted p value is at most α.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def cohens_d(differences: Sequence[float]) -> float:
    """Return Cohen's d of paired differences, mean(d) / sd(d), with the sample standard deviation over splits."""
    d = np.asarray(differences, dtype=np.float64)
    variance = _variance(d)
    return float(d.mean()) / math.sqrt(variance) if variance else math.copysign(math.inf, d.mean()) if d.any() else 0.0


def clustered_bootstrap_interval(
    sums: Array, counts: Array, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Return the percentile interval of the clustered bootstrap of a mean difference, at `CONFIDENCE_LEVEL`.

    The clusters are test compositions: each is resampled with all predictions of its materials, as those are not
    independent. The statistic is the sum of the differences over the sum of their counts.

    Args:
        sums: Sum of the differences of each composition over its materials and their members, shape (compositions,).
        counts: Number of these differences, shape (compositions,).
        seed: Equal seeds give equal intervals.
        resamples: Number of resamples.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // len(sums))
    means = []
    for start in range(0, resamples, at_once):
        drawn = generator.integers(len(sums), size=(min(at_once, resamples - start), len(sums)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2])
    return float(low), float(high)
