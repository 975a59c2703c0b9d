"""AutoML: a search for an estimator and its hyperparameters, evaluated on the validation set."""

from elemflow.config.model import SearchModel
from elemflow.core.roles import Role
from elemflow.estimators.flaml_search import search_with_flaml
from elemflow.estimators.hyperparameter_search import search_hyperparameters
from elemflow.estimators.optuna_spaces import optuna_space
from elemflow.training.fitter import Fitted, Task
from elemflow.training.fitters.common import EstimatorFitterBase, as_fitted, kept_trials


class SearchFitter(EstimatorFitterBase):
    """Fits models of kind `search`."""

    @property
    def model(self) -> SearchModel:
        """The model of the run."""
        assert isinstance(self.run.model, SearchModel)  # noqa: S101  this module serves its kind alone
        return self.run.model

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        return {Role.VALIDATION}

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`."""
        model, train, validation = self.model, task.data.train, task.data.validation
        seed, threads = self.run.seed_of(task.data.member), self.backend.threads
        if model.engine == "flaml":
            found = search_with_flaml(model, train, validation, seed=seed, threads=threads, label=task.label)
        else:
            space = optuna_space(model, len(train), seed, task.label)
            found = search_hyperparameters(
                [space],
                train,
                validation,
                seed=seed,
                threads=threads,
                label=task.label,
                kept=kept_trials(task),
            )
        return as_fitted(found, chosen=found.winner.model)


FITTER = SearchFitter
