"""Helpers shared by the fitters of estimators and of searches over hyperparameters."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from elemflow.chemistry.material_id import composition_of
from elemflow.config.model import BestOfModel, EstimatorModel, GridSearch
from elemflow.core.errors import TrainingError
from elemflow.core.roles import Role
from elemflow.estimators.hyperparameter_search import KeptTrials, SearchResult
from elemflow.estimators.storage import save_estimator
from elemflow.splits.schemes.base import random_folds
from elemflow.training import interruption
from elemflow.training.backend import EngineInfo
from elemflow.training.data import MemberData, RoleData
from elemflow.training.fitter import Fitted, Fitter, Task
from elemflow.training.state import HistoryRow


@dataclass(frozen=True)
class CompositionFolds:
    """Folds of a training set; see `elemflow.estimators.rows.Folds`.

    Attributes:
        train: The training set.
        masks: Rows to evaluate of each fold, shape (rows,).
    """

    train: RoleData
    masks: Sequence[np.ndarray]

    def __iter__(self) -> Iterator[tuple[RoleData, RoleData]]:
        """Yield the rows to fit and the rows to evaluate of each fold."""
        return ((self.train.take(~mask), self.train.take(mask)) for mask in self.masks)

    def __len__(self) -> int:
        """Return the number of folds."""
        return len(self.masks)


class EstimatorFitterBase(Fitter):
    """What the fitters of models with scikit-learn's interface have in common: they compute on the CPU."""

    @property
    def engine(self) -> str:
        """See `elemflow.training.fitter.Fitter`."""
        return "scikit-learn"

    def start(self) -> EngineInfo:
        """See `elemflow.training.fitter.Fitter`."""
        return EngineInfo(self.engine, "cpu")

    @abstractmethod
    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`."""


def kept_trials(task: Task) -> KeptTrials:
    """Return where the trials of a member are kept, as long as the job's time has room for another one."""

    def stop_if_late(seconds: float) -> None:
        if reason := interruption.requested(seconds):
            raise interruption.Stopped(f"{task.label}: stopped by {reason} between two trials", reason)

    return KeptTrials(task.folder / "trials", stop_if_late)


def selection_roles(search: GridSearch | BestOfModel | None) -> set[Role]:
    """Return the roles that a search must have rows of to select hyperparameters."""
    return {Role.VALIDATION} if search and search.select_by == "validation" else set()


def why_too_large(model: EstimatorModel, rows: int) -> str | None:
    """Return why a model is not fitted to so many training rows, or None."""
    limit = model.max_rows
    return f"too large ({rows:,} training rows > {limit:,})" if limit and rows > limit else None


def inner_folds(search: GridSearch | BestOfModel, data: MemberData, seed: int) -> CompositionFolds | None:
    """Return the folds of the training set that select hyperparameters, or None if the validation set does.

    Args:
        search: Its `select_by` and `folds` count; `auto` is the validation set if that has rows.
        data: The member.
        seed: Seed of the folds.

    Raises:
        TrainingError: The training set has too few compositions.
    """
    by_validation = {"validation": True, "inner_cv": False, "auto": len(data.validation) > 0}[search.select_by]
    return None if by_validation else composition_folds(data.train, search.folds, seed)


def composition_folds(train: RoleData, n_folds: int, seed: int) -> CompositionFolds:
    """Return the folds of a training set, with all rows of a composition in one fold.

    Args:
        train: The training set.
        n_folds: Number of folds; a composition of many rows may leave some without any, which are dropped.
        seed: Seed of the folds.

    Raises:
        TrainingError: The training set has too few compositions.
    """
    compositions = [composition_of(str(material)) for material in train.material_id]
    numbers = random_folds(compositions, n_folds, f"{seed}/inner/0")
    masks = [mask for fold in range(n_folds) if (mask := numbers == fold).any() and not mask.all()]
    if not masks:
        raise TrainingError(
            f"no {n_folds} folds can be made of {len(train)} training rows of {len(set(compositions))} compositions, "
            "whose materials stay together. Use a validation set (select_by: validation) or more rows."
        )
    return CompositionFolds(train, masks)


def as_fitted(found: SearchResult, **facts: Any) -> Fitted:
    """Return the winner of a search as a fitted member, with one row of history per trial."""
    return Fitted(
        predict=lambda rows: np.asarray(found.best.predict(rows.x), dtype=np.float64),
        save=lambda to, name: save_estimator(found.best, to / f"{name}.skops"),
        history=[HistoryRow(trial.trial, trial.validation_mae, trial.seconds) for trial in found.trials],
        facts={"epochs": 0, "trials": [asdict(trial) for trial in found.trials], "best_trial": found.best_trial}
        | facts,
        seconds=sum(trial.seconds for trial in found.trials),
    )
