"""Difference of two runs on the test materials that they share, with the interval that decides claims about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from elemflow.chemistry.material_id import composition_of
from elemflow.evaluation.equivalence import LEVEL
from elemflow.evaluation.metrics import clustered_standard_error
from elemflow.reporting.results import read_test_points

MOST_SHARED = 0.9
"""Fraction of the larger test set that two runs must share to be compared material by material."""


@dataclass
class PairedErrors:
    """Absolute errors of runs by test material, read once.

    Attributes:
        folders: Folder of each run, by its path; runs without one cannot be compared.
    """

    folders: Mapping[str, Path]
    _read: dict[str, pd.Series] = field(default_factory=dict)

    def interval(self, run: str, other: str, factor: float) -> tuple[float, float] | None:
        """Return the 90 % interval of the error of a run minus `factor` times that of another.

        The errors of a material are its mean over the members that test it; the standard error is clustered by
        composition.

        Args:
            run: Path of the run.
            other: Path of the other run.
            factor: What the error of the other one is multiplied by.

        Returns:
            Lower and upper end, in the unit of the errors; None where the two do not test the same materials.
        """
        if run not in self.folders or other not in self.folders:
            return None
        first, second = self._errors(run), self._errors(other)
        shared = first.index.intersection(second.index)
        if len(shared) < MOST_SHARED * max(len(first), len(second)):
            return None
        difference = (first[shared] - factor * second[shared]).to_numpy()
        error = clustered_standard_error(difference, shared.map(composition_of).to_numpy())
        if error is None:
            return None
        mean, half = float(np.mean(difference)), float(stats.norm.ppf((1 + LEVEL) / 2)) * error
        return mean - half, mean + half

    def _errors(self, run: str) -> pd.Series:
        """Return the mean absolute error of each test material, sorted by material."""
        if run not in self._read:
            points = read_test_points(self.folders[run])
            errors = (points["y_pred"] - points["y_true"]).abs()
            self._read[run] = errors.groupby(points["material_id"]).mean()
        return self._read[run]
