"""Intervals of a head, calibrated on held-out compositions, symmetric in what the head learns."""

import numpy as np

from elemflow.evaluation.conformal import Calibration, EnsembleRows, IntervalKind

MOST_ROWS = 2_000
"""Most held-out rows of a head that are stored for its intervals."""


class HeadIntervals:
    """Intervals around the mean of some networks.

    Args:
        rows: Absolute errors and spreads of held-out compositions, as the targets are transformed (2, rows); a spread
            of NaN stands for one network, whose intervals have one width.
        level: Level in per cent.
    """

    def __init__(self, rows: np.ndarray, level: int):
        error, spread = rows.astype(np.float64)
        self._calibration = Calibration(EnsembleRows(error, _usable(spread)))
        self._level = level / 100

    def half_width(self, spread: np.ndarray) -> np.ndarray:
        """Return half-widths (rows,); infinite where there are too few held-out rows for the level.

        Args:
            spread: Sample standard deviation over the networks (rows,).
        """
        return self._calibration.half_width(IntervalKind.MONDRIAN, self._level, _usable(spread))


def cross_coverage(rows: np.ndarray, level: int) -> tuple[float, np.ndarray] | None:
    """Return which part of some rows their intervals hold, each half calibrated on the other, and the half-widths.

    Args:
        rows: See `HeadIntervals`.
        level: Level in per cent.

    Returns:
        Coverage and half-widths (rows,); None if a half is too small for the level.
    """
    half = np.arange(rows.shape[1]) % 2 == 0
    widths = np.empty(rows.shape[1])
    for part in (half, ~half):
        widths[part] = HeadIntervals(rows[:, ~part], level).half_width(rows[1, part])
    if not np.isfinite(widths).all():
        return None
    return float(np.mean(rows[0] <= widths)), widths


def _usable(spread: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(spread), 1.0, spread)
