"""Regressors of scikit-learn by name; scikit-learn is imported only when one is made.

A new estimator is one entry of `ESTIMATORS`, and one of `elemflow.estimators.search.SPACES` if searches may choose it.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elemflow.errors import ConfigError, nearest

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Entry:
    """One estimator.

    Attributes:
        module: Module of the class.
        name: Name of the class.
        defaults: Parameters that differ from the library's defaults.
        scaled: Whether features are standardised first (by the training rows' mean and deviation).
    """

    module: str
    name: str
    defaults: dict[str, Any] = field(default_factory=dict)
    scaled: bool = False


ESTIMATORS: dict[str, Entry] = {
    "ridge": Entry("sklearn.linear_model", "Ridge", scaled=True),
    "elastic_net": Entry("sklearn.linear_model", "ElasticNet", {"max_iter": 5000}, scaled=True),
    "k_neighbors": Entry("sklearn.neighbors", "KNeighborsRegressor", scaled=True),
    "svr": Entry("sklearn.svm", "SVR", {"cache_size": 1000}, scaled=True),
    "decision_tree": Entry("sklearn.tree", "DecisionTreeRegressor"),
    "random_forest": Entry("sklearn.ensemble", "RandomForestRegressor"),
    "extra_trees": Entry("sklearn.ensemble", "ExtraTreesRegressor"),
    "hist_gradient_boosting": Entry("sklearn.ensemble", "HistGradientBoostingRegressor"),
    "gradient_boosting": Entry("sklearn.ensemble", "GradientBoostingRegressor"),
    "ada_boost": Entry("sklearn.ensemble", "AdaBoostRegressor"),
}


def check_estimator(name: str, where: str) -> None:
    """Check that an estimator exists.

    Raises:
        ConfigError: No estimator has this name.
    """
    if name not in ESTIMATORS:
        raise ConfigError(f"{where}: no estimator '{name}'. Known: {', '.join(ESTIMATORS)}.{nearest(name, ESTIMATORS)}")


def make_estimator(name: str, parameters: Mapping[str, Any], seed: int, threads: int) -> Any:
    """Make an unfitted regressor.

    Args:
        name: Key of `ESTIMATORS`.
        parameters: Parameters of the class, over the defaults of the entry.
        seed: Its `random_state`, where it has one.
        threads: Its `n_jobs`, where it has one.

    Returns:
        A scikit-learn regressor, behind a scaler if the entry asks for one.

    Raises:
        ConfigError: The name or a parameter is unknown.
    """
    check_estimator(name, "estimator")
    entry = ESTIMATORS[name]
    estimator = getattr(importlib.import_module(entry.module), entry.name)()
    known = estimator.get_params(deep=False)
    for key in parameters:
        if key not in known:
            raise ConfigError(
                f"key 'parameters.{key}': {entry.name} has no such parameter. Known: {', '.join(sorted(known))}."
                f"{nearest(key, known)}"
            )
    given = {key: value for key, value in {"random_state": seed, "n_jobs": threads}.items() if key in known}
    estimator.set_params(**entry.defaults | given | dict(parameters))
    if not entry.scaled:
        return estimator
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415  reading the plan must not load scikit-learn
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    return make_pipeline(StandardScaler(), estimator)


def fit_estimator(estimator: Any, x: "np.ndarray", y: "np.ndarray", threads: int) -> None:
    """Fit an estimator with at most `threads` threads, and make its predictions repeatable.

    Args:
        estimator: What `make_estimator` made.
        x: Features, shape (rows, features).
        y: Targets, shape (rows,).
        threads: CPU threads.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  a part of scikit-learn's installation

    with threadpool_limits(threads):
        estimator.fit(x, y)
    if hasattr(estimator, "n_jobs"):
        # Threads add up the trees' predictions in the order in which they finish, so the last bits would vary.
        estimator.set_params(n_jobs=1)
