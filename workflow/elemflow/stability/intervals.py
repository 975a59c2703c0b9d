"""Conformal intervals of ΔHd and sets of labels, calibrated on the other folds of a run.

What widens an interval is how far two deciders disagree that share no model: the predicted energy, and trees that read
the known hull alone. The kinds are those of `elemflow.evaluation.conformal`, with the disagreement in place of the
spread.
"""

from collections.abc import Sequence

import numpy as np

from elemflow.evaluation.conformal import Calibration, EnsembleRows, IntervalKind, conformal_quantile, group_edges
from elemflow.stability.records import LEVEL, IntervalCoverage, Intervals, LabelSets

KINDS = (IntervalKind.SPLIT_CONFORMAL, IntervalKind.NORMALISED, IntervalKind.MONDRIAN)
_LEVEL = LEVEL / 100
FEWEST = 20
"""Fewest compounds of a fold with intervals, twice what the level needs."""


def interval_report(errors: Sequence[np.ndarray], disagreement: Sequence[np.ndarray]) -> Intervals:
    """Measure the intervals of each fold by calibration on the others, and calibrate those of new compounds on all.

    Args:
        errors: Absolute errors of ΔHd by fold, each (tested,), eV/atom.
        disagreement: Disagreement of the two deciders by fold, each (tested,), eV/atom.
    """
    folds = [EnsembleRows(*pair) for pair in zip(errors, disagreement, strict=True)]
    half: dict[str, list[np.ndarray]] = {kind.value: [] for kind in KINDS}
    for number, fold in enumerate(folds):
        calibrated = Calibration(_joined([each for place, each in enumerate(folds) if place != number]))
        for kind in KINDS:
            half[kind.value].append(calibrated.half_width(kind, _LEVEL, fold.spread))
    everything = _joined(folds)
    edges, mean, quantiles = grouped_quantiles(everything.error, everything.spread)
    return Intervals(
        kinds={
            kind: coverage_of(np.concatenate(widths), everything.error) for kind, widths in half.items()
        },
        edges=edges,
        mean=mean,
        quantiles=quantiles,
    )  # fmt: skip


def coverage_of(half: np.ndarray, error: np.ndarray) -> IntervalCoverage:
    """Return coverage and mean width of intervals of some half-widths (rows,), for absolute errors (rows,)."""
    return IntervalCoverage(coverage=float(np.mean(error <= half)), width=float(2 * np.mean(half)))


def grouped_quantiles(
    error: np.ndarray, disagreement: np.ndarray
) -> tuple[tuple[float, ...], float, tuple[float, ...]]:
    """Return edges, mean disagreement and quantiles of `Intervals` for errors and disagreements (rows,)."""
    mean = float(disagreement.mean())
    edges = group_edges(disagreement)
    groups = np.searchsorted(edges, disagreement, side="left")
    scores = error / (disagreement + mean)
    sizes = np.bincount(groups, minlength=len(edges) + 1)
    quantiles = [conformal_quantile(scores[groups == group], _LEVEL, size) for group, size in enumerate(sizes.tolist())]
    return tuple(edges.tolist()), mean, tuple(quantiles)


def half_widths(intervals: Intervals, disagreement: np.ndarray) -> np.ndarray:
    """Return the half-widths for new compounds (rows,), eV/atom."""
    groups = np.searchsorted(np.array(intervals.edges), disagreement, side="left")
    return np.array(intervals.quantiles)[groups] * (disagreement + intervals.mean)


def set_report(probability: Sequence[np.ndarray], stable: Sequence[np.ndarray]) -> LabelSets:
    """Measure the sets of labels of each fold by calibration on the others; those of new compounds are of all.

    Args:
        probability: P(stable) by fold, each (tested,).
        stable: Whether each compound is stable, by fold, each (tested,), boolean.
    """
    may: list[tuple[np.ndarray, np.ndarray]] = []
    for number, own in enumerate(probability):
        others = [place for place in range(len(probability)) if place != number]
        limits = label_limits(
            *(np.concatenate([values[place] for place in others]) for values in (probability, stable))
        )
        may.append((own >= limits[0], own <= limits[1]))
    may_be_stable, may_be_unstable = (np.concatenate(each) for each in zip(*may, strict=True))
    truth = np.concatenate(stable)
    lowest, highest = label_limits(np.concatenate(probability), truth)
    return LabelSets(
        coverage_stable=_share(may_be_stable[truth]),
        coverage_unstable=_share(may_be_unstable[~truth]),
        decided=float(np.mean(may_be_stable ^ may_be_unstable)),
        lowest_stable=lowest,
        highest_stable=highest,
    )


def label_limits(probability: np.ndarray, stable: np.ndarray) -> tuple[float, float]:
    """Return the P(stable) from which a compound may be stable, and up to which it may be unstable.

    Args:
        probability: P(stable) of calibration rows (rows,).
        stable: Whether each is stable (rows,), boolean.
    """
    # The scores are P(stable) itself: 1 - (1 - P) is rounded, and would leave out all that have just this P.
    lowest = -conformal_quantile(-probability[stable], _LEVEL, int(stable.sum()))
    highest = conformal_quantile(probability[~stable], _LEVEL, int((~stable).sum()))
    return max(0.0, lowest), min(1.0, highest)


def _share(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _joined(folds: Sequence[EnsembleRows]) -> EnsembleRows:
    return EnsembleRows(np.concatenate([each.error for each in folds]), np.concatenate([each.spread for each in folds]))
