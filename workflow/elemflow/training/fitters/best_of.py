"""The best of several declared models, evaluated under equal conditions."""

import logging

from elemflow.config.model import BestOfModel
from elemflow.core.roles import Role
from elemflow.estimators.hyperparameter_search import grid_space, search_hyperparameters
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


class BestOfFitter(EstimatorFitterBase):
    """Fits models of kind `best_of`."""

    @property
    def model(self) -> BestOfModel:
        """The model of the run."""
        assert isinstance(self.run.model, BestOfModel)  # noqa: S101  this module serves its kind alone
        return self.run.model

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        return selection_roles(self.model)

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`."""
        model, data = self.model, task.data
        candidates, rows = model.candidates, len(data.train)
        skipped = {name: reason for name, each in candidates.items() if (reason := why_too_large(each, rows))}
        for name, reason in skipped.items():
            log.info("%s: %s skipped, %s", task.label, name, reason)
        if len(skipped) == len(candidates):
            raise ModelNotApplicable(next(iter(skipped.values())))
        seed = self.run.seed_of(data.member)
        folds = inner_folds(model, data, seed)
        spaces = [
            grid_space(name, each, seed, model.trials) for name, each in candidates.items() if name not in skipped
        ]
        found = search_hyperparameters(
            spaces,
            data.train,
            data.validation,
            folds=folds,
            seed=seed,
            threads=self.backend.threads,
            label=task.label,
            kept=kept_trials(task),
        )
        return as_fitted(found, chosen=found.winner.model, folds=model.folds if folds else None, left_out=skipped)


FITTER = BestOfFitter
