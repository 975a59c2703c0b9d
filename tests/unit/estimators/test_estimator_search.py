"""Searches over grids and estimators, on a small regression."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elemflow.config import estimators as catalogue
from elemflow.config.model import EstimatorModel, SearchModel
from elemflow.core.errors import ConfigError, TrainingError
from elemflow.estimators import build, flaml_search
from elemflow.estimators import hyperparameter_search as search_module
from elemflow.estimators import optuna_spaces as automl
from elemflow.training.data import RoleData

pytest.importorskip("sklearn")

TREE = {
    "estimator": "decision_tree",
    "parameters": {"max_features": 1.0},
    "search": {"method": "grid", "trials": 3, "grid": {"max_depth": [1, 4, None], "min_samples_leaf": [1, 3]}},
}
LINE: dict[str, Any] = {"estimator": "linear_regression", "parameters": {}}


def _part(rows: int, seed: int) -> RoleData:
    x = np.random.default_rng(seed).random((rows, 4), dtype=np.float32)
    return RoleData(np.array([f"m{i}" for i in range(rows)], dtype=object), x, 5 * x[:, 0] + np.sin(6.0 * x[:, 1]))


TRAIN, VALIDATION = _part(120, 0), _part(60, 1)


def _search(
    *candidates: search_module.SearchSpace, folds: Any = None, kept: search_module.KeptTrials | None = None
) -> search_module.SearchResult:
    return search_module.search_hyperparameters(
        candidates, TRAIN, VALIDATION, folds=folds, seed=1, threads=1, label="test", kept=kept
    )


def _automl(estimators: list[str], trials: int, *, standardise: bool = True) -> search_module.SearchResult:
    declared = SearchModel(
        kind="search", engine="optuna", trials=trials, estimators=tuple(estimators), standardise=standardise
    )
    return _search(automl.optuna_space(declared, len(TRAIN), 1, "test"))


def _grid(name: str, model: dict[str, Any], seed: int, trials: int | None = None) -> search_module.SearchSpace:
    declared = EstimatorModel.model_validate({"kind": "estimator"} | model)
    return search_module.grid_space(name, declared, seed, trials)


def _errors(found: search_module.SearchResult) -> list[float]:
    return [trial.validation_mae for trial in found.trials]


def _points(found: search_module.SearchResult) -> list[tuple[Any, Any]]:
    return [(trial.parameters["max_depth"], trial.parameters["min_samples_leaf"]) for trial in found.trials]


def test_automl_keeps_the_best_by_validation_and_repeats() -> None:
    names = ["ridge", "k_neighbors", "decision_tree", "svr"]
    one, two = _automl(names, 14), _automl(names, 14)
    assert _errors(one) == _errors(two)
    assert [trial.trial for trial in one.trials] == list(range(1, 15))
    assert one.best_trial == int(np.argmin(_errors(one))) + 1
    assert np.mean(np.abs(one.best.predict(VALIDATION.x) - VALIDATION.y)) == min(_errors(one))
    again = build.make_estimator(one.winner.estimator, one.winner.parameters, 1, 1).fit(TRAIN.x, TRAIN.y)
    assert np.array_equal(again.predict(VALIDATION.x), one.best.predict(VALIDATION.x))


def test_automl_can_leave_inputs_and_target_as_they_are() -> None:
    found = _automl(["k_neighbors", "svr"], 6, standardise=False)
    assert type(found.best).__name__ in ("KNeighborsRegressor", "SVR"), "no scaler before it"
    assert _errors(found) != _errors(_automl(["k_neighbors", "svr"], 6))


def test_a_grid_is_tried_whole_and_fixed_parameters_stay() -> None:
    found = _search(_grid("tree", TREE, 1))
    assert sorted(_points(found), key=str) == sorted([(d, s) for d in (1, 4, None) for s in (1, 3)], key=str)
    assert all(trial.parameters["max_features"] == 1.0 for trial in found.trials)
    assert {trial.model for trial in found.trials} == {"tree"}


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_a_part_of_a_grid(method: str) -> None:
    model = TREE | {"search": TREE["search"] | {"method": method}}  # type: ignore[operator]
    points = [_points(_search(_grid("tree", model, seed))) for seed in (1, 1, 2)]
    assert points[0] == points[1] != points[2]
    assert len(points[0]) == 3
    if method == "random":
        assert len(set(points[0])) == 3


def test_the_winner_of_folds_is_fitted_on_all_rows() -> None:
    halves = np.arange(len(TRAIN)) % 2 == 0
    folds = [(TRAIN.take(~mask), TRAIN.take(mask)) for mask in (halves, ~halves)]
    found = _search(_grid("tree", TREE, 1), folds=folds)
    best = build.make_estimator("decision_tree", found.winner.parameters, 1, 1).fit(TRAIN.x, TRAIN.y)
    assert np.array_equal(best.predict(VALIDATION.x), found.best.predict(VALIDATION.x))
    assert min(_errors(found)) not in _errors(_search(_grid("tree", TREE, 1)))


def test_the_best_of_several_models() -> None:
    line, tree = (_grid(*pair, 1, 2) for pair in (("line", LINE), ("tree", TREE)))
    found = _search(line, tree)
    assert [trial.model for trial in found.trials] == ["line", "tree", "tree"]
    assert found.winner.validation_mae == min(_errors(found))


@pytest.mark.parametrize("in_folds", [False, True])
@pytest.mark.parametrize("method", ["grid", "tpe"])
def test_a_search_that_is_killed_goes_on_with_the_next_trial(
    method: str, in_folds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = np.arange(len(TRAIN)) % 2 == 0
    folds = [(TRAIN.take(~mask), TRAIN.take(mask)) for mask in (halves, ~halves)] if in_folds else None
    model = TREE | {"search": TREE["search"] | {"method": method}}  # type: ignore[operator]
    whole = _search(_grid("tree", model, 1), folds=folds)
    fitted: list[int] = []
    fit = search_module._fit_and_evaluate

    def counted(*given: Any) -> Any:
        fitted.append(len(fitted) + 1)
        return fit(*given)

    def end_after_two(_: float) -> None:
        if len(fitted) == 2:
            raise SystemExit

    monkeypatch.setattr(search_module, "_fit_and_evaluate", counted)
    with pytest.raises(SystemExit):
        _search(_grid("tree", model, 1), folds=folds, kept=search_module.KeptTrials(tmp_path / "trials", end_after_two))
    (tmp_path / "trials" / "2.json").write_text("{")  # cut off by the kill
    fitted.clear()
    found = _search(_grid("tree", model, 1), folds=folds, kept=search_module.KeptTrials(tmp_path / "trials"))
    assert len(fitted) == len(whole.trials) - 1
    assert _errors(found) == _errors(whole)
    assert _points(found) == _points(whole)
    assert found.best_trial == whole.best_trial
    assert np.array_equal(found.best.predict(VALIDATION.x), whole.best.predict(VALIDATION.x))
    fitted.clear()
    again = _search(_grid("tree", model, 1), folds=folds, kept=search_module.KeptTrials(tmp_path / "trials"))
    assert not fitted
    assert np.array_equal(again.best.predict(VALIDATION.x), whole.best.predict(VALIDATION.x))


def test_trials_that_diverge_do_not_win() -> None:
    diverging = {"estimator": "sgd", "parameters": {"learning_rate": "constant", "eta0": 30.0}}
    candidates = [_grid(*pair, 1) for pair in (("sgd", diverging), ("line", LINE))]
    assert _search(*candidates).winner.model == "line"
    nothing = RoleData(TRAIN.material_id, TRAIN.x, np.full(len(TRAIN), np.nan))
    with pytest.raises(TrainingError, match="none of 1 trials gave finite"):
        search_module.search_hyperparameters(candidates[1:], TRAIN, nothing, seed=1, threads=1, label="test")


def test_a_trial_that_diverges_among_others_has_no_error() -> None:
    search = {"method": "grid", "trials": 2, "grid": {"learning_rate": [20.0, 0.1]}}
    boosted = {"estimator": "gradient_boosting", "parameters": {"n_estimators": 300}, "search": search}
    found = _search(_grid("boosted", boosted, 1))
    assert sorted(error is None for error in _errors(found)) == [False, True]
    assert np.isfinite(found.winner.validation_mae)


def test_every_space_gives_valid_parameters() -> None:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for name, space in automl.SPACES.items():
        for _ in range(5):
            parameters = space(automl._Prefixed(study.ask(), name))
            build.make_estimator(name, parameters, 0, 1)
    assert set(automl.SPACES) == set(catalogue.SEARCHABLE["optuna"])


def test_slow_estimators_leave_the_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(automl.ROW_LIMITS, "svr", 100)
    assert {trial.estimator for trial in _automl(["svr", "ridge"], 6).trials} == {"ridge"}
    with pytest.raises(ConfigError, match="too slow for 120 training rows"):
        _automl(["svr"], 2)


def test_flaml_keeps_the_best_by_validation_and_repeats(caplog: pytest.LogCaptureFixture) -> None:
    names = tuple(catalogue.SEARCHABLE["flaml"])
    declared = SearchModel(kind="search", engine="flaml", trials=8, estimators=names)
    with caplog.at_level(logging.INFO, "elemflow"):
        one, two = (
            flaml_search.search_with_flaml(declared, TRAIN, VALIDATION, seed=1, threads=1, label="test")
            for _ in range(2)
        )
    assert _errors(one) == _errors(two)
    assert {trial.model for trial in one.trials} == set(names)
    assert len(one.trials) == 8
    assert np.mean(np.abs(one.best.predict(VALIDATION.x) - VALIDATION.y)) == min(_errors(one))
    assert "8 trials, best" in caplog.text
