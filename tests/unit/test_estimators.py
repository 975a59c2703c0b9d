"""The estimators and the search over them, on a small regression."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elemflow.errors import ConfigError, DataError
from elemflow.estimators import registry, storage
from elemflow.estimators import search as search_module
from elemflow.training.data import Part

pytest.importorskip("sklearn")

SMALL: dict[str, dict[str, Any]] = {
    name: {"n_estimators": 8} for name in ("random_forest", "extra_trees", "gradient_boosting", "ada_boost")
} | {"hist_gradient_boosting": {"max_iter": 8}}


def _part(rows: int, seed: int) -> Part:
    rng = np.random.default_rng(seed)
    x = rng.random((rows, 4), dtype=np.float32)
    return Part(np.array([f"m{i}" for i in range(rows)], dtype=object), x, 5 * x[:, 0] + np.sin(6.0 * x[:, 1]))


@pytest.mark.parametrize("name", registry.ESTIMATORS)
def test_learns_repeats_and_survives_saving(name: str, tmp_path: Path) -> None:
    train, test = _part(160, 0), _part(80, 1)
    predictions = []
    for _ in range(2):
        estimator = registry.make_estimator(name, SMALL.get(name, {}), seed=3, threads=2)
        registry.fit_estimator(estimator, train.x, train.y, threads=2)
        predictions.append(estimator.predict(test.x))
    assert np.array_equal(*predictions)
    assert np.mean(np.abs(predictions[0] - test.y)) < 0.8 * np.mean(np.abs(test.y - np.median(train.y)))
    storage.save_estimator(estimator, tmp_path / "m.skops")
    assert np.array_equal(storage.load_estimator(tmp_path / "m.skops").predict(test.x), predictions[0])


def test_seed_threads_and_parameters_arrive() -> None:
    forest = registry.make_estimator("random_forest", {"max_depth": 3}, seed=9, threads=2)
    assert (forest.random_state, forest.n_jobs, forest.max_depth) == (9, 2, 3)


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'random_forest'"):
        registry.make_estimator("random_forrest", {}, 0, 1)
    with pytest.raises(ConfigError, match=r"parameters.depth.*no such parameter"):
        registry.make_estimator("random_forest", {"depth": 3}, 0, 1)


def test_foreign_types_are_not_loaded(tmp_path: Path) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(FunctionTransformer(Path.exists), tmp_path / "m.skops")
    with pytest.raises(DataError, match="holds types"):
        storage.load_estimator(tmp_path / "m.skops")


def _search(estimators: list[str], trials: int, train: Part, validation: Part, seed: int = 1) -> search_module.Found:
    declared = {"trials": trials, "estimators": estimators}
    return search_module.search(declared, train, validation, seed=seed, threads=1, label="test")


def test_search_keeps_the_best_by_validation_and_repeats() -> None:
    train, validation = _part(120, 0), _part(60, 1)
    names = ["ridge", "k_neighbors", "decision_tree", "svr"]
    one, two = (_search(names, 14, train, validation) for _ in range(2))
    errors = [trial["validation_mae"] for trial in one.trials]
    assert errors == [trial["validation_mae"] for trial in two.trials]
    assert [trial["trial"] for trial in one.trials] == list(range(1, 15))
    assert one.best_trial == int(np.argmin(errors)) + 1
    assert np.mean(np.abs(one.best.predict(validation.x) - validation.y)) == min(errors)
    best = one.trials[one.best_trial - 1]
    again = registry.make_estimator(best["estimator"], best["parameters"], 1, 1).fit(train.x, train.y)
    assert np.array_equal(again.predict(validation.x), one.best.predict(validation.x))


def test_every_space_gives_valid_parameters() -> None:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for name, space in search_module.SPACES.items():
        for _ in range(5):
            parameters = space(search_module._Prefixed(study.ask(), name))
            registry.make_estimator(name, parameters, 0, 1)
    assert set(search_module.SPACES) == set(registry.ESTIMATORS)


def test_slow_estimators_leave_the_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(search_module.ROW_LIMITS, "svr", 100)
    train, validation = _part(120, 0), _part(20, 1)
    assert {t["estimator"] for t in _search(["svr", "ridge"], 6, train, validation).trials} == {"ridge"}
    with pytest.raises(ConfigError, match="too slow for 120 training rows"):
        _search(["svr"], 2, train, validation)
    with pytest.raises(ConfigError, match="no search space"):
        _search(["svm"], 2, train, validation)
