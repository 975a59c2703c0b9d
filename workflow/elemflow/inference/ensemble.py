"""The members of a trained run as one prediction per material."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from elemflow.core.files import read_json
from elemflow.evaluation.records import Combination
from elemflow.inference.trained_run import TrainedRun
from elemflow.inference.trust import check_trusted
from elemflow.training.backend import Backend

COMBINE: dict[Combination, Callable[..., np.ndarray]] = {"mean": np.mean, "median": np.median}


class Ensemble:
    """All members of a run, combined into one prediction per material.

    Args:
        run: Folder of the run, `results/runs/<dataset>/<property>/<representation>/<model>/<protocol>`.
        backend: Keras backend of this process; None shares one with one thread.
        network_file: Python file of a network of the user's own, where the project's configuration does not have it.
        combine: `mean` or `median` of the members; None is that of the run's evaluation, or the mean.

    Attributes:
        trained: Its members and configuration.
        combine: How its members are combined.

    Raises:
        DataError: The folder holds no trained run, or code that is not the project's own.
    """

    def __init__(
        self,
        run: str | Path,
        *,
        backend: Backend | None = None,
        combine: Combination | None = None,
        network_file: Path | None = None,
    ):
        run = Path(run)
        trusted = check_trusted(run / "model", network_file)
        self.trained = TrainedRun(run / "model", backend, network_rows=None, network_file=trusted, without_keras=True)
        self.combine: Combination = combine or evaluated_combination(run) or "mean"

    @property
    def members(self) -> int:
        """Number of members."""
        return len(self.trained.members)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict materials from their unscaled features.

        Args:
            x: Columns of all parts, float32 (rows, columns).

        Returns:
            Predictions in the unit of the property (rows,), and the sample standard deviation over the members (rows,),
            NaN if there is one member.
        """
        each = self.trained.predict(x)
        spread = each.std(axis=0, ddof=1) if self.members > 1 else np.full(len(x), np.nan)
        return COMBINE[self.combine](each, axis=0), spread


def evaluated_combination(run: Path) -> Combination | None:
    """Return how the evaluation of a run combined its members, if it did."""
    file = run / "metrics.json"
    test = read_json(file).get("test", {}) if file.exists() else {}
    combined_by: Combination | None = test.get("ensemble", {}).get("combined_by")
    return combined_by
