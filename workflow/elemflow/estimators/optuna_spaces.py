"""AutoML with Optuna's tree-structured Parzen estimator: which estimator, then its own parameters.

The ranges follow what hyperopt-sklearn, the AutoML of brnet2023, tries on regressors.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from elemflow.config.model import SearchModel
from elemflow.core.errors import ConfigError
from elemflow.estimators.hyperparameter_search import Parameters, SearchSpace

if TYPE_CHECKING:
    import optuna

log = logging.getLogger(__name__)

ROW_LIMITS = {"svr": 10_000, "gradient_boosting": 50_000, "ada_boost": 50_000}
"""Rows of the training set above which an estimator is not tried, since one fit would take hours."""


def optuna_space(model: SearchModel, rows: int, seed: int, label: str) -> SearchSpace:
    """Return a search over estimators and the ranges of `SPACES` with Optuna's TPE.

    Args:
        model: The search.
        rows: Rows of the training set, which decide which estimators are too slow.
        seed: Seed of the sampler.
        label: What is searched for, for the log.

    Raises:
        ConfigError: Every estimator is too slow for the number of rows.
    """
    import optuna  # noqa: PLC0415  heavy, and only searches need it

    names = _fast_enough(model.estimators, rows, label)

    def propose(trial: "optuna.Trial") -> tuple[str, Parameters]:
        name = trial.suggest_categorical("estimator", names)
        return name, SPACES[name](_Prefixed(trial, name))

    return SearchSpace(None, model.trials, optuna.samplers.TPESampler(seed=seed), propose, model.standardise)


def _fast_enough(names: Sequence[str], rows: int, label: str) -> list[str]:
    kept = [name for name in names if rows <= ROW_LIMITS.get(name, rows)]
    if not kept:
        raise ConfigError(f"key 'estimators': {', '.join(names)} are too slow for {rows} training rows; add others.")
    if dropped := [name for name in names if name not in kept]:
        log.info("%s: %s not tried, too slow for %d training rows", label, ", ".join(dropped), rows)
    return kept


class _Prefixed:
    """Suggests parameters under the name of their estimator, so that the sampler keeps estimators apart."""

    def __init__(self, trial: "optuna.Trial", prefix: str):
        self._trial = trial
        self._prefix = prefix

    def number(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._trial.suggest_float(f"{self._prefix}.{name}", low, high, log=log)

    def integer(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._trial.suggest_int(f"{self._prefix}.{name}", low, high, log=log)

    def choice(self, name: str, options: list[Any]) -> Any:
        return self._trial.suggest_categorical(f"{self._prefix}.{name}", options)


def _ridge(suggest: _Prefixed) -> Parameters:
    return {"alpha": suggest.number("alpha", 1e-4, 1e3, log=True)}


def _elastic_net(suggest: _Prefixed) -> Parameters:
    return {"alpha": suggest.number("alpha", 1e-5, 1.0, log=True), "l1_ratio": suggest.number("l1_ratio", 0.0, 1.0)}


def _k_neighbors(suggest: _Prefixed) -> Parameters:
    return {
        "n_neighbors": suggest.integer("n_neighbors", 1, 50, log=True),
        "weights": suggest.choice("weights", ["uniform", "distance"]),
        "p": suggest.choice("p", [1, 2]),
    }


def _svr(suggest: _Prefixed) -> Parameters:
    return {
        "C": suggest.number("C", 0.1, 1000.0, log=True),
        "epsilon": suggest.number("epsilon", 1e-3, 0.3, log=True),
        # Standardised columns need the lower end, fractions as they are the upper one.
        "gamma": suggest.number("gamma", 1e-4, 100.0, log=True),
    }


def _tree(suggest: _Prefixed) -> Parameters:
    return {
        "max_depth": suggest.choice("max_depth", [10, 25, None]),
        "min_samples_split": suggest.integer("min_samples_split", 2, 20),
        "max_features": suggest.number("max_features", 0.1, 1.0),
    }


def _forest(suggest: _Prefixed) -> Parameters:
    return _tree(suggest) | {"n_estimators": suggest.integer("n_estimators", 50, 200)}


def _hist_gradient_boosting(suggest: _Prefixed) -> Parameters:
    return {
        "loss": suggest.choice("loss", ["squared_error", "absolute_error"]),
        "learning_rate": suggest.number("learning_rate", 0.02, 0.3, log=True),
        "max_iter": suggest.integer("max_iter", 100, 1000, log=True),
        "max_leaf_nodes": suggest.integer("max_leaf_nodes", 7, 127, log=True),
        "min_samples_leaf": suggest.integer("min_samples_leaf", 2, 50, log=True),
        "l2_regularization": suggest.number("l2_regularization", 1e-6, 10.0, log=True),
    }


def _gradient_boosting(suggest: _Prefixed) -> Parameters:
    return {
        "learning_rate": suggest.number("learning_rate", 0.02, 0.3, log=True),
        "n_estimators": suggest.integer("n_estimators", 50, 300, log=True),
        "max_depth": suggest.integer("max_depth", 2, 8),
        "subsample": suggest.number("subsample", 0.5, 1.0),
        "max_features": suggest.number("max_features", 0.1, 1.0),
    }


def _ada_boost(suggest: _Prefixed) -> Parameters:
    return {
        "n_estimators": suggest.integer("n_estimators", 20, 200, log=True),
        "learning_rate": suggest.number("learning_rate", 0.05, 2.0, log=True),
        "loss": suggest.choice("loss", ["linear", "square", "exponential"]),
    }


SPACES: dict[str, Callable[[_Prefixed], Parameters]] = {
    "ridge": _ridge,
    "elastic_net": _elastic_net,
    "k_neighbors": _k_neighbors,
    "svr": _svr,
    "decision_tree": _tree,
    "random_forest": _forest,
    "extra_trees": _forest,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "gradient_boosting": _gradient_boosting,
    "ada_boost": _ada_boost,
}
