"""Search for the regressor with the lowest mean absolute error on the validation set, or over inner folds.

The test set never enters. A finished trial is a file; a search that starts again takes the errors of those that are
there and goes on with the next.
"""

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elemflow.config.model import EstimatorModel, GridSearch, ParameterValue
from elemflow.core.errors import TrainingError
from elemflow.core.files import read_json, write_json
from elemflow.estimators.build import fit_estimator, make_estimator
from elemflow.estimators.rows import Folds, Rows

if TYPE_CHECKING:
    import optuna

log = logging.getLogger(__name__)

Parameters = dict[str, ParameterValue]
"""Parameters of an estimator by name."""


@dataclass(frozen=True)
class SearchSpace:
    """Where trials come from.

    Attributes:
        name: Id of the model that wins with one of these trials; None for the name of the estimator.
        trials: Number of trials.
        sampler: Optuna's sampler.
        propose: From an Optuna trial to the name and the parameters of an estimator.
        standardise: Whether estimators get the scalers that `elemflow.config.estimators` has for them.
    """

    name: str | None
    trials: int
    sampler: "optuna.samplers.BaseSampler"
    propose: Callable[["optuna.Trial"], tuple[str, Parameters]]
    standardise: bool = True


@dataclass(frozen=True)
class Trial:
    """One set of hyperparameters that was tried.

    Attributes:
        trial: Number, from 1.
        model: Id of the model, or name of the estimator in a search over estimators.
        estimator: Name of the estimator.
        parameters: Its hyperparameters.
        validation_mae: Mean absolute error over the validation rows or inner folds; None if it is not finite.
        seconds: Seconds of fitting and prediction.
    """

    trial: int
    model: str
    estimator: str
    parameters: Parameters
    validation_mae: float | None
    seconds: float


@dataclass(frozen=True)
class KeptTrials:
    """Where finished trials are kept for the next start.

    Attributes:
        folder: A folder of this search alone.
        before: Called before each trial that is fitted, with the seconds of the longest one since the start, 0 before
            the first; ends the process if the job has not that much time.
    """

    folder: Path
    before: Callable[[float], None] = lambda _: None

    def read(self, number: int, estimator: str, parameters: Parameters) -> tuple[Trial, float] | None:
        """Return a finished trial and its error as it was computed, which may be infinite or NaN.

        Args:
            number: Number of the trial.
            estimator: Its estimator.
            parameters: Its hyperparameters.

        Returns:
            None where there is none of this estimator with these hyperparameters.
        """
        try:
            stored = read_json(self.folder / f"{number}.json")
            trial, mae = Trial(**stored["trial"]), float(stored["mae"])
        except (OSError, ValueError, KeyError, TypeError):  # absent or damaged: it is fitted again
            return None
        return (trial, mae) if (trial.estimator, trial.parameters) == (estimator, parameters) else None

    def write(self, trial: Trial, mae: float) -> None:
        """Keep a finished trial and its error."""
        write_json(self.folder / f"{trial.trial}.json", {"trial": asdict(trial), "mae": repr(mae)})


@dataclass(frozen=True)
class SearchResult:
    """The result of a hyperparameter search.

    Attributes:
        best: The best estimator, fitted on the training set.
        best_trial: Number of its trial, from 1.
        trials: All trials, in order.
    """

    best: Any
    best_trial: int
    trials: list[Trial]

    @property
    def winner(self) -> Trial:
        """Return the best trial."""
        return self.trials[self.best_trial - 1]


def grid_space(name: str, model: EstimatorModel, seed: int, trials: int | None = None) -> SearchSpace:
    """Return the points of an estimator's grid as trials, or its parameters alone if it has no grid.

    Args:
        name: Id of the model.
        model: The model.
        seed: Seed of the sampler.
        trials: Number of points drawn at random, in place of the model's own `search`; a smaller grid is tried whole.
    """
    import optuna  # noqa: PLC0415  heavy, and only searches need it

    search = model.search or GridSearch(method="grid", grid={})
    grid = {key: list(values) for key, values in search.grid.items()}
    method = search.method if trials is None else "random"
    points = math.prod(len(values) for values in grid.values())
    wanted = points if method == "grid" else min(points, trials or search.trials)
    # Optuna's grid sampler draws points in random order without repetition, so a part of a grid is a random search.
    sampler = optuna.samplers.TPESampler(seed=seed) if method == "tpe" else optuna.samplers.GridSampler(grid, seed=seed)

    def propose(trial: "optuna.Trial") -> tuple[str, Parameters]:
        chosen = {key: trial.suggest_categorical(key, values) for key, values in grid.items()}
        return model.estimator, model.parameters | chosen

    return SearchSpace(name, wanted, sampler, propose)


@dataclass
class _Best:
    """The best trial so far."""

    mae: float = math.inf
    estimator: Any = None
    trial: int = 0
    make: Callable[[], Any] | None = None


def search_hyperparameters(
    spaces: Sequence[SearchSpace],
    train: Rows,
    validation: Rows,
    *,
    folds: Folds | None = None,
    seed: int,
    threads: int,
    label: str,
    kept: KeptTrials | None = None,
) -> SearchResult:
    """Try the trials of all spaces and keep the best, fitted on the whole training set.

    Args:
        spaces: Where trials come from.
        train: Training set.
        validation: Validation set that selects the best trial; not used if there are `folds`.
        folds: Inner folds of the training set, which then select the best trial.
        seed: Seed of every estimator.
        threads: Threads of every estimator.
        label: What is searched for, for the log.
        kept: Finished trials of an earlier start, and where those of this one go; None keeps none.

    Returns:
        The best estimator and all trials; equal arguments give equal results.

    Raises:
        TrainingError: No trial gave finite predictions.
    """
    import optuna  # noqa: PLC0415  heavy, and only searches need it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    total = sum(space.trials for space in spaces)
    evaluated_on = f"{len(folds)}-fold" if folds else "validation"
    trials: list[Trial] = []
    best, longest = _Best(), 0.0

    def evaluate(space: SearchSpace, proposed: "optuna.Trial") -> float:
        nonlocal longest
        name, parameters = space.propose(proposed)
        make = partial(make_estimator, name, parameters, seed, threads, standardise=space.standardise)
        number, estimator = len(trials) + 1, None
        if found := kept and kept.read(number, name, parameters):
            trial, mae = found
        else:
            if kept:
                kept.before(longest)
            started = time.monotonic()
            estimator, mae = _fit_and_evaluate(make, folds or [(train, validation)], threads)
            seconds = time.monotonic() - started
            longest = max(longest, seconds)
            error = mae if np.isfinite(mae) else None
            trial = Trial(number, space.name or name, name, parameters, error, round(seconds, 3))
            if kept:
                kept.write(trial, mae)
        trials.append(trial)
        if mae < best.mae:
            best.mae, best.estimator, best.trial, best.make = mae, estimator, trial.trial, make
        log.info(
            "%s, trial %d/%d: %s, %s MAE %.5g, best %.5g @ %d, %.1f s%s",
            label, number, total, trial.model, evaluated_on, mae, best.mae, best.trial, trial.seconds,
            ", finished before" if found else "",
        )  # fmt: skip
        return mae

    for space in spaces:
        study = optuna.create_study(direction="minimize", sampler=space.sampler)
        study.optimize(partial(evaluate, space), n_trials=space.trials)
    if best.make is None:
        raise TrainingError(
            f"{label}: none of {total} trials gave finite predictions. Narrow the grid, for example to smaller steps."
        )
    found = SearchResult(best.estimator, best.trial, trials)
    if best.estimator is not None and not folds:
        return found
    estimator = best.make()
    fit_estimator(estimator, train.x, train.y, threads)
    return replace(found, best=estimator)


def _fit_and_evaluate(make: Callable[[], Any], folds: Iterable[tuple[Rows, Rows]], threads: int) -> tuple[Any, float]:
    """Return the estimator of the last fold, fitted, and the mean absolute error over the evaluated rows of all."""
    errors: list[np.ndarray] = []
    for train, evaluated in folds:
        estimator = make()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a trial that does not converge shows in its error
            fit_estimator(estimator, train.x, train.y, threads)
        errors.append(np.abs(estimator.predict(evaluated.x) - evaluated.y))
    return estimator, float(np.mean(np.concatenate(errors)))
