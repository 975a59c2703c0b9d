"""Fitting of networks that start from a base (`elemflow.multitask`), member by member."""

import logging
import time
from typing import Any

import numpy as np
from pydantic import Field

from elemflow.chemistry.material_id import composition_of
from elemflow.config.model import ModelOptions, OtherModel
from elemflow.core.errors import DataError
from elemflow.core.roles import Role
from elemflow.estimators.storage import save_estimator
from elemflow.features.scaling import Target
from elemflow.multitask.estimator import FineTunedBase
from elemflow.multitask.finetune import HeadChoice, ScheduleChoice
from elemflow.multitask.from_run import knows_seen, open_start
from elemflow.multitask.trunk import seen_facts
from elemflow.training.backend import EngineInfo, set_jax_environment
from elemflow.training.data import RoleData
from elemflow.training.fitter import Fitted, Task
from elemflow.training.fitters.common import EstimatorFitterBase

log = logging.getLogger(__name__)


class Options(ModelOptions):
    """A network fine-tuned from a base, which predicts many properties."""

    base: str = Field("", description="Base of config/bases, which the workflow builds; or else `file`, with `sha256`.")
    file: str = Field(
        "", description="File of a base or an exported run, below the folder of the project, or absolute."
    )
    sha256: str = Field("", pattern="^([0-9a-f]{64})?$", description="SHA-256 that the file must have.")
    head: str = Field(
        "nearest",
        pattern="^(nearest|new)$",
        description="What the output starts from: the head of the base that correlates best with the training values, "
        "or random weights.",
    )
    schedule: str = Field(
        "rows",
        pattern="^(rows|short)$",
        description="Batch, learning rate and epochs: by the number of training rows, or 5 epochs at a low rate, for "
        "many values that the base has learned already.",
    )


class FineTunedBaseFitter(EstimatorFitterBase):
    """Fits models of kind `fine_tuned_base`; members start from the networks of the base in turn."""

    @property
    def engine(self) -> str:
        """See `elemflow.training.fitter.Fitter`."""
        return "jax"

    def start(self) -> EngineInfo:
        """Start JAX as for other networks: on a GPU, too, with equal bytes and without memory beyond its need."""
        set_jax_environment(self.backend.threads)
        import jax  # noqa: PLC0415  after its variables

        return EngineInfo("jax", jax.devices()[0].device_kind)

    @property
    def options(self) -> Options:
        """Keys of the model."""
        assert isinstance(self.run.model, OtherModel)  # noqa: S101  this module serves its kind alone
        return Options.of(self.run.model)

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        return set()

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`.

        Raises:
            DataError: The protocol scales the features, which the base does itself.
        """
        scaled = {} if self.run.protocol.scaling == "none" else self.run.protocol.scaling
        if set(scaled.values()) - {"none"}:
            raise DataError(
                f"{task.label}: a base scales its features itself. Set `scaling: none` in protocol "
                f"'{self.run.run.protocol}'."
            )
        options, data = self.options, task.data
        seed, started = self.run.seed_of(data.member), time.monotonic()
        head: HeadChoice = "new" if options.head == "new" else "nearest"
        schedule: ScheduleChoice = "short" if options.schedule == "short" else "rows"
        estimator = FineTunedBase(options.file, options.sha256 or None, head, seed, schedule)
        estimator.fit(data.train.x, data.train.y)
        seconds = time.monotonic() - started
        log.info("%s: fine-tuned from %s in %.1f s", task.label, estimator.head_ or "a new head", seconds)

        def predict(rows: RoleData) -> np.ndarray:
            return estimator.predict(rows.x)

        facts = {"epochs": 0, "started_from": estimator.head_, **self._seen(data.test, predict, data.target)}
        return Fitted(
            predict=predict,
            save=lambda to, name: save_estimator(estimator, to / f"{name}.skops"),
            history=[],
            facts=facts,
            seconds=seconds,
        )

    def _seen(self, test: RoleData, predict: Any, target: Target) -> dict[str, Any]:
        """Return what the base had seen of the test materials; errors are in the unit of the property."""
        base = open_start(self.options.file, self.options.sha256 or None)
        compositions = [composition_of(str(material)) for material in test.material_id]
        errors = np.abs(target.restore(predict(test)) - target.restore(test.y))
        found = seen_facts(base, compositions, errors)
        if not knows_seen(base):  # those that are not in its list may have been seen
            found = {name.replace("unseen", "unknown"): value for name, value in found.items()}
        log.info("the base is known to have seen %d of %d test materials", found["test_seen"], len(compositions))
        return found


FITTER = FineTunedBaseFitter
