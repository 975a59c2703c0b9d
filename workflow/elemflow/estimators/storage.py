"""Fitted estimators on disk, in the format of skops, which holds no code to run on load."""

import zipfile
from pathlib import Path
from typing import Any

import skops.io

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path

TRUSTED = {
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBRegressor",
}
"""Types that these estimators hold beyond those that skops trusts by itself."""


def save_estimator(estimator: Any, path: Path) -> None:
    """Write a fitted estimator."""
    with atomic_path(path) as temporary:
        skops.io.dump(estimator, temporary)


def load_estimator(path: Path) -> Any:
    """Read what `save_estimator` wrote.

    Raises:
        DataError: The file was not written by it, or holds types that are not in `TRUSTED`.
    """
    try:
        unknown = skops.io.get_untrusted_types(file=path)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{path}: not an estimator of this workflow ({error}). Train the run again.") from None
    if foreign := sorted(set(unknown) - TRUSTED):
        raise DataError(
            f"{path}: holds types that no estimator here has ({', '.join(foreign)}). Load it only if you know who made "
            "it, after adding them to elemflow.estimators.storage.TRUSTED."
        )
    return skops.io.load(path, trusted=unknown)
