"""Values that a library refuses are found before any training."""

from typing import Any

import pytest

from elemflow.config.load import load
from elemflow.config.model import EstimatorModel
from elemflow.core.errors import ConfigError
from elemflow.estimators.values import check_values


def make_model(estimator: str, parameters: dict[str, Any], **grid: list[Any]) -> EstimatorModel:
    search = {"search": {"method": "grid", "grid": grid}} if grid else {}
    return EstimatorModel(kind="estimator", estimator=estimator, parameters=parameters, **search)


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        (make_model("random_forest", {"n_estimators": 5.0}), "parameters", "5.0"),
        (make_model("random_forest", {"max_features": "sqr"}), "parameters", "'sqr'"),
        (make_model("ridge", {}, alpha=[0.1, -1.0]), "search.grid.alpha", "-1.0"),
        (make_model("lightgbm", {"num_leaves": -5}), "parameters", "-5"),
        (make_model("xgboost", {}, max_depth=[3, "banana"]), "search.grid.max_depth", "'banana'"),
        (make_model("catboost", {"depth": 99}), "parameters", "99"),
        (make_model("svr", {"kernel": "rbv"}), "parameters", "'rbv'"),
    ],
)
def test_a_value_that_the_library_refuses(model: EstimatorModel, key: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_values("mine", model)
    assert f"config/models/mine.yaml: key '{key}': {model.estimator} refuses" in str(caught.value)
    assert value in str(caught.value)


def test_every_model_that_ships_is_accepted(root: Any) -> None:
    models = load({"studies": ["irnet2021", "elemflow"]}, root).models
    for name in ("ridge", "svr", "k_neighbors", "extra_trees", "random_forest_grid", "lightgbm", "xgboost", "catboost"):
        model = models[name]
        assert isinstance(model, EstimatorModel)
        check_values(name, model)
