"""Whether the libraries accept the values of an estimator's parameters, found out on a few rows before any training."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from elemflow.config.model import EstimatorModel
from elemflow.core.errors import ConfigError
from elemflow.estimators.build import fit_estimator, make_estimator

ROWS, COLUMNS = 24, 4
FEW = 3
"""Most trees or iterations of a trial: their number is no matter of the library's constraints, its kind is."""
COUNTS = ("n_estimators", "iterations", "max_iter")


def check_values(name: str, model: EstimatorModel) -> None:
    """Fit an estimator on generated rows with its parameters, and with each value of its grid.

    Args:
        name: Id of the model, for messages.
        model: The model.

    Raises:
        ConfigError: A library refuses a value; names the key, the value and the reason.
    """
    x = np.random.default_rng(0).random((ROWS, COLUMNS))
    y = x.sum(axis=1)
    for key, value, parameters in _trials(model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                fit_estimator(make_estimator(model.estimator, _shortened(parameters), 0, 1), x, y, 1)
            except Exception as error:  # noqa: BLE001  each library has exceptions of its own
                reason = " ".join(str(error).split())[:300]
                raise ConfigError(
                    f"config/models/{name}.yaml: key '{key}': {model.estimator} refuses {value!r}. {reason}"
                ) from None


def _trials(model: EstimatorModel) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield key, value and parameters of each fit: one with all parameters, one for each value of the grid."""
    yield "parameters", model.parameters, dict(model.parameters)
    for key, values in (model.search.grid if model.search else {}).items():
        for value in values:
            yield f"search.grid.{key}", value, model.parameters | {key: value}


def _shortened(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with few trees and iterations; what is no count, or none that can be, stays."""
    return {
        key: FEW if key in COUNTS and type(value) is int and value > FEW else value for key, value in parameters.items()
    }
