"""Every estimator on a small regression: it learns, repeats, survives saving and refuses unknown parameters."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elemflow.config import estimators as catalogue
from elemflow.core.errors import ConfigError, DataError
from elemflow.estimators import build, storage

pytest.importorskip("sklearn")

SMALL: dict[str, dict[str, Any]] = {
    name: {"n_estimators": 20}
    for name in ("random_forest", "extra_trees", "gradient_boosting", "ada_boost", "xgboost", "lightgbm")
} | {"hist_gradient_boosting": {"max_iter": 20}, "catboost": {"iterations": 20}, "lasso": {"alpha": 0.01}}
SMALL["elastic_net"] = SMALL["lasso"]


def _rows(rows: int, seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).random((rows, 4), dtype=np.float32)
    return x, scale * (5 * x[:, 0] + np.sin(6.0 * x[:, 1]))


def _fit(name: str, x: np.ndarray, y: np.ndarray, threads: int = 1) -> Any:
    estimator = build.make_estimator(name, SMALL.get(name, {}), seed=3, threads=threads)
    build.fit_estimator(estimator, x, y, threads=threads)
    return estimator


@pytest.mark.parametrize("name", [name for name in catalogue.ESTIMATORS if name != "dummy"])
def test_learns_repeats_and_survives_saving(name: str, tmp_path: Path) -> None:
    (x, y), (test_x, test_y) = _rows(160, 0), _rows(80, 1)
    estimator = _fit(name, x, y)
    predicted = estimator.predict(test_x)
    again = _fit(name, x, y)
    assert np.array_equal(predicted, again.predict(test_x))
    assert np.mean(np.abs(predicted - test_y)) < 0.8 * np.mean(np.abs(test_y - np.median(y)))
    storage.save_estimator(estimator, tmp_path / "m.skops")
    storage.save_estimator(again, tmp_path / "again.skops")
    assert (tmp_path / "m.skops").read_bytes() == (tmp_path / "again.skops").read_bytes()
    assert np.array_equal(storage.load_estimator(tmp_path / "m.skops").predict(test_x), predicted)


@pytest.mark.parametrize(("strategy", "expected"), [("mean", np.mean), ("median", np.median)])
def test_a_dummy_knows_the_training_rows_alone(strategy: str, expected: Any, tmp_path: Path) -> None:
    (x, y), (test_x, _) = _rows(160, 0), _rows(80, 1)
    estimator = build.make_estimator("dummy", {"strategy": strategy}, seed=3, threads=1)
    build.fit_estimator(estimator, x, y, threads=1)
    storage.save_estimator(estimator, tmp_path / "m.skops")
    predicted = storage.load_estimator(tmp_path / "m.skops").predict(test_x)
    np.testing.assert_allclose(predicted, np.full(80, expected(y)))


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "bagging", "k_neighbors", "lightgbm"])
def test_threads_do_not_change_the_numbers(name: str) -> None:
    x, y = _rows(160, 0)
    assert np.array_equal(_fit(name, x, y, threads=2).predict(x), _fit(name, x, y).predict(x))


@pytest.mark.parametrize("name", ["lasso", "elastic_net", "sgd", "svr", "kernel_ridge"])
def test_the_unit_of_the_target_does_not_matter(name: str) -> None:
    (x, y), (_, large) = _rows(160, 0), _rows(160, 0, scale=1000.0)
    np.testing.assert_allclose(_fit(name, x, large).predict(x), 1000 * _fit(name, x, y).predict(x), rtol=1e-3, atol=1)


@pytest.mark.parametrize("name", catalogue.ESTIMATORS)
def test_every_parameter_is_one_of_the_class(name: str) -> None:
    entry = catalogue.ESTIMATORS[name]
    made = getattr(importlib.import_module(entry.module), entry.name)
    known = set(inspect.signature(made).parameters) | set(made().get_params(deep=False))
    assert entry.parameters <= known
    assert {key for key in (entry.seed, entry.threads) if key} <= known - entry.parameters
    assert ("n_jobs" in known) == (entry.threads == "n_jobs") or name == "linear_regression"
    assert ("random_state" in known) == (entry.seed is not None)


def test_seed_threads_and_parameters_arrive() -> None:
    forest = build.make_estimator("random_forest", {"max_depth": 3}, seed=9, threads=2)
    assert (forest.random_state, forest.n_jobs, forest.max_depth) == (9, 2, 3)
    boosted = build.make_estimator("catboost", {}, seed=9, threads=2).get_params()
    assert (boosted["random_seed"], boosted["thread_count"]) == (9, 2)


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'random_forest'"):
        build.make_estimator("random_forrest", {}, 0, 1)
    with pytest.raises(ConfigError, match=r"parameters.depth.*no such parameter"):
        build.make_estimator("random_forest", {"depth": 3}, 0, 1)
    with pytest.raises(ConfigError, match=r"parameters.n_jobs.*no such parameter"):
        build.make_estimator("random_forest", {"n_jobs": 3}, 0, 1)


@pytest.mark.parametrize(("name", "parameters"), [("random_forest", {"max_depth": "deep"}), ("lasso", {"alpha": -1})])
def test_a_wrong_value_is_named(name: str, parameters: dict[str, Any]) -> None:
    ((key, value),) = parameters.items()
    estimator = build.make_estimator(name, parameters, 0, 1)
    with pytest.raises(ConfigError, match=f"The '{key}' parameter of .* Got {value!r} instead.*under 'parameters'"):
        build.fit_estimator(estimator, np.eye(4), np.arange(4.0), 1)


def test_foreign_files_are_not_loaded(tmp_path: Path) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(FunctionTransformer(Path.exists), tmp_path / "m.skops")
    with pytest.raises(DataError, match="holds types"):
        storage.load_estimator(tmp_path / "m.skops")
    (tmp_path / "m.skops").write_bytes(b"no archive")
    with pytest.raises(DataError, match="not an estimator of this workflow"):
        storage.load_estimator(tmp_path / "m.skops")


@pytest.mark.parametrize("parameters", [{"algorithm": "ball_tree"}, {"metric": "chebyshev"}, {"p": 3}])
def test_neighbours_survive_saving_however_they_are_found(parameters: dict[str, Any], tmp_path: Path) -> None:
    (x, y), (test_x, _) = _rows(160, 0), _rows(80, 1)
    estimator = build.make_estimator("k_neighbors", parameters, seed=3, threads=1).fit(x, y)
    storage.save_estimator(estimator, tmp_path / "m.skops")
    assert np.array_equal(storage.load_estimator(tmp_path / "m.skops").predict(test_x), estimator.predict(test_x))
