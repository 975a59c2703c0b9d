"""Fitting of one estimator, with fixed hyperparameters or with the best point of its grid."""

import logging
import time

import numpy as np

from elemflow.config.model import EstimatorModel
from elemflow.core.roles import Role
from elemflow.estimators.build import fit_estimator, make_estimator
from elemflow.estimators.hyperparameter_search import grid_space, search_hyperparameters
from elemflow.estimators.storage import save_estimator
from elemflow.training.fitter import Fitted, ModelNotApplicable, Task
from elemflow.training.fitters.common import (
    EstimatorFitterBase,
    as_fitted,
    inner_folds,
    kept_trials,
    selection_roles,
    why_too_large,
)

log = logging.getLogger(__name__)


class EstimatorFitter(EstimatorFitterBase):
    """Fits models of kind `estimator`."""

    @property
    def model(self) -> EstimatorModel:
        """The model of the run."""
        assert isinstance(self.run.model, EstimatorModel)  # noqa: S101  this module serves its kind alone
        return self.run.model

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        return selection_roles(self.model.search)

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`."""
        model, data, threads = self.model, task.data, self.backend.threads
        if reason := why_too_large(model, len(data.train)):
            raise ModelNotApplicable(reason)
        seed = self.run.seed_of(data.member)
        if model.search:
            folds = inner_folds(model.search, data, seed)
            spaces = [grid_space(self.run.run.model, model, seed)]
            found = search_hyperparameters(
                spaces,
                data.train,
                data.validation,
                folds=folds,
                seed=seed,
                threads=threads,
                label=task.label,
                kept=kept_trials(task),
            )
            return as_fitted(found, folds=model.search.folds if folds else None)
        estimator = make_estimator(model.estimator, model.parameters, seed, threads)
        started = time.monotonic()
        fit_estimator(estimator, data.train.x, data.train.y, threads)
        seconds = time.monotonic() - started
        log.info("%s: fitted in %.1f s", task.label, seconds)
        return Fitted(
            predict=lambda rows: np.asarray(estimator.predict(rows.x), dtype=np.float64),
            save=lambda to, name: save_estimator(estimator, to / f"{name}.skops"),
            history=[],
            facts={"epochs": 0},
            seconds=seconds,
        )


FITTER = EstimatorFitter
