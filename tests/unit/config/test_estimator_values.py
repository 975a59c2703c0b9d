"""Values of the parameters of estimators, checked while the configuration is read."""

import math
import subprocess
import sys

import pytest

from elemflow.config.estimator_values import FILE, MAX_TREES, check_value, read_limits
from elemflow.config.estimators import ESTIMATORS, check_model
from elemflow.config.model import read_model
from elemflow.core.errors import ConfigError
from elemflow.estimators.build import make_estimator
from elemflow.tools import estimator_limits

WHERE = "config/models/mine.yaml"


def check(estimator, parameters=None, grid=None):
    declared = {"kind": "estimator", "estimator": estimator, "parameters": parameters or {}}
    search = {"search": {"method": "grid", "grid": grid}} if grid else {}
    check_model(read_model(declared | search), WHERE, {})


def test_the_file_has_the_constraints_of_the_installed_libraries():
    assert FILE.read_text(encoding="utf-8") == estimator_limits.render(), (
        "run python -m elemflow.tools.estimator_limits"
    )


def test_every_parameter_has_limits():
    assert {name: set(own) for name, own in read_limits().items()} == {
        name: set(entry.parameters) for name, entry in ESTIMATORS.items()
    }


@pytest.mark.parametrize(
    ("estimator", "key", "value", "allowed"),
    [
        ("random_forest", "max_depth", 0, "a whole number from 1; null"),
        ("random_forest", "max_depth", 2.5, "a whole number from 1; null"),
        ("random_forest", "n_estimators", 0, "a whole number from 1"),
        ("random_forest", "max_features", 1.5, "a whole number from 1; a number with a decimal point above 0 to 1"),
        ("random_forest", "bootstrap", 1, "true or false"),
        ("random_forest", "max_depth", math.nan, "a whole number from 1"),
        ("extra_trees", "max_features", "sqr", "Did you mean 'sqrt'?"),
        ("ridge", "alpha", -1, "a number from 0"),
        ("svr", "C", 0, "a number above 0"),
        ("lightgbm", "num_leaves", -5, "a whole number from 2 to 131072"),
        ("lightgbm", "subsample", 1.5, "a number above 0 to 1"),
        ("xgboost", "max_depth", "banana", "a whole number from 0; null"),
        ("catboost", "depth", 99, "a whole number from 1 to 16; null"),
        ("gradient_boosting", "n_estimators", MAX_TREES + 1, f"at most {MAX_TREES:,}"),
        ("catboost", "iterations", 10**30, f"at most {MAX_TREES:,}"),
    ],
)
def test_a_value_that_the_library_refuses_is_named_with_what_it_takes(estimator, key, value, allowed):
    for place, given in (("parameters", {"parameters": {key: value}}), ("search.grid", {"grid": {key: [value]}})):
        with pytest.raises(ConfigError) as caught:
            check(estimator, **given)
        assert str(caught.value).startswith(f"{WHERE}: key '{place}.{key}': ")
        assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("estimator", "parameters"),
    [
        ("random_forest", {"max_depth": None, "max_features": 1, "max_samples": 0.5, "criterion": "absolute_error"}),
        ("ridge", {"alpha": 0, "solver": "svd"}),
        ("k_neighbors", {"n_neighbors": 3, "weights": "distance", "metric": "manhattan"}),
        ("hist_gradient_boosting", {"early_stopping": "auto", "max_leaf_nodes": None}),
        ("xgboost", {"max_depth": None, "learning_rate": 0.1}),
        ("lightgbm", {"max_depth": -1}),
    ],
)
def test_values_that_the_library_takes_pass(estimator, parameters):
    check(estimator, parameters)
    make_estimator(estimator, parameters, 0, 1)


def test_the_defaults_of_this_workflow_are_allowed():
    for name, entry in ESTIMATORS.items():
        for key, value in entry.defaults.items():
            if key in entry.parameters:
                check_value(name, key, value, WHERE)


def test_nothing_of_the_libraries_is_imported():
    code = (
        "import sys; from elemflow.config.estimator_values import read_limits; read_limits(); "
        "print(sorted(set(sys.modules) & {'sklearn', 'lightgbm', 'xgboost', 'catboost'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
