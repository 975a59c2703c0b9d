"""Regressors with scikit-learn's interface; their libraries are imported only when one is made."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elemflow.config.estimators import ESTIMATORS, check_estimator, check_parameters
from elemflow.config.model import ParameterValue
from elemflow.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np


def make_estimator(
    name: str, parameters: Mapping[str, ParameterValue], seed: int, threads: int, *, standardise: bool = True
) -> Any:
    """Make an unfitted regressor.

    Args:
        name: Key of `ESTIMATORS`.
        parameters: Parameters of the class, over the defaults of the entry.
        seed: Its seed, where it has one.
        threads: Its number of threads, where it has one.
        standardise: Whether it gets the scalers that its entry requests.

    Returns:
        A regressor with scikit-learn's interface, behind these scalers.

    Raises:
        ConfigError: The name or a parameter is unknown.
    """
    check_estimator(name, "estimator")
    check_parameters(name, parameters, "key 'parameters")
    entry = ESTIMATORS[name]
    given = {key: value for key, value in ((entry.seed, seed), (entry.threads, threads)) if key}
    make = getattr(importlib.import_module(entry.module), entry.name)
    estimator = make(**entry.defaults | given | dict(parameters))
    if not (entry.scaled and standardise):
        return estimator
    from sklearn.compose import TransformedTargetRegressor  # noqa: PLC0415  reading the plan must not load scikit-learn
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    pipeline = make_pipeline(StandardScaler(), estimator)
    if not entry.scaled_target:
        return pipeline
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler(), check_inverse=False)


def fit_estimator(estimator: Any, x: "np.ndarray", y: "np.ndarray", threads: int) -> None:
    """Fit an estimator with at most `threads` threads, and make its predictions repeatable.

    Args:
        estimator: What `make_estimator` made.
        x: Features, shape (rows, features).
        y: Targets, shape (rows,).
        threads: CPU threads.

    Raises:
        ConfigError: A parameter has a value that scikit-learn refuses.
    """
    from joblib import parallel_config  # noqa: PLC0415  a part of scikit-learn's installation, as the next
    from sklearn.utils._param_validation import InvalidParameterError  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    # Bagging would start processes, each with a copy of the data.
    with threadpool_limits(threads), parallel_config("threading"):
        try:
            estimator.fit(x, y)
        except InvalidParameterError as error:
            raise ConfigError(f"{error} Correct it in the file of the model, under 'parameters' or 'search'.") from None
    if hasattr(estimator, "n_jobs"):
        # Threads add up the trees' predictions in the order in which they finish, so the last bits would vary.
        estimator.set_params(n_jobs=1)
