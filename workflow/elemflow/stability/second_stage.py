"""Models of the second stage: boosted trees from the known hull around a compound to ΔHd and P(stable)."""

import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from elemflow.core.archive import extract_archive, write_archive
from elemflow.core.errors import DataError

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
KIND = "stability trees"
_FILES = ("regressor.txt.xz", "classifier.txt.xz")


@dataclass(frozen=True)
class TreeModels:
    """A model of ΔHd and one of P(stable).

    Attributes:
        regressor: Model of ΔHd, or of how far it is from a feature.
        classifier: Model of P(stable).
        start: Column of this feature, a first estimate of ΔHd; None without one.
    """

    regressor: "lightgbm.Booster"
    classifier: "lightgbm.Booster"
    start: int | None = None

    @classmethod
    def fit(cls, inputs: np.ndarray, decomposition: np.ndarray, start: int | None = None) -> Self:
        """Fit both.

        Args:
            inputs: Features (rows, features); NaN where there is none.
            decomposition: ΔHd from the known hull (rows,), eV/atom.
            start: Column of a first estimate of ΔHd, none of it NaN; None to fit ΔHd itself.
        """
        stable = (decomposition <= 0).astype(np.float64)
        target = decomposition - _first(inputs, start)
        return cls(_fit("regression_l1", inputs, target), _fit("binary", inputs, stable), start)

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ΔHd in eV/atom and P(stable) of rows of features, each (rows,)."""
        correction = np.asarray(self.regressor.predict(inputs, num_threads=1), dtype=np.float64)
        return (
            _first(inputs, self.start) + correction,
            np.asarray(self.classifier.predict(inputs, num_threads=1), dtype=np.float64),
        )

    def predict_mean(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of what `predict` says of the same rows with different features, each (rows,)."""
        decomposition, probability = zip(*(self.predict(each) for each in inputs), strict=True)
        return np.mean(decomposition, axis=0), np.mean(probability, axis=0)

    def write(self, path: Path, about: dict[str, Any]) -> None:
        """Write both as one file.

        Args:
            path: File to write.
            about: What its manifest says of the data and features.
        """
        with TemporaryDirectory() as folder:
            for name, model in zip(_FILES, (self.regressor, self.classifier), strict=True):
                (Path(folder) / name).write_bytes(lzma.compress(model.model_to_string().encode()))
            write_archive(path, Path(folder), {"kind": KIND, "start": self.start, **about})

    @classmethod
    def read(cls, path: Path) -> tuple[Self, dict[str, Any]]:
        """Read a file that `write` wrote, and its manifest.

        Raises:
            DataError: It is damaged, or another kind of file.
        """
        import lightgbm  # noqa: PLC0415  takes a second

        with TemporaryDirectory() as folder:
            manifest = extract_archive(path, Path(folder))
            if manifest.get("kind") != KIND:
                raise DataError(f"{path}: no file of stability trees. Build it again.")
            texts = [lzma.decompress((Path(folder) / name).read_bytes()).decode() for name in _FILES]
        regressor, classifier = (lightgbm.Booster(model_str=text) for text in texts)
        return cls(regressor, classifier, manifest.get("start")), manifest


def _first(inputs: np.ndarray, start: int | None) -> np.ndarray:
    """Return the first estimate of ΔHd (rows,), eV/atom; 0 without one."""
    return np.zeros(len(inputs)) if start is None else inputs[:, start]


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
