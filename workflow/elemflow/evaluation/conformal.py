"""Prediction intervals of an ensemble, calibrated on validation rows, and their coverage of the test rows.

Four kinds of intervals around the ensemble's prediction are compared, none of which depends on a test row:

* `spread`: Gaussian, with the spread of the members as standard deviation; nothing is calibrated.
* `absolute`: split conformal (Lei et al., J. Am. Stat. Assoc. 113, 1094, 2018): one half-width for all materials, a
  quantile of the absolute errors of the validation rows.
* `normalised`: normalised split conformal. The errors are divided by the spread of the members plus its mean over the
  validation rows, so that half-widths follow the spread and are positive even where all members agree.
* `grouped`: Mondrian, that is group-conditional (Vovk, Lindsay, Nouretdinov and Gammerman, 2003): normalised, and
  calibrated within groups of similar spread. Where most materials are alike, such as the metals among compounds, only
  these intervals hold their level for the others. One group, and so the same as `normalised`, below 400 validation
  rows.

Split conformal intervals guarantee marginal coverage only, for exchangeable validation and test rows; a validation set
that was used for early stopping makes them slightly too narrow.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from elemflow.core.errors import DataError
from elemflow.evaluation.records import CoverageReport, IntervalCoverage, SpreadGroup

LEVELS = tuple(range(5, 100, 5))
"""Levels of the intervals in per cent."""
MAX_GROUPS = 10
"""Most groups of validation rows by spread; also the number of groups of test rows whose errors are compared."""
MIN_GROUP_ROWS = 200
"""Fewest validation rows of a group; their number limits how exactly 95 % can be calibrated."""
DEFAULT_LEVEL = 90
"""Level in per cent of new predictions, and of the coverage of groups of test rows."""


class IntervalKind(StrEnum):
    """Kinds of intervals, by their names in `metrics.json`."""

    GAUSSIAN = "spread"
    SPLIT_CONFORMAL = "absolute"
    NORMALISED = "normalised"
    MONDRIAN = "grouped"


class EnsembleRows(NamedTuple):
    """Rows of one role with the errors of an ensemble, in the unit of the property.

    Attributes:
        error: Absolute error of the ensemble (rows,).
        spread: Sample standard deviation over the members (rows,).
        composition: Composition of each row (rows,); None if each has its own.
    """

    error: np.ndarray
    spread: np.ndarray
    composition: np.ndarray | None = None


def enough_for_calibration(compositions: int, level: float) -> bool:
    """Return whether calibration rows of so many compositions suffice for a level: 9 for 90 %, 19 for 95 %.

    Entries of one composition have similar errors, so only their compositions count.
    """
    return _rank(compositions, level) <= compositions


def _rank(count: int, level: float) -> int:
    return math.ceil(level * (count + 1) - 1e-9)  # 0.95 x 20 is 19, whatever its rounding


def conformal_quantile(scores: np.ndarray, level: float, compositions: int) -> float:
    """Return the conformal quantile: the ceil(level · (n + 1))-th smallest of n scores.

    Args:
        scores: Nonconformity scores of the calibration rows (rows,).
        level: Between 0 and 1.
        compositions: Number of different compositions of the rows.

    Returns:
        Infinity if these are too few for the level.
    """
    rank = _rank(len(scores), level)
    if not enough_for_calibration(compositions, level):
        return math.inf
    return float(np.partition(scores, rank - 1)[rank - 1])


class Calibration:
    """Intervals around an ensemble, calibrated on validation rows.

    Args:
        validation: Validation rows of one train/validation/test split.

    Attributes:
        compositions: Number of compositions of the validation rows, in the group of similar spread with the fewest.

    Raises:
        DataError: The members agree in every validation row, so that their spread carries no information.
    """

    def __init__(self, validation: EnsembleRows):
        self._mean_spread = float(np.mean(validation.spread))
        if not self._mean_spread > 0:
            raise DataError(
                "the members of an ensemble predict the same values, so their spread carries no information. Use a "
                "model that depends on its seed, or remove `uncertainty` from the protocol."
            )
        self._errors = validation.error
        self._scores = validation.error / (validation.spread + self._mean_spread)
        self._edges = group_edges(validation.spread)
        self._groups = self._group_of(validation.spread)
        rows = np.arange(len(validation.error))
        names = rows if validation.composition is None else validation.composition
        self._all_compositions = len(np.unique(names))
        self._compositions = [len(np.unique(names[self._groups == group])) for group in range(len(self._edges) + 1)]
        self.compositions = min(self._compositions)

    def half_width(self, kind: IntervalKind, level: float, spread: np.ndarray) -> np.ndarray:
        """Return half-widths (rows,), in the unit of the property; infinite where the compositions are too few.

        Args:
            kind: Kind of the intervals.
            level: Between 0 and 1.
            spread: Sample standard deviation over the members (rows,).
        """
        match kind:
            case IntervalKind.GAUSSIAN:
                return NormalDist().inv_cdf((1 + level) / 2) * spread
            case IntervalKind.SPLIT_CONFORMAL:
                return np.full(len(spread), conformal_quantile(self._errors, level, self._all_compositions))
            case IntervalKind.NORMALISED:
                return conformal_quantile(self._scores, level, self._all_compositions) * (spread + self._mean_spread)
        quantiles = np.array(
            [
                conformal_quantile(self._scores[self._groups == group], level, count)
                for group, count in enumerate(self._compositions)
            ]
        )
        return quantiles[self._group_of(spread)] * (spread + self._mean_spread)

    def _group_of(self, spread: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._edges, spread, side="left")


def group_edges(spread: np.ndarray) -> np.ndarray:
    """Return the largest spread of each group of calibration rows but the last, in increasing order.

    There are at most `MAX_GROUPS` groups of about equally many rows, each of at least `MIN_GROUP_ROWS` unless there is
    one group only; rows of equal spread stay together, so one group can be far larger than the others.

    Args:
        spread: Spread of the validation rows (rows,).
    """
    ordered, edges, start = np.sort(spread), [], 0
    size = max(MIN_GROUP_ROWS, math.ceil(len(ordered) / MAX_GROUPS))
    while len(ordered) - start >= size + MIN_GROUP_ROWS:
        edge = ordered[start + size - 1]
        start = int(np.searchsorted(ordered, edge, side="right"))
        if len(ordered) - start < MIN_GROUP_ROWS:
            break
        edges.append(edge)
    return np.array(edges)


def coverage_report(splits: Sequence[tuple[EnsembleRows, EnsembleRows]]) -> CoverageReport:
    """Compare the intervals of the ensembles of all splits with the errors of their test rows.

    Args:
        splits: Validation and test rows of each split; each ensemble is calibrated on its own validation rows.

    Raises:
        DataError: See `Calibration`.
    """
    error, spread = (np.concatenate([getattr(test, name) for _, test in splits]) for name in ("error", "spread"))
    calibrated = [(Calibration(validation), test.spread) for validation, test in splits]
    kinds: dict[str, IntervalCoverage] = {}
    inside: dict[str, np.ndarray] = {}
    for kind in IntervalKind:
        half = {
            level: np.concatenate([each.half_width(kind, level / 100, of_split) for each, of_split in calibrated])
            for level in LEVELS
        }
        kinds[kind.value] = _interval_coverage(half, error)
        inside[kind.value] = error <= half[DEFAULT_LEVEL]
    order = np.argsort(spread, kind="stable")
    by_spread = [
        SpreadGroup(
            spread=float(np.mean(spread[rows])),
            error=float(np.mean(error[rows])),
            coverage={kind: float(np.mean(inside[kind][rows])) for kind in inside},
        )
        for rows in np.array_split(order, MAX_GROUPS)
        if len(rows)
    ]
    return CoverageReport(**kinds, n=len(error), rank_correlation=_rank_correlation(error, spread), by_spread=by_spread)


def _interval_coverage(half: Mapping[int, np.ndarray], error: np.ndarray) -> IntervalCoverage:
    """Return the coverage of intervals.

    Args:
        half: Half-widths by level in per cent, each (rows,).
        error: Absolute errors (rows,).
    """
    coverage = {level: float(np.mean(error <= widths)) for level, widths in half.items()}
    return IntervalCoverage(
        coverage={str(level): fraction for level, fraction in coverage.items()},
        width={str(level): _finite(2 * np.mean(widths)) for level, widths in half.items()},
        miscalibration_area=_miscalibration_area(coverage),
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _miscalibration_area(coverage: Mapping[int, float]) -> float:
    """Return the area between coverage and level, both from 0 to 1, by the trapezoidal rule."""
    levels = np.array([0, *coverage, 100]) / 100
    return float(np.trapezoid(np.abs(np.array([0, *coverage.values(), 1]) - levels), levels))


def _rank_correlation(error: np.ndarray, spread: np.ndarray) -> float | None:
    """Return the Spearman correlation; None if either does not vary."""
    if np.ptp(error) == 0 or np.ptp(spread) == 0:
        return None
    return float(np.corrcoef(pd.Series(error).rank(), pd.Series(spread).rank())[0, 1])
