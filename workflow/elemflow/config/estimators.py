"""Names of the regressors and the parameters that a config may set; no library of theirs is imported here.

A new estimator is one entry of `ESTIMATORS`. A model of kind `search` may try it once it is in `SEARCHABLE`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elemflow.config.estimator_values import check_value
from elemflow.config.model import (
    BestOfModel,
    EstimatorModel,
    Model,
    OtherModel,
    ParameterValue,
    SearchModel,
    read_model,
)
from elemflow.core.errors import ConfigError, nearest


@dataclass(frozen=True)
class Entry:
    """One estimator.

    Attributes:
        module: Module of the class.
        name: Name of the class.
        parameters: Names of the parameters that a config may set; seed, threads and verbosity are not among them.
        defaults: Parameters that differ from the library's defaults.
        scaled: Whether features are standardised first (by the training rows' mean and deviation).
        scaled_target: Whether the target is too, because the penalty, the step or the width of the loss has its scale.
        seed: Name of the parameter that takes the seed, if it has one.
        threads: Name of the parameter that takes the number of threads, if it has one.
    """

    module: str
    name: str
    parameters: frozenset[str]
    defaults: dict[str, Any] = field(default_factory=dict)
    scaled: bool = False
    scaled_target: bool = False
    seed: str | None = "random_state"
    threads: str | None = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TREE = _names(
    "ccp_alpha criterion max_depth max_features max_leaf_nodes min_impurity_decrease min_samples_leaf "
    "min_samples_split min_weight_fraction_leaf"
)
_FOREST = _TREE | _names("bootstrap max_samples n_estimators")
_COORDINATES = _names("alpha fit_intercept max_iter positive selection tol")

ESTIMATORS: dict[str, Entry] = {
    "dummy": Entry("sklearn.dummy", "DummyRegressor", _names("constant quantile strategy"), seed=None),
    "linear_regression": Entry(
        "sklearn.linear_model", "LinearRegression", _names("fit_intercept positive"), scaled=True, seed=None
    ),
    "ridge": Entry(
        "sklearn.linear_model", "Ridge", _names("alpha fit_intercept max_iter positive solver tol"), scaled=True
    ),
    "lasso": Entry(
        "sklearn.linear_model", "Lasso", _COORDINATES, {"max_iter": 5000}, scaled=True, scaled_target=True
    ),
    "elastic_net": Entry(
        "sklearn.linear_model", "ElasticNet", _COORDINATES | {"l1_ratio"}, {"max_iter": 5000},
        scaled=True, scaled_target=True,
    ),
    "sgd": Entry(
        "sklearn.linear_model", "SGDRegressor",
        _names("alpha average epsilon eta0 fit_intercept l1_ratio learning_rate loss max_iter n_iter_no_change penalty "
               "power_t tol"),
        # scikit-learn's own schedule stops far from the minimum of 145 correlated columns (docs/results/models.md).
        {"learning_rate": "adaptive", "eta0": 0.001}, scaled=True, scaled_target=True,
    ),
    "svr": Entry(
        "sklearn.svm", "SVR", _names("C coef0 degree epsilon gamma kernel max_iter shrinking tol"),
        {"cache_size": 1000}, scaled=True, scaled_target=True, seed=None,
    ),
    "kernel_ridge": Entry(
        "sklearn.kernel_ridge", "KernelRidge", _names("alpha coef0 degree gamma kernel"), {"kernel": "rbf"},
        scaled=True, scaled_target=True, seed=None,
    ),
    "k_neighbors": Entry(
        "sklearn.neighbors", "KNeighborsRegressor", _names("algorithm leaf_size metric n_neighbors p weights"),
        scaled=True, seed=None, threads="n_jobs",
    ),
    "decision_tree": Entry("sklearn.tree", "DecisionTreeRegressor", _TREE | {"splitter"}),
    "random_forest": Entry("sklearn.ensemble", "RandomForestRegressor", _FOREST, threads="n_jobs"),
    "extra_trees": Entry("sklearn.ensemble", "ExtraTreesRegressor", _FOREST, threads="n_jobs"),
    "bagging": Entry(
        "sklearn.ensemble", "BaggingRegressor",
        _names("bootstrap bootstrap_features max_features max_samples n_estimators"), threads="n_jobs",
    ),
    "ada_boost": Entry("sklearn.ensemble", "AdaBoostRegressor", _names("learning_rate loss n_estimators")),
    "gradient_boosting": Entry(
        "sklearn.ensemble", "GradientBoostingRegressor",
        _TREE - {"criterion"}
        | _names("alpha learning_rate loss n_estimators n_iter_no_change subsample tol validation_fraction"),
    ),
    "hist_gradient_boosting": Entry(
        "sklearn.ensemble", "HistGradientBoostingRegressor",
        _names("early_stopping l2_regularization learning_rate loss max_bins max_depth max_features max_iter "
               "max_leaf_nodes min_samples_leaf n_iter_no_change quantile tol validation_fraction"),
    ),
    "xgboost": Entry(
        "xgboost", "XGBRegressor",
        _names("booster colsample_bylevel colsample_bynode colsample_bytree gamma grow_policy learning_rate max_bin "
               "max_depth max_leaves min_child_weight n_estimators num_parallel_tree objective reg_alpha reg_lambda "
               "subsample tree_method"),
        threads="n_jobs",
    ),
    "lightgbm": Entry(
        "lightgbm", "LGBMRegressor",
        _names("boosting_type colsample_bytree learning_rate max_depth min_child_samples min_child_weight "
               "min_split_gain n_estimators num_leaves objective reg_alpha reg_lambda subsample subsample_for_bin "
               "subsample_freq"),
        {"verbose": -1, "deterministic": True, "force_row_wise": True}, threads="n_jobs",
    ),
    "catboost": Entry(
        "catboost", "CatBoostRegressor",
        _names("bagging_temperature bootstrap_type border_count depth grow_policy iterations l2_leaf_reg "
               "leaf_estimation_iterations learning_rate loss_function max_leaves min_data_in_leaf random_strength rsm "
               "score_function subsample"),
        {"verbose": False, "allow_writing_files": False}, seed="random_seed", threads="thread_count",
    ),
}  # fmt: skip

TREES = _names("random_forest extra_trees bagging gradient_boosting hist_gradient_boosting xgboost lightgbm catboost")
"""Ensembles of trees, which a network of the same table is compared with."""

SEARCHABLE: dict[str, dict[str, str]] = {
    "optuna": {
        name: name
        for name in ("ridge", "elastic_net", "k_neighbors", "svr", "decision_tree", "random_forest", "extra_trees",
                     "hist_gradient_boosting", "gradient_boosting", "ada_boost")
    },
    "flaml": {
        "lightgbm": "lgbm", "xgboost": "xgboost", "random_forest": "rf", "extra_trees": "extra_tree",
        "k_neighbors": "kneighbor",
    },
}  # fmt: skip
"""Estimators that each engine of a model of kind `search` has a space for, and how the engine calls them."""


def check_estimator(name: str, where: str) -> None:
    """Check that an estimator exists.

    Raises:
        ConfigError: No estimator has this name.
    """
    if name not in ESTIMATORS:
        raise ConfigError(f"{where}: no estimator '{name}'. Known: {', '.join(ESTIMATORS)}.{nearest(name, ESTIMATORS)}")


def check_parameters(name: str, parameters: Iterable[str], where: str) -> None:
    """Check that an estimator takes these parameters from a config.

    Args:
        name: Key of `ESTIMATORS`.
        parameters: Names of parameters.
        where: File and key above them.

    Raises:
        ConfigError: A parameter is unknown, or is not for configs to set.
    """
    known = sorted(ESTIMATORS[name].parameters)
    for key in parameters:
        if key not in known:
            raise ConfigError(
                f"{where}.{key}': {name} has no such parameter here. Known: {', '.join(known)}.{nearest(key, known)}"
            )


def _check_other_model(model: OtherModel, where: str) -> None:
    """Check the estimator and the parameters of a model of another kind that has such keys."""
    if isinstance(name := model.options.get("estimator"), str):
        parameters = model.options.get("parameters", {})
        _check_estimator_model(EstimatorModel(kind="estimator", estimator=name, parameters=parameters), where)


def _check_estimator_model(model: EstimatorModel, where: str) -> None:
    """Check the estimator, the parameters and the grid of a model, each name and each value."""
    name = model.estimator
    check_estimator(name, f"{where}: key 'estimator'")
    grid: Mapping[str, Iterable[ParameterValue]] = model.search.grid if model.search else {}
    given: dict[str, Mapping[str, Iterable[ParameterValue]]] = {
        "parameters": {key: (value,) for key, value in model.parameters.items()},
        "search.grid": grid,
    }
    for place, parameters in given.items():
        check_parameters(name, parameters, f"{where}: key '{place}")
        for key, values in parameters.items():
            for value in values:
                check_value(name, key, value, f"{where}: key '{place}.{key}'")


def check_model(model: Model, where: str, models: Mapping[str, Model]) -> None:
    """Check the names in an estimator, a search or a model of kind `best_of`.

    Args:
        model: The model.
        where: How messages call its file.
        models: All models, by id.

    Raises:
        ConfigError: An estimator, a parameter or a model does not exist, the library of an estimator does not take a
            value, or an engine cannot search an estimator.
    """
    if isinstance(model, EstimatorModel):
        _check_estimator_model(model, where)
    elif isinstance(model, OtherModel):
        _check_other_model(model, where)
    elif isinstance(model, SearchModel):
        known = SEARCHABLE[model.engine]
        for name in model.estimators:
            check_estimator(name, f"{where}: key 'estimators'")
            if name not in known:
                raise ConfigError(
                    f"{where}: key 'estimators': engine {model.engine} does not search '{name}'. "
                    f"Known: {', '.join(known)}.{nearest(name, known)}"
                )
    elif isinstance(model, BestOfModel):
        known_models = [name for name, other in models.items() if isinstance(other, EstimatorModel)]
        for name in model.models:
            if name not in known_models:
                raise ConfigError(
                    f"{where}: key 'models': no model of kind estimator '{name}'. Known: {', '.join(known_models)}."
                    f"{nearest(name, known_models)}"
                )


def with_candidates(model: Model, models: Mapping[str, Model]) -> Model:
    """Return a model of kind `best_of` with the declarations of the models that it names; others as they are."""
    if not isinstance(model, BestOfModel):
        return model
    kept = ("estimator", "parameters", "search", "max_rows")
    declared = {name: models[name].written for name in model.models}
    candidates = {name: {key: other[key] for key in kept if key in other} for name, other in declared.items()}
    return read_model(model.written_without("candidates") | {"candidates": candidates})
