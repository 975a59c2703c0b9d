"""Fitting of an estimator on the inputs that matter to it: those of low permutation importance are left out.

Huang and Ling, J. Appl. Phys. 128, 124901 (2020), section III B, did so with a random forest.
"""

import logging
import time
from typing import Any

import numpy as np
from pydantic import Field

from elemflow.config.model import ModelOptions, OtherModel
from elemflow.core.errors import TrainingError
from elemflow.core.roles import Role
from elemflow.estimators.build import fit_estimator, make_estimator
from elemflow.estimators.storage import save_estimator
from elemflow.training.data import RoleData
from elemflow.training.fitter import Fitted, Task
from elemflow.training.fitters.common import EstimatorFitterBase

log = logging.getLogger(__name__)


class Options(ModelOptions):
    """An estimator on the inputs whose permutation importance on the validation set is above a limit."""

    estimator: str = Field(description="Name of the estimator.")
    parameters: dict[str, Any] = Field(default={}, description="Its parameters, over the defaults.")
    minimum: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Inputs stay whose shuffling increases the validation MAE by more than this, in the scale of the "
        "target.",
    )
    repeats: int = Field(5, ge=1, le=1000, description="How many times each input is shuffled.")


class ImportantInputsFitter(EstimatorFitterBase):
    """Fits models of kind `important_inputs`: once on all inputs, and again on those that stay."""

    @property
    def options(self) -> Options:
        """Keys of the model."""
        assert isinstance(self.run.model, OtherModel)  # noqa: S101  this module serves its kind alone
        return Options.of(self.run.model)

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        return {Role.VALIDATION}

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`.

        Raises:
            TrainingError: No input is important.
        """
        data, threads, seed = task.data, self.backend.threads, self.run.seed_of(task.data.member)
        started = time.monotonic()
        kept = self._important(self._fit(data.train, seed, threads), data.validation, seed)
        if not len(kept):
            raise TrainingError(
                f"{task.label}: shuffling any of the {data.train.x.shape[1]} inputs increases the validation error by "
                f"at most {self.options.minimum:g}. Lower 'minimum' in the file of model '{self.run.run.model}'."
            )
        estimator = _on_columns(kept, self._fit(_columns(data.train, kept), seed, threads), data.train)
        seconds = time.monotonic() - started
        chosen = f"{len(kept)} of {data.train.x.shape[1]} inputs"
        log.info("%s: %s stay, fitted in %.1f s", task.label, chosen, seconds)
        return Fitted(
            predict=lambda rows: np.asarray(estimator.predict(rows.x), dtype=np.float64),
            save=lambda to, name: save_estimator(estimator, to / f"{name}.skops"),
            history=[],
            facts={"epochs": 0, "chosen": chosen, "inputs": kept.tolist()},
            seconds=seconds,
        )

    def _fit(self, train: RoleData, seed: int, threads: int) -> Any:
        """Return the estimator, fitted on a training set."""
        estimator = make_estimator(self.options.estimator, self.options.parameters, seed, threads)
        fit_estimator(estimator, train.x, train.y, threads)
        return estimator

    def _important(self, estimator: Any, validation: RoleData, seed: int) -> np.ndarray:
        """Return the positions of the inputs that stay, ascending."""
        from sklearn.inspection import permutation_importance  # noqa: PLC0415  as in elemflow.estimators.build

        options = self.options
        found = permutation_importance(
            estimator,
            validation.x,
            validation.y,
            scoring="neg_mean_absolute_error",
            n_repeats=options.repeats,
            random_state=seed,
        )
        return np.flatnonzero(found.importances_mean > options.minimum)


def _columns(rows: RoleData, kept: np.ndarray) -> RoleData:
    """Return rows with some of their inputs."""
    return RoleData(rows.material_id, rows.x[:, kept], rows.y)


def _on_columns(kept: np.ndarray, estimator: Any, train: RoleData) -> Any:
    """Return a fitted estimator of some inputs as one of all inputs."""
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415
    from sklearn.pipeline import Pipeline  # noqa: PLC0415

    columns = ColumnTransformer([("kept", "passthrough", kept.tolist())]).fit(train.x)
    return Pipeline([("columns", columns), ("estimator", estimator)])


FITTER = ImportantInputsFitter
