"""Metrics of decisions whether compounds are stable, with intervals of a clustered bootstrap over chemical systems."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from elemflow.stability.records import TOLERANCES, Decision, Group, Metrics, ReliabilityBin

BINS = 15
"""Bins of P(stable) of the expected calibration error."""
REPLICATES = 300
"""Replicates of the bootstrap."""
SEED = 2020
_RANKED = (100, 1000)
_HALF = 0.5
_MEV = 1000.0
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class Predictions:
    """Predictions for some compounds, one entry each.

    Attributes:
        truth: True ΔHd (n,), eV/atom.
        predicted: Predicted ΔHd (n,), eV/atom; None for a classifier.
        systems: Chemical system (n,), anything that compares.
        n_elements: Number of elements (n,).
        probability: P(stable) (n,); None without one. It decides and ranks for a classifier.
        energy_error: Absolute error of the energy (n,), eV/atom; None without a predicted energy.
        chemistry: Class of compounds (n,), text; None without any.
    """

    truth: np.ndarray
    predicted: np.ndarray | None
    systems: np.ndarray
    n_elements: np.ndarray
    probability: np.ndarray | None = None
    energy_error: np.ndarray | None = None
    chemistry: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.predicted is None and self.probability is None:
            raise ValueError("neither ΔHd nor P(stable) is predicted")

    def take(self, rows: np.ndarray) -> "Predictions":
        """Return the entries of some compounds."""
        kept: dict[str, Any] = {name: None if value is None else value[rows] for name, value in vars(self).items()}
        return Predictions(**kept)

    @property
    def score(self) -> np.ndarray:
        """What the compounds are ranked by, the higher the more stable (n,)."""
        if self.predicted is not None:
            return -self.predicted
        assert self.probability is not None  # noqa: S101  see __post_init__
        return self.probability

    def decided(self, tolerance: float) -> np.ndarray | None:
        """Return whether each compound is predicted to be stable up to a tolerance in eV/atom; None if unknown."""
        if self.predicted is not None:
            return self.predicted <= tolerance
        return self.score >= _HALF if tolerance == 0 else None


def evaluate(predictions: Predictions, replicates: int = REPLICATES) -> Metrics:
    """Compute all metrics of some predictions.

    Args:
        predictions: One entry per compound, one at least.
        replicates: Replicates of the bootstrap; 0 for no intervals.
    """
    weighted = Weighted(predictions)
    point = weighted.metrics(np.ones(len(predictions.truth)))
    stable = predictions.truth <= 0
    ranked = stable[np.argsort(-predictions.score, kind="stable")]
    error, bins = reliability(predictions.probability, stable)
    precision, prevalence = point["precision"], float(stable.mean())
    return Metrics(
        n=len(stable),
        systems=len(weighted.system_names),
        prevalence=prevalence,
        mae_energy=_mean(predictions.energy_error),
        mae_decomposition=point["mae_decomposition"],
        decisions={str(mev): decided for mev in TOLERANCES if (decided := decide(predictions, mev / _MEV))},
        roc_auc=point["roc_auc"],
        average_precision=point["average_precision"],
        precision_at={str(k): float(ranked[:k].mean()) if len(ranked) >= k else None for k in _RANKED},
        discovery_acceleration=precision / prevalence if precision is not None and prevalence else None,
        calibration_error=error,
        reliability=bins,
        intervals=weighted.intervals(replicates),
        by_elements=_by_group(predictions, predictions.n_elements),
        by_chemistry={} if predictions.chemistry is None else _by_group(predictions, predictions.chemistry),
    )


def decide(predictions: Predictions, tolerance: float) -> Decision | None:
    """Return the decisions at a tolerance in eV/atom, the same for truth and prediction; None for a classifier's."""
    decided = predictions.decided(tolerance)
    if decided is None:
        return None
    return Decision(**_rates(predictions.truth <= tolerance, decided, np.ones(len(decided))))


def reliability(probability: np.ndarray | None, stable: np.ndarray) -> tuple[float | None, list[ReliabilityBin]]:
    """Return the expected calibration error of P(stable) (n,), and the bins of equal width that it is the mean of."""
    if probability is None:
        return None, []
    places = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    filled = np.flatnonzero(counts)
    means = np.bincount(places, probability, minlength=BINS)[filled] / counts[filled]
    shares = np.bincount(places, stable, minlength=BINS)[filled] / counts[filled]
    bins = [
        ReliabilityBin(probability=mean, stable=share, n=n)
        for mean, share, n in zip(means.tolist(), shares.tolist(), counts[filled].tolist(), strict=True)
    ]
    return float(np.abs(means - shares) @ counts[filled] / len(stable)), bins


@dataclass(frozen=True)
class Weighted:
    """Metrics of predictions where compounds have weights; what does not depend on them is computed once."""

    predictions: Predictions
    stable: np.ndarray = field(init=False)
    order: np.ndarray = field(init=False)
    ties: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        score = self.predictions.score
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        ties = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        for name, value in (("stable", self.predictions.truth <= 0), ("order", order), ("ties", ties)):
            object.__setattr__(self, name, value)

    @cached_property
    def system_names(self) -> np.ndarray:
        """The chemical systems."""
        return np.unique(self.predictions.systems)

    @cached_property
    def _clusters(self) -> np.ndarray:
        return np.searchsorted(self.system_names, self.predictions.systems)

    def metrics(self, weights: np.ndarray) -> dict[str, float | None]:
        """Return the metrics that have an interval, by name, for weights (n,)."""
        given = self.predictions
        decided = given.decided(0.0)
        assert decided is not None  # noqa: S101  there always is a decision at 0
        roc_auc, average_precision = self.areas(weights)
        error = None if given.predicted is None else np.abs(given.predicted - given.truth)
        return {
            "mae_decomposition": None if error is None else float(weights @ error / weights.sum()),
            "mae_energy": None if given.energy_error is None else float(weights @ given.energy_error / weights.sum()),
            **_rates(self.stable, decided, weights),
            "roc_auc": roc_auc,
            "average_precision": average_precision,
        }

    def areas(self, weights: np.ndarray) -> tuple[float | None, float | None]:
        """Return the areas under the ROC and the precision-recall curve; compounds of one score count together."""
        true = np.add.reduceat((weights * self.stable)[self.order], self.ties)
        false = np.add.reduceat((weights * ~self.stable)[self.order], self.ties)
        positives, negatives = true.sum(), false.sum()
        if positives == 0 or negatives == 0:
            return None, None
        found = np.cumsum(true)
        precision = found / np.maximum(found + np.cumsum(false), np.finfo(float).tiny)
        below = negatives - np.cumsum(false) + false / 2
        return float(true @ below / (positives * negatives)), float(true @ precision / positives)

    def intervals(self, replicates: int) -> dict[str, tuple[float, float]]:
        """Return the 95 % interval of each metric, by drawing chemical systems with replacement."""
        if not replicates:
            return {}
        rng = np.random.default_rng(SEED)
        n = len(self.system_names)
        drawn: dict[str, list[float]] = {}
        for _ in range(replicates):
            weights = np.bincount(rng.integers(0, n, n), minlength=n)[self._clusters].astype(np.float64)
            for name, value in self.metrics(weights).items():
                if value is not None:
                    drawn.setdefault(name, []).append(value)
        return {name: tuple(np.quantile(values, _QUANTILES).tolist()) for name, values in drawn.items()}


def _rates(stable: np.ndarray, decided: np.ndarray, weights: np.ndarray) -> dict[str, float | None]:
    """Return the fields of `Decision` for truth, decision and weights (n,)."""
    true_positive = float(weights @ (stable & decided))
    false_positive = float(weights @ (~stable & decided))
    positives, total = float(weights @ stable), float(weights.sum())
    false_negative = positives - true_positive
    return {
        "accuracy": _ratio(total - false_positive - false_negative, total),
        "f1": _ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative),
        "precision": _ratio(true_positive, true_positive + false_positive),
        "recall": _ratio(true_positive, positives),
        "fpr": _ratio(false_positive, total - positives),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _mean(values: np.ndarray | None) -> float | None:
    return None if values is None else float(values.mean())


def _by_group(predictions: Predictions, groups: np.ndarray) -> dict[str, Group]:
    found = {}
    for group in np.unique(groups).tolist():
        rows = predictions.take(np.flatnonzero(groups == group))
        values = Weighted(rows).metrics(np.ones(len(rows.truth)))
        shown = {name: values[name] for name in ("mae_decomposition", "accuracy", "f1", "fpr", "roc_auc")}
        found[str(group)] = Group(n=len(rows.truth), prevalence=float((rows.truth <= 0).mean()), **shown)
    return found
