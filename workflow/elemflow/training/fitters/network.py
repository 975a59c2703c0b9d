"""Fitting of neural networks."""

import json
import logging
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError, TrainingError
from elemflow.core.roles import ROLES, Role
from elemflow.networks.build import check_inputs, load_network
from elemflow.training import interruption
from elemflow.training.backend import Backend, EngineInfo
from elemflow.training.engine import FitResult, TrainingJob
from elemflow.training.fitter import Fitted, Fitter, Outcome, Task
from elemflow.training.loop import fit_member, fit_members
from elemflow.training.progress import PROGRESS_SECONDS, Progress
from elemflow.training.run_config import RunConfig

if TYPE_CHECKING:
    import keras

SHOWN = 3  # shapes in a message

log = logging.getLogger(__name__)


class NetworkFitter(Fitter):
    """Fits models of kind `network`."""

    def __init__(self, run: RunConfig, backend: Backend):
        super().__init__(run, backend)
        assert isinstance(run.model, NetworkModel)  # noqa: S101  this module serves its kind alone
        self.model = run.model
        self.settings = run.network_settings()

    @property
    def engine(self) -> str:
        """See `elemflow.training.fitter.Fitter`."""
        return self.backend.engine_name(self.settings.training.engine)

    def start(self) -> EngineInfo:
        """Start the Keras backend; signals are noted from here on, see `elemflow.training.interruption`."""
        interruption.listen()
        return self.backend.start(self.settings.training.engine)

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        training = self.settings.training
        if training.early_stopping:
            return {Role(training.early_stopping.monitor)}
        return {Role.VALIDATION} if training.learning_rate_reduction else set()

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`."""
        job = self._job(task, PROGRESS_SECONDS)
        return _fitted(job.model, fit_member(job, self.settings, self.backend.keras), 1)

    def fit_all(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Fit members, on JAX several simultaneously if the protocol and the memory allow it."""
        training, backend = self.settings.training, self.backend.keras
        most = backend.parallel_members(training.parallel_members)
        # Simultaneous members compute with the first one's network, and networks of the user's own may differ in more
        # than their weights.
        if most == 1 or self.model.spec.source_file:
            yield from super().fit_all(tasks)
            return
        waiting = iter(tasks)
        while group := list(islice(waiting, most)):
            jobs = [self._job(task, PROGRESS_SECONDS * len(group)) for task in group]
            train_sets = [task.data.train for task in group]
            room = backend.members_with_room(jobs[0].model, train_sets, training.batch_size)
            if room < len(jobs):
                log.info("the memory has room for %d members at once, of %d", room, len(jobs))
            for first in range(0, len(jobs), room):
                together = jobs[first : first + room]
                for number, outcome in fit_members(together, self.settings, backend):
                    if isinstance(outcome, TrainingError):
                        yield group[first + number], outcome
                    else:
                        yield group[first + number], _fitted(together[number].model, outcome, len(together))

    def _job(self, task: Task, interval: float) -> TrainingJob:
        spec, seed = self.model.spec, self.run.seed_of(task.data.member)
        for rows in (task.data.of(role) for role in ROLES):
            check_inputs(spec, rows.x, rows.material_id)
        n_inputs = task.data.train.x.shape[1]
        model = spec.build(n_inputs, seed)
        if task.data.pretrained:
            copy_weights(model, task.data.pretrained, self.model)
            log.info("%s: fine-tuned from %s", task.label, task.data.pretrained)
        progress = self.progress(task.label, interval)
        # A layer of the user's may keep what its configuration does not say, so that a copy may compute something else.
        architecture = "" if spec.source_file else json.dumps([spec.plain(), n_inputs], sort_keys=True)
        return TrainingJob(model, task.data, seed, task.folder / "state.npz", progress, architecture)

    def progress(self, label: str, interval: float) -> Progress:
        """Return what logs the validations of a member."""
        return Progress(label, self.settings.training.max_epochs, interval)


FITTER = NetworkFitter


def copy_weights(model: "keras.Model", path: Path, declared: NetworkModel) -> None:
    """Copy the weights of a stored network, statistics of batch normalisation included.

    Args:
        model: The network that gets them.
        path: The stored network.
        declared: Declaration of both.

    Raises:
        DataError: The stored network has another shape.
    """
    stored = load_network(path, declared.spec).get_weights()
    own, others = ([weight.shape for weight in weights] for weights in (model.get_weights(), stored))
    if own != others:
        differing = [f"{other} instead of {shape}" for shape, other in zip(own, others, strict=False) if shape != other]
        raise DataError(
            f"{path}: these weights do not fit the network that is to be fine-tuned. It has {len(own)} arrays, the "
            f"file {len(others)}; different shapes: {', '.join(differing[:SHOWN]) or 'none'}. Both networks need the "
            "same `spec` and the same number of inputs; train the pre-training run again."
        )
    model.set_weights(stored)


def _save(model: "keras.Model", path: Path) -> None:
    """Write a network as Keras does, but without times and addresses, so that equal weights give equal bytes."""
    numbers: dict[int, int] = {}

    def renumber(value: dict[str, Any]) -> dict[str, Any]:
        if "shared_object_id" in value:
            value["shared_object_id"] = numbers.setdefault(value["shared_object_id"], len(numbers) + 1)
        return value

    model.save(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = {key: value for key, value in json.loads(files["metadata.json"]).items() if key != "date_saved"}
    config = json.loads(files["config.json"], object_hook=renumber)
    files |= {"metadata.json": json.dumps(about).encode(), "config.json": json.dumps(config).encode()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980


def _fitted(model: "keras.Model", result: FitResult, simultaneous: int) -> Fitted:
    state, predict, memory = result
    rows, best = state.history.rows, state.history.best_row
    steps = np.diff([0, *(row.step for row in rows)])
    seconds = np.array([row.seconds for row in rows])
    # The median ignores the first steps of each start, which compile.
    epoch_seconds = float(np.median(seconds / steps)) * state.steps_per_epoch
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    facts = {
        "epochs": state.epoch,
        "steps": state.counters.step,
        "best_epoch": best and best.epoch,
        "weights_epoch": state.kept_row.epoch,
        "stopped": state.stopped,
        "parameters": {"trainable": trainable, "total": model.count_params()},
        "parallel_members": simultaneous,
        "seconds_per_epoch": round(epoch_seconds, 6),
        "rows_per_second": round(state.rows_per_epoch / epoch_seconds, 1),
        "device_memory_mb": memory,
    }
    return Fitted(
        predict=predict,
        save=lambda to, name: _save(model, to / f"{name}.keras"),
        history=list(rows),
        facts=facts,
        seconds=float(seconds.sum()),
    )
