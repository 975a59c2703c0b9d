"""Uncertainty of an ensemble: its spread, intervals calibrated on validation rows, and how well they hold.

Four kinds of intervals around the ensemble's prediction are judged, none of which has seen a test row:

* `spread`: normal, with the spread of the members as standard deviation; nothing is calibrated.
* `absolute`: split conformal (Lei et al., J. Am. Stat. Assoc. 113, 1094, 2018): one half-width for all materials, a
  quantile of the absolute errors of the validation rows.
* `normalised`: the same for errors divided by the spread of the members plus its mean over the validation rows, so that
  half-widths follow the spread and yet are never 0, as where all members predict a gap of 0.
* `grouped`: as `normalised`, calibrated within groups of similar spread (Mondrian: Vovk, Lindsay, Nouretdinov and
  Gammerman, 2003). Where most materials are alike, such as the metals among compounds, the others do hold their level
  only so. One group, and so the same as `normalised`, below 400 validation rows.

A conformal interval holds the level on average if validation and test rows are alike; a validation part that stopped
the training makes it a little too narrow.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from elemflow.core.errors import DataError

LEVELS = tuple(range(5, 100, 5))
"""Levels of the intervals in per cent."""
BINS = 10
"""Groups of equally many test rows, by spread, whose errors are compared with it."""
GROUP_ROWS = 200
"""Fewest validation rows of a group of similar spread; their number limits how exactly 95 % can be calibrated."""
KINDS = ("spread", "absolute", "normalised", "grouped")
USUAL_LEVEL = 90
"""Level in per cent at which groups of test rows are looked at."""


class Rows(NamedTuple):
    """Rows of one part with the predictions of an ensemble, in the unit of the property.

    Attributes:
        error: Absolute error of the ensemble (rows,).
        spread: Sample standard deviation over the members (rows,).
        composition: Composition of each row (rows,); None if each has its own.
    """

    error: np.ndarray
    spread: np.ndarray
    composition: np.ndarray | None = None


def are_enough(compositions: int, level: float) -> bool:
    """Tell whether calibration rows of so many compositions suffice for a level: 9 for 90 %, 19 for 95 %.

    Entries of one composition have similar errors, so that further ones say little of new compositions.
    """
    return _rank(compositions, level) <= compositions


def _rank(count: int, level: float) -> int:
    return math.ceil(level * (count + 1) - 1e-9)  # 0.95 x 20 is 19, whatever its rounding says


def conformal_quantile(scores: np.ndarray, level: float, compositions: int) -> float:
    """Return the smallest score that at least `level` of new scores will not exceed on average.

    Args:
        scores: Scores of the calibration rows (rows,).
        level: Between 0 and 1.
        compositions: How many compositions the rows are of.

    Returns:
        Infinity if these are too few for the level.
    """
    rank = _rank(len(scores), level)
    return float(np.partition(scores, rank - 1)[rank - 1]) if are_enough(compositions, level) else math.inf


class Calibration:
    """What the errors of validation rows say of intervals around an ensemble.

    Args:
        validation: Validation rows of a division.

    Attributes:
        compositions: How many compositions the validation rows are of, in the group of similar spread with the fewest.

    Raises:
        DataError: The members agree in every validation row, so that their spread says nothing.
    """

    def __init__(self, validation: Rows):
        self._usual = float(np.mean(validation.spread))
        if not self._usual > 0:
            raise DataError(
                "the members of an ensemble predict the same values, so their spread says nothing. Use a model that "
                "depends on its seed, or remove `uncertainty` from the protocol."
            )
        self._errors = validation.error
        self._scores = validation.error / (validation.spread + self._usual)
        self._edges = group_edges(validation.spread)
        self._groups = self._group_of(validation.spread)
        rows = np.arange(len(validation.error))
        names = rows if validation.composition is None else validation.composition
        self._all = len(np.unique(names))
        self._in_group = [len(np.unique(names[self._groups == group])) for group in range(len(self._edges) + 1)]
        self.compositions = min(self._in_group)

    def half_width(self, kind: str, level: float, spread: np.ndarray) -> np.ndarray:
        """Return half-widths (rows,), in the unit of the property; infinite where the compositions are too few.

        Args:
            kind: One of `KINDS`.
            level: Between 0 and 1.
            spread: Sample standard deviation over the members (rows,).
        """
        if kind == "spread":
            return NormalDist().inv_cdf((1 + level) / 2) * spread
        if kind == "absolute":
            return np.full(len(spread), conformal_quantile(self._errors, level, self._all))
        if kind == "normalised":
            return conformal_quantile(self._scores, level, self._all) * (spread + self._usual)
        factors = np.array(
            [
                conformal_quantile(self._scores[self._groups == group], level, count)
                for group, count in enumerate(self._in_group)
            ]
        )
        return factors[self._group_of(spread)] * (spread + self._usual)

    def _group_of(self, spread: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._edges, spread, side="left")


def group_edges(spread: np.ndarray) -> np.ndarray:
    """Return the largest spread of each group but the last, in rising order.

    There are at most `BINS` groups, of about equally many rows and never fewer than `GROUP_ROWS` but where there is one
    group alone; rows of equal spread stay together, so that one group can be far larger than the others.

    Args:
        spread: Spread of the validation rows (rows,).
    """
    ordered, edges, start = np.sort(spread), [], 0
    size = max(GROUP_ROWS, math.ceil(len(ordered) / BINS))
    while len(ordered) - start >= size + GROUP_ROWS:
        edge = ordered[start + size - 1]
        start = int(np.searchsorted(ordered, edge, side="right"))
        if len(ordered) - start < GROUP_ROWS:
            break
        edges.append(edge)
    return np.array(edges)


def judge(divisions: Sequence[tuple[Rows, Rows]]) -> dict[str, Any]:
    """Compare the intervals of all divisions with the errors of their test rows.

    Args:
        divisions: Validation and test rows of each division; each is calibrated on its own validation rows.

    Returns:
        By kind of interval: `coverage` (level in per cent -> share of test rows inside), `width` (level -> mean width
        in the unit of the property; None if it is infinite) and `miscalibration_area` (between coverage and level, 0 to
        0.5); `rank_correlation` of error and spread (Spearman; None if either does not vary); `by_spread`, for groups
        of test rows their mean `spread` and `error` and, by kind, the share inside the interval of `USUAL_LEVEL`
        (`coverage`); `n`, the number of test rows.

    Raises:
        DataError: See `Calibration`.
    """
    test = Rows(
        np.concatenate([rows.error for _, rows in divisions]), np.concatenate([rows.spread for _, rows in divisions])
    )
    calibrated = [(Calibration(validation), rows.spread) for validation, rows in divisions]
    judged: dict[str, Any] = {}
    inside: dict[str, np.ndarray] = {}
    for kind in KINDS:
        half = {
            level: np.concatenate([found.half_width(kind, level / 100, spread) for found, spread in calibrated])
            for level in LEVELS
        }
        coverage = {level: float(np.mean(test.error <= half[level])) for level in LEVELS}
        judged[kind] = {
            "coverage": {str(level): share for level, share in coverage.items()},
            "width": {str(level): _finite(2 * np.mean(half[level])) for level in LEVELS},
            "miscalibration_area": _miscalibration_area(coverage),
        }
        inside[kind] = test.error <= half[USUAL_LEVEL]
    order = np.argsort(test.spread, kind="stable")
    groups = [rows for rows in np.array_split(order, BINS) if len(rows)]
    by_spread = [
        {
            "spread": float(np.mean(test.spread[rows])),
            "error": float(np.mean(test.error[rows])),
            "coverage": {kind: float(np.mean(inside[kind][rows])) for kind in KINDS},
        }
        for rows in groups
    ]
    return judged | {
        "n": len(test.error),
        "rank_correlation": _rank_correlation(test.error, test.spread),
        "by_spread": by_spread,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _miscalibration_area(coverage: Mapping[int, float]) -> float:
    """Return the area between coverage and level, both from 0 to 1, as trapezia."""
    levels = np.array([0, *coverage, 100]) / 100
    return float(np.trapezoid(np.abs(np.array([0, *coverage.values(), 1]) - levels), levels))


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of values; equal ones share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
