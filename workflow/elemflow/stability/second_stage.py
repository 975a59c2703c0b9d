"""Models of the second stage: boosted trees from the known hull around a compound to ΔHd and P(stable)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import lightgbm

SEED = 2020
_COMMON: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 40,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.7,
    "verbosity": -1,
    "num_threads": 1,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
}
TREES = {"regression_l1": 600, "binary": 300}
"""Number of trees by objective."""


@dataclass(frozen=True)
class TreeModels:
    """A model of ΔHd and one of P(stable)."""

    regressor: "lightgbm.Booster"
    classifier: "lightgbm.Booster"

    @classmethod
    def fit(cls, inputs: np.ndarray, decomposition: np.ndarray) -> "TreeModels":
        """Fit both.

        Args:
            inputs: Features (rows, features); NaN where there is none.
            decomposition: ΔHd from the known hull (rows,), eV/atom.
        """
        stable = (decomposition <= 0).astype(np.float64)
        return cls(_fit("regression_l1", inputs, decomposition), _fit("binary", inputs, stable))

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ΔHd in eV/atom and P(stable) of rows of features, each (rows,)."""
        return (
            np.asarray(self.regressor.predict(inputs, num_threads=1), dtype=np.float64),
            np.asarray(self.classifier.predict(inputs, num_threads=1), dtype=np.float64),
        )


def _fit(objective: str, inputs: np.ndarray, target: np.ndarray) -> "lightgbm.Booster":
    import lightgbm  # noqa: PLC0415  takes a second, and most readers of this folder need none

    data = lightgbm.Dataset(inputs, target, free_raw_data=True)
    return lightgbm.train(_COMMON | {"objective": objective}, data, num_boost_round=TREES[objective])


@dataclass(frozen=True)
class Calibration:
    """P(stable) as a step-free, falling function of the predicted ΔHd.

    Attributes:
        decomposition: Predicted ΔHd, ascending, eV/atom.
        probability: P(stable) at each, linear in between and constant outside.
    """

    decomposition: tuple[float, ...]
    probability: tuple[float, ...]

    @classmethod
    def fit(cls, predicted: np.ndarray, stable: np.ndarray) -> "Calibration":
        """Fit by isotonic regression.

        Args:
            predicted: Predicted ΔHd of compounds that the model did not see (n,), eV/atom.
            stable: Whether they are stable (n,), boolean.
        """
        from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415  takes a second

        isotonic = IsotonicRegression(increasing=False, out_of_bounds="clip")
        isotonic.fit(predicted, stable.astype(np.float64))
        return cls(tuple(isotonic.X_thresholds_.tolist()), tuple(isotonic.y_thresholds_.tolist()))

    def __call__(self, predicted: np.ndarray) -> np.ndarray:
        """Return P(stable) for predicted ΔHd (n,)."""
        return np.interp(predicted, self.decomposition, self.probability)
