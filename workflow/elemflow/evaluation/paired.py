"""Two runs on the test materials that they have in common: errors, and their paired difference with its uncertainty."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import DataError
from elemflow.core.parquet import read_frame
from elemflow.evaluation.hypothesis_tests import clustered_bootstrap_interval
from elemflow.evaluation.metrics import MIN_CLUSTERS, combine
from elemflow.evaluation.records import Evaluation

SEED = 0
"""Seed of the bootstrap."""
SAME_VALUE = 1e-6
"""Relative difference up to which two values of a material are one."""


@dataclass(frozen=True)
class Side:
    """Errors of one run on the common test materials, in the unit of the property.

    Attributes:
        mae: Mean absolute error.
        rmse: Root mean squared error, over materials and members.
        median: Median over the materials of the absolute error.
        materials: Number of its test materials, the common ones included.
    """

    mae: float
    rmse: float
    median: float
    materials: int


@dataclass(frozen=True)
class Paired:
    """Comparison of run A with run B; differences are error of A minus error of B, so that negative favours A.

    Attributes:
        a: Errors of A.
        b: Errors of B.
        materials: Number of common test materials.
        compositions: Number of their compositions.
        difference: Difference of the mean absolute errors.
        standard_error: Its standard error, clustered by composition; None for one composition.
        low: Lower end of its bootstrap interval.
        high: Upper end.
        a_closer: Number of materials that A predicts better.
        b_closer: Number of materials that B predicts better.
        largest: The materials with the largest differences, `material_id`, `y_true`, `a`, `b`: absolute errors.
    """

    a: Side
    b: Side
    materials: int
    compositions: int
    difference: float
    standard_error: float | None
    low: float
    high: float
    a_closer: int
    b_closer: int
    largest: pd.DataFrame


def compare_runs(run_a: Path, run_b: Path, shown: int = 5) -> Paired:
    """Compare two runs on their common test materials.

    A run with an ensemble counts with the ensemble's predictions, another with the mean error of its members.

    Args:
        run_a: Folder of run A.
        run_b: Folder of run B.
        shown: Number of materials in `largest`.

    Raises:
        DataError: A run has no result, or they have no test material in common, or other values of one.
    """
    a, b = _errors(run_a), _errors(run_b)
    common = a.join(b, how="inner", lsuffix="_a", rsuffix="_b").sort_index()
    if common.empty:
        raise DataError(f"{run_a} and {run_b}: no test material in common. Compare runs of one dataset and split.")
    scale = common[["y_true_a", "y_true_b"]].abs().max(axis=1)
    other = (common["y_true_a"] - common["y_true_b"]).abs() > SAME_VALUE * scale
    if other.any():
        first = common[other].iloc[0]
        raise DataError(
            f"{run_a} and {run_b}: {other.sum()} of {len(common)} common test materials have different values, first "
            f"'{other.idxmax()}': {first['y_true_a']:g} and {first['y_true_b']:g}. Compare runs of one dataset."
        )
    differences = (common["mae_a"] - common["mae_b"]).to_numpy()
    compositions = common.index.map(composition_of).to_numpy()
    names, clusters = np.unique(compositions, return_inverse=True)
    sums, counts = np.bincount(clusters, differences), np.bincount(clusters).astype(np.float64)
    low, high = clustered_bootstrap_interval(np.asarray(sums, np.float64), counts, SEED)
    order = np.argsort(-np.abs(differences), kind="stable")[:shown]
    largest = common.iloc[order][["y_true_a", "mae_a", "mae_b"]].reset_index()
    return Paired(
        a=_side(common, "a", len(a)),
        b=_side(common, "b", len(b)),
        materials=len(common),
        compositions=len(names),
        difference=float(differences.mean()),
        standard_error=_standard_error(differences, clusters),
        low=low,
        high=high,
        a_closer=int((differences < 0).sum()),
        b_closer=int((differences > 0).sum()),
        largest=largest.set_axis(["material_id", "y_true", "a", "b"], axis="columns"),
    )


def _errors(run: Path) -> pd.DataFrame:
    """Return `y_true`, mean absolute and mean squared error of each test material, over splits and members."""
    metrics, predictions = run / "metrics.json", run / "predictions.parquet"
    if not (metrics.exists() and predictions.exists()):
        raise DataError(f"{run}: no metrics.json with its predictions.parquet, so it has no test errors. Build it.")
    evaluation = Evaluation.read(metrics)
    if evaluation.test is None:
        raise DataError(f"{run}: the run has no result ({evaluation.not_run}).")
    table = read_frame(predictions, role="test")
    test = evaluation.test
    if test.ensemble is not None:
        table = combine(table, test.ensemble.combined_by, test.n_members // test.ensemble.n_members, predictions)
    error = (table["y_pred"] - table["y_true"]).abs()
    table = table.assign(mae=error, mse=error**2)
    return table.groupby("material_id").agg(y_true=("y_true", "first"), mae=("mae", "mean"), mse=("mse", "mean"))


def _side(common: pd.DataFrame, name: str, materials: int) -> Side:
    errors, squares = common[f"mae_{name}"], common[f"mse_{name}"]
    return Side(float(errors.mean()), float(np.sqrt(squares.mean())), float(errors.median()), materials)


def _standard_error(differences: np.ndarray, clusters: np.ndarray) -> float | None:
    """Return the clustered standard error of a mean; see `elemflow.evaluation.metrics.mae_standard_error`."""
    sums = np.bincount(clusters, differences - differences.mean())
    count = len(sums)
    return float(np.sqrt(count / (count - 1) * np.sum(sums**2)) / len(differences)) if count >= MIN_CLUSTERS else None
