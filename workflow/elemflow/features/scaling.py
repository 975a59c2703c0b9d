"""Scaling of inputs and targets, fitted on training rows only and stored with the model.

A protocol names a scaling per part of the representation, since fractions, attributes in kelvin and flags share a
matrix; parts that it does not name stay as they are.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from elemflow.config.kinds import ScalingKind
from elemflow.config.protocol import TargetScaling
from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, read_json, write_json

log = logging.getLogger(__name__)

LARGE_INPUT = 100.0
"""Largest absolute input that a network may read without a warning; fractions and scaled columns stay below 10."""
KINDS = ("none", "standard", "quantile", "unit_rows")
LIMIT = 8
"""Standard deviations from the mean to which `unit_rows` clips, so that no outlier has a row of its own length."""
QUANTILES = 1000
"""Most quantiles per column; fewer rows give as many as there are rows."""


@dataclass(frozen=True)
class Scaling:
    """A fitted scaling of all columns of an input matrix.

    Attributes:
        kinds: Kind of each column, an index into `KINDS` (columns,).
        mean: Mean of each `standard` and `unit_rows` column in the training rows, else 0 (columns,).
        deviation: What a column is divided by after that (columns,): for `standard` its standard deviation, or 1 if it
            does not vary; for `unit_rows` that times the root of the part's width, or infinity; else 1.
        quantiles: Values at equally spaced ranks of each `quantile` column (quantiles, quantile columns).
        limit: Largest absolute scaled value (columns,).
    """

    kinds: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    quantiles: np.ndarray
    limit: np.ndarray | float = np.inf

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return scaled inputs.

        A `standard` column gets mean 0 and standard deviation 1 in the training rows, a `quantile` column its rank in
        them between 0 and 1; equal values get the middle of their ranks, values outside are 0 or 1. `unit_rows` is
        `standard`, clipped at ± `LIMIT`, divided by the root of the part's width, so that rows have a length near 1;
        columns that do not vary are 0.

        Args:
            x: Inputs (rows, columns).

        Returns:
            Float32 array (rows, columns); `x` is left as it is.
        """
        scaled = np.asarray((x - self.mean) / self.deviation, dtype=np.float32)
        np.clip(scaled, -self.limit, self.limit, out=scaled)
        ranks = np.linspace(0, 1, len(self.quantiles))
        for column, values in zip(_columns(self.kinds, "quantile"), self.quantiles.T, strict=True):
            from_below = np.interp(x[:, column], values, ranks)
            from_above = 1 - np.interp(-x[:, column], -values[::-1], ranks)
            scaled[:, column] = (from_below + from_above) / 2
        return scaled


def fit_scaling(x: np.ndarray, parts: Sequence[tuple[str, int]], kinds: Mapping[str, ScalingKind]) -> Scaling:
    """Fit a scaling to the training rows of one member.

    Args:
        x: Inputs of the training rows (rows, columns).
        parts: Part and number of its columns, in the order of the representation.
        kinds: Kind by part, as the protocol declares it; a part that is absent has `none`.

    Returns:
        The scaling; the same rows in another order give the same one but for rounding.
    """
    of_columns = np.concatenate([np.full(width, KINDS.index(kinds.get(part, "none"))) for part, width in parts])
    widths = np.concatenate([np.full(width, width) for _, width in parts])
    mean, deviation, limit = np.zeros(x.shape[1]), np.ones(x.shape[1]), np.full(x.shape[1], np.inf)
    unit_rows = _columns(of_columns, "unit_rows")
    standard = np.sort(np.concatenate([_columns(of_columns, "standard"), unit_rows]))
    mean[standard] = x[:, standard].mean(axis=0, dtype=np.float64)
    spread = x[:, standard].std(axis=0, dtype=np.float64)
    # Of a column that does not vary only rounding errors are left; they must not be blown up.
    varies = spread > 1e-6 * np.maximum(np.abs(mean[standard]), 1e-30)
    deviation[standard] = np.where(varies, spread, 1)
    deviation[standard[~varies & np.isin(standard, unit_rows)]] = np.inf
    deviation[unit_rows] *= np.sqrt(widths[unit_rows])
    limit[unit_rows] = LIMIT / np.sqrt(widths[unit_rows])
    ranks = np.linspace(0, 1, min(QUANTILES, len(x)))
    quantiles = np.quantile(x[:, _columns(of_columns, "quantile")].astype(np.float64), ranks, axis=0)
    # Rounded to the inputs' precision, interpolation between equal values gives that value again.
    quantiles = np.maximum.accumulate(quantiles.astype(np.float32), axis=0)
    return Scaling(of_columns, mean, deviation, quantiles, limit)


def warn_of_large_inputs(x: np.ndarray, parts: Sequence[tuple[str, int]]) -> None:
    """Log each part of which a network reads large numbers: its first layers then learn little but their scale.

    Args:
        x: Inputs of the training rows, scaled if they are (rows, columns).
        parts: Part and number of its columns, in the order of the representation.
    """
    first = 0
    for part, width in parts:
        largest = float(np.abs(x[:, first : first + width]).max(initial=0))
        first += width
        if largest > LARGE_INPUT:
            log.warning(
                "features %s reach %.3g unscaled, from which networks learn badly; name a scaling for '%s' in the "
                "protocol, or remove its 'scaling: none', unless this repeats a paper",
                part,
                largest,
                part,
            )


def save_scaling(path: str | Path, scaling: Scaling) -> None:
    """Write a scaling as `.npz`; equal scalings give equal bytes."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(scaling))


def load_scaling(path: str | Path) -> Scaling:
    """Read a scaling that `save_scaling` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return Scaling(**stored)


def _columns(kinds: np.ndarray, kind: str) -> np.ndarray:
    return np.flatnonzero(kinds == KINDS.index(kind))


@dataclass(frozen=True)
class Target:
    """How a model's target follows from the property: (property - center) / scale.

    Attributes:
        center: What is subtracted from the property, in its unit.
        scale: What the rest is divided by, in the property's unit.
        minimum: Lowest prediction, in the property's unit; None for no bound.
    """

    center: float = 0.0
    scale: float = 1.0
    minimum: float | None = None

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return the targets of values of the property, shape (rows,)."""
        return (y - self.center) / self.scale

    def restore(self, predicted: np.ndarray) -> np.ndarray:
        """Return predictions in the property's unit, shape (rows,)."""
        restored = predicted * self.scale + self.center
        return restored if self.minimum is None else np.maximum(restored, self.minimum)


def fit_target(y: np.ndarray, declared: TargetScaling | None, minimum: float | None = None) -> Target:
    """Fit the target to the training rows of one member.

    Args:
        y: The property in the training rows (rows,).
        declared: `target_scaling` of the protocol; None leaves the property as it is.
        minimum: Lowest prediction.

    Raises:
        DataError: The property does not vary, so that nothing can be divided by its spread.
    """
    if declared is None:
        return Target(minimum=minimum)
    center = {"none": 0.0, "mean": np.mean(y), "median": np.median(y)}[declared.center]
    scale = {"none": 1.0, "std": np.std(y)}[declared.scale]
    if not scale > 0:
        raise DataError(
            f"all {len(y)} training rows have the value {y[0]:g}, so the target cannot be divided by its spread. Check "
            "the dataset, or remove `target_scaling.scale` from the protocol."
        )
    return Target(float(center), float(scale), minimum)


def save_target(path: str | Path, target: Target) -> None:
    """Write a target as JSON."""
    write_json(path, asdict(target))


def load_target(path: str | Path) -> Target:
    """Read a target that `save_target` wrote."""
    return Target(**read_json(path))
