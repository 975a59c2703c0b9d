"""Search for the regressor with the lowest MAE on the validation part, or by cross-validation in the training part.

The test part never enters.
"""

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import TrainingError
from elemflow.estimators.build import fit_estimator, make_estimator
from elemflow.splits.schemes.base import random_folds

if TYPE_CHECKING:
    import optuna

    from elemflow.training.data import RoleData

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """Where trials come from.

    Attributes:
        name: What it is called if it wins; None for the name of the estimator.
        trials: Number of trials.
        sampler: Optuna's sampler.
        propose: From a trial to the name and the parameters of an estimator.
        standardise: Whether estimators get the scalers that the registry has for them.
    """

    name: str | None
    trials: int
    sampler: "optuna.samplers.BaseSampler"
    propose: Callable[["optuna.Trial"], tuple[str, dict[str, Any]]]
    standardise: bool = True


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        best: The best estimator, fitted on the training part.
        best_trial: Its trial number, from 1.
        trials: One dict per trial: `trial`, `model`, `estimator`, `parameters`, `validation_mae` (over the rows that
            it is judged by), `seconds`.
    """

    best: Any
    best_trial: int
    trials: list[dict[str, Any]]

    @property
    def winner(self) -> dict[str, Any]:
        """Return the best trial."""
        return self.trials[self.best_trial - 1]


def declared_grid(name: str, model: Mapping[str, Any], seed: int, trials: int | None = None) -> Candidate:
    """Return the trials of a model of kind `estimator`: points of its grid, or its parameters alone if it has none.

    Args:
        name: Id of the model.
        model: Its declaration.
        seed: Seed of the sampler.
        trials: Points drawn at random in place of what its `search` says; a smaller grid is tried whole.
    """
    import optuna  # noqa: PLC0415

    declared = model.get("search", {"method": "grid", "grid": {}})
    grid, method = declared["grid"], declared["method"] if trials is None else "random"
    points = math.prod(len(values) for values in grid.values())
    wanted = points if method == "grid" else min(points, trials or declared["trials"])
    # Optuna's grid sampler draws points in random order without repetition, so a part of a grid is a random search.
    sampler = optuna.samplers.TPESampler(seed=seed) if method == "tpe" else optuna.samplers.GridSampler(grid, seed=seed)

    def propose(trial: "optuna.Trial") -> tuple[str, dict[str, Any]]:
        chosen = {key: trial.suggest_categorical(key, values) for key, values in grid.items()}
        return model["estimator"], model["parameters"] | chosen

    return Candidate(name, wanted, sampler, propose)


def search(
    candidates: Sequence[Candidate],
    train: "RoleData",
    validation: "RoleData",
    *,
    folds: int | None = None,
    seed: int,
    threads: int,
    label: str,
) -> Found:
    """Try the trials of all candidates and keep the best, fitted on the whole training part.

    Args:
        candidates: Where trials come from.
        train: Rows to fit.
        validation: Rows to choose by; not used if `folds` are given.
        folds: Number of folds inside the training part to choose by, materials of one composition together.
        seed: Seed of the folds and of every estimator.
        threads: Threads of every estimator.
        label: What is searched for, for the log.

    Returns:
        The best estimator and all trials; equal arguments give equal results.

    Raises:
        TrainingError: No trial gave finite predictions.
    """
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    total = sum(candidate.trials for candidate in candidates)
    trials: list[dict[str, Any]] = []
    best: dict[str, Any] = {"mae": np.inf, "estimator": None, "trial": 0, "make": None}

    def judge(candidate: Candidate, trial: "optuna.Trial") -> float:
        name, parameters = candidate.propose(trial)
        make = partial(make_estimator, name, parameters, seed, threads, standardise=candidate.standardise)
        started = time.monotonic()
        estimator, mae = _fit_and_judge(make, _divisions(train, validation, folds, seed), threads)
        seconds = time.monotonic() - started
        number, model = len(trials) + 1, candidate.name or name
        entry = {"trial": number, "model": model, "estimator": name, "parameters": parameters}
        trials.append(entry | {"validation_mae": mae if np.isfinite(mae) else None, "seconds": round(seconds, 3)})
        if mae < best["mae"]:
            best.update(mae=mae, estimator=estimator, trial=number, make=make)
        log.info(
            "%s, trial %d/%d: %s, %s MAE %.5g, best %.5g @ %d, %.1f s",
            label, number, total, model, f"{folds}-fold" if folds else "validation", mae, best["mae"], best["trial"],
            seconds,
        )  # fmt: skip
        return mae

    for candidate in candidates:
        study = optuna.create_study(direction="minimize", sampler=candidate.sampler)
        study.optimize(partial(judge, candidate), n_trials=candidate.trials)
    if not best["trial"]:
        raise TrainingError(
            f"{label}: none of {total} trials gave finite predictions. Narrow the grid, for example to smaller steps."
        )
    found = Found(best["estimator"], best["trial"], trials)
    if not folds:
        return found
    estimator = best["make"]()
    fit_estimator(estimator, train.x, train.y, threads)
    return replace(found, best=estimator)


def _fit_and_judge(
    make: Callable[[], Any], divisions: Iterable[tuple["RoleData", "RoleData"]], threads: int
) -> tuple[Any, float]:
    """Return the estimator of the last division, fitted, and the mean absolute error over the rows of all."""
    errors: list[np.ndarray] = []
    for train, judged in divisions:
        estimator = make()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a trial that does not converge is judged by its error
            fit_estimator(estimator, train.x, train.y, threads)
        errors.append(np.abs(estimator.predict(judged.x) - judged.y))
    return estimator, float(np.mean(np.concatenate(errors)))


def _divisions(
    train: "RoleData", validation: "RoleData", folds: int | None, seed: int
) -> Iterator[tuple["RoleData", "RoleData"]]:
    """Yield the rows to fit and the rows to judge by."""
    if folds is None:
        yield train, validation
        return
    compositions = [composition_of(str(material)) for material in train.material_id]
    fold_of = random_folds(compositions, folds, f"{seed}/inner/0")
    parts = [fold_of == fold for fold in range(folds)]
    # A composition of many rows may leave folds without any.
    usable = [judged for judged in parts if judged.any() and not judged.all()]
    if not usable:
        raise TrainingError(
            f"no {folds} folds can be made of {len(train)} training rows of {len(set(compositions))} compositions, "
            "whose materials stay together. Choose by a validation part (select_by: validation) or take more rows."
        )
    for judged in usable:
        yield train.take(~judged), train.take(judged)
