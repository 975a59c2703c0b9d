"""Intervals of a head, calibrated on held-out compositions, symmetric in what the head learns.

Split conformal with two refinements. Errors are divided by the spread of the networks plus its mean, so that widths
follow the spread. And they are calibrated in groups of similar predictions: most gaps are 0 and predicted so, and the
small errors of metals say nothing about those of the other compositions.
"""

from typing import NamedTuple

import numpy as np

from elemflow.evaluation.conformal import conformal_quantile, group_edges

MOST_ROWS = 3_000
"""Most held-out rows of a head that are stored for its intervals."""


class Calibrated(NamedTuple):
    """Held-out rows of a head, as its targets are transformed.

    Attributes:
        error: Absolute errors (rows,).
        spread: Sample standard deviations over the networks (rows,); NaN for one network.
        predicted: Predictions (rows,).
    """

    error: np.ndarray
    spread: np.ndarray
    predicted: np.ndarray

    def take(self, rows: np.ndarray) -> "Calibrated":
        """Return some of the rows."""
        return Calibrated(self.error[rows], self.spread[rows], self.predicted[rows])


class HeadIntervals:
    """Intervals around the mean of some networks.

    Args:
        rows: Held-out rows.
        level: Level in per cent.
    """

    def __init__(self, rows: Calibrated, level: int):
        spread = _usable(rows.spread)
        self._mean_spread = float(np.mean(spread)) or 1.0
        self._edges = group_edges(rows.predicted)
        groups, scores = self._group_of(rows.predicted), rows.error / (spread + self._mean_spread)
        of_groups = (scores[groups == group] for group in range(len(self._edges) + 1))
        self._quantiles = np.array([conformal_quantile(scores, level / 100, len(scores)) for scores in of_groups])

    @property
    def are_bounded(self) -> bool:
        """Whether there are enough held-out rows for the level, in every group."""
        return bool(np.isfinite(self._quantiles).all())

    def half_width(self, predicted: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Return half-widths (rows,); infinite where there are too few held-out rows for the level.

        Args:
            predicted: Predictions (rows,).
            spread: Sample standard deviation over the networks (rows,).
        """
        return self._quantiles[self._group_of(predicted)] * (_usable(spread) + self._mean_spread)

    def _group_of(self, predicted: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._edges, predicted, side="left")


def cross_coverage(rows: Calibrated, level: int) -> tuple[float, np.ndarray] | None:
    """Return which part of some rows their intervals hold, each half calibrated on the other, and the half-widths.

    Args:
        rows: Held-out rows in a random order.
        level: Level in per cent.

    Returns:
        Coverage and half-widths (rows,); None if a half is too small for the level.
    """
    half = np.arange(len(rows.error)) % 2 == 0
    widths = np.empty(len(rows.error))
    for part in (half, ~half):
        if not part.any() or part.all():
            return None
        widths[part] = HeadIntervals(rows.take(~part), level).half_width(rows.predicted[part], rows.spread[part])
    if not np.isfinite(widths).all():
        return None
    return float(np.mean(rows.error <= widths)), widths


def _usable(spread: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(spread), 1.0, spread)
