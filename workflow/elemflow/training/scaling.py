"""Scaling of the inputs, fitted on training rows only and stored with the model.

A protocol names a scaling per part of the representation, since fractions, attributes in kelvin and flags share a
matrix; parts that it does not name stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elemflow.files import atomic_path

KINDS = ("none", "standard", "quantile")
QUANTILES = 1000
"""Most quantiles per column; fewer rows give as many as there are rows."""


@dataclass(frozen=True)
class Scaling:
    """A fitted scaling of all columns of an input matrix.

    Attributes:
        kinds: Kind of each column, an index into `KINDS` (columns,).
        mean: Mean of each `standard` column in the training rows, else 0 (columns,).
        deviation: Standard deviation of each `standard` column, 1 where it does not vary (columns,).
        quantiles: Values at equally spaced ranks of each `quantile` column (quantiles, quantile columns).
    """

    kinds: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    quantiles: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return scaled inputs.

        A `standard` column gets mean 0 and standard deviation 1 in the training rows, a `quantile` column its rank in
        them between 0 and 1; equal values get the middle of their ranks, values outside are 0 or 1.

        Args:
            x: Inputs (rows, columns).

        Returns:
            Float32 array (rows, columns); `x` is left as it is.
        """
        scaled = np.asarray((x - self.mean) / self.deviation, dtype=np.float32)
        ranks = np.linspace(0, 1, len(self.quantiles))
        for column, values in zip(_columns(self.kinds, "quantile"), self.quantiles.T, strict=True):
            from_below = np.interp(x[:, column], values, ranks)
            from_above = 1 - np.interp(-x[:, column], -values[::-1], ranks)
            scaled[:, column] = (from_below + from_above) / 2
        return scaled


def fit_scaling(x: np.ndarray, parts: Sequence[tuple[str, int]], kinds: Mapping[str, str]) -> Scaling:
    """Fit a scaling to the training rows of one member.

    Args:
        x: Inputs of the training rows (rows, columns).
        parts: Part and number of its columns, in the order of the representation.
        kinds: Kind by part, as the protocol declares it; a part that is absent has `none`.

    Returns:
        The scaling; the same rows in another order give the same one but for rounding.
    """
    of_columns = np.concatenate([np.full(width, KINDS.index(kinds.get(part, "none"))) for part, width in parts])
    mean, deviation = np.zeros(x.shape[1]), np.ones(x.shape[1])
    standard = _columns(of_columns, "standard")
    mean[standard] = x[:, standard].mean(axis=0, dtype=np.float64)
    spread = x[:, standard].std(axis=0, dtype=np.float64)
    # Of a column that does not vary only rounding errors are left; they must not be blown up.
    varies = spread > 1e-6 * np.maximum(np.abs(mean[standard]), 1e-30)
    deviation[standard] = np.where(varies, spread, 1)
    ranks = np.linspace(0, 1, min(QUANTILES, len(x)))
    quantiles = np.quantile(x[:, _columns(of_columns, "quantile")].astype(np.float64), ranks, axis=0)
    # Rounded to the inputs' precision, interpolation between equal values gives that value again.
    return Scaling(of_columns, mean, deviation, np.maximum.accumulate(quantiles.astype(np.float32), axis=0))


def save_scaling(path: str | Path, scaling: Scaling) -> None:
    """Write a scaling as `.npz`; equal scalings give equal bytes."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(scaling))


def load_scaling(path: str | Path) -> Scaling:
    """Read what `save_scaling` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return Scaling(**stored)


def _columns(kinds: np.ndarray, kind: str) -> np.ndarray:
    return np.flatnonzero(kinds == KINDS.index(kind))
