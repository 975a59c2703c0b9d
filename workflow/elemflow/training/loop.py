"""Training of networks: validation, best weights, checkpoints, clean stops and progress.

An engine, one per Keras backend, computes the steps; `elemflow.training.state` decides what follows from them. This
module imports no backend.
"""

import json
import logging
import math
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.config.protocol import Training
from elemflow.core.errors import TrainingError
from elemflow.core.files import atomic_path
from elemflow.training import interruption
from elemflow.training.data import RoleData
from elemflow.training.engine import Engine, FitResult, KerasBackend, NetworkSettings, Steps, TrainingJob
from elemflow.training.state import Segment, TrainingState, rows_of_epoch

CHECKPOINT_SECONDS = 600.0
STATE = "state"
"""Name of the training state in a checkpoint; the other arrays are numbered by group."""

log = logging.getLogger(__name__)


def fit_member(
    job: TrainingJob,
    settings: NetworkSettings,
    backend: KerasBackend,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> FitResult:
    """Train one network; see `fit_members`.

    Raises:
        TrainingError: The loss or the monitored error is no longer finite.
        Stopped: A signal or the deadline requested it; the checkpoint is written.
    """
    [(_, outcome)] = fit_members([job], settings, backend, checkpoint_seconds=checkpoint_seconds)
    if isinstance(outcome, TrainingError):
        raise outcome
    return outcome


def fit_members(
    jobs: Sequence[TrainingJob],
    settings: NetworkSettings,
    backend: KerasBackend,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Iterator[tuple[int, FitResult | TrainingError]]:
    """Train networks simultaneously, each as if it were alone.

    A training that is killed and started again continues from its checkpoints and ends exactly where it would have
    ended.

    Args:
        jobs: The members; more than one only on JAX.
        settings: What of the protocol decides the training.
        backend: What computes.
        checkpoint_seconds: Seconds between checkpoints.

    Yields:
        Position of a member whose training is over, and its result: an error if its loss or its monitored error is no
        longer finite. The others wait meanwhile.

    Raises:
        Stopped: A signal or the deadline requested it; the checkpoints are written.
    """
    engine = backend.engine(jobs, settings)
    running = {number: _Member(job, settings.training) for number, job in enumerate(jobs)}
    for number, member in running.items():
        member.restore(engine, number)
    saved = time.monotonic()
    while running:
        for number, error in _train_segment(engine, running):
            del running[number]
            engine.finish(number, None)
            yield number, error
        for number in [number for number, member in running.items() if member.state.stopped]:
            member = running.pop(number)
            engine.finish(number, member.best_weights)
            yield number, FitResult(member.state, partial(engine.predict, number), engine.peak_memory_mb())
        reason = interruption.requested() if running else None
        if reason or time.monotonic() - saved >= checkpoint_seconds:
            for number, member in running.items():
                member.save(engine, number)
            saved = time.monotonic()
        if reason:
            labels = ", ".join(member.job.progress.label for member in running.values())
            place = next(iter(running.values())).state.place
            raise interruption.Stopped(f"{labels}: stopped by {reason} after {place}", reason)


class _Member:
    """A member in training: its state, the order of its rows, its best weights."""

    def __init__(self, job: TrainingJob, training: Training):
        self.job, self._training = job, training
        self.state = TrainingState(training, len(job.data.train))
        self.best_weights: list[np.ndarray] | None = None
        early = training.early_stopping
        self.monitored = job.data.test if early and early.monitor == "test" else job.data.validation
        self.recorded = job.data.test if training.record_test else None
        self.restores_best = bool(early and early.restore_best)
        self._order: tuple[int, np.ndarray] = (0, np.empty(0))

    def steps(self, segment: Segment) -> Steps:
        """Return what an engine needs to know about a segment."""
        if self._order[0] != segment.epoch:
            rows = rows_of_epoch(self._training, len(self.job.data.train), self.job.seed, segment.epoch)
            self._order = segment.epoch, rows
        rates = self.state.rates(segment.epoch).astype(np.float32)
        return Steps(self._order[1], rates, segment.first, segment.last, self.state.counters.loss_sum)

    def save(self, engine: Engine, number: int) -> None:
        _save(self.job.checkpoint, engine.get_state(number), self.state, self.best_weights)

    def restore(self, engine: Engine, number: int) -> None:
        if self.job.checkpoint.exists():
            set_state = partial(engine.set_state, number)
            self.best_weights = _restore(self.job.checkpoint, set_state, self.state, self.job.progress.label)


def _train_segment(engine: Engine, running: Mapping[int, _Member]) -> list[tuple[int, TrainingError]]:
    """Train every running member over its next segment, validate those that are due, and return those that failed."""
    started, failed = time.monotonic(), []
    segments = {number: member.state.next_segment(len(running)) for number, member in running.items()}
    sums = engine.run_steps({number: running[number].steps(segment) for number, segment in segments.items()})
    errors: dict[int, tuple[float | None, float | None]] = {}
    for number, member in running.items():
        state, label = member.state, member.job.progress.label
        state.advance(segments[number], sums[number])
        if state.validation_due:
            try:
                predict = partial(engine.predict, number)
                error = _validate(predict, state, member.monitored, label)
                errors[number] = error, _error(predict, member.recorded) if member.recorded else None
            except TrainingError as error:
                failed.append((number, error))
    seconds = (time.monotonic() - started) / len(running)  # a share, so that sums over members stay true
    for number, member in running.items():
        member.state.counters.seconds += seconds
        if number in errors:
            if member.state.record(*errors[number]) and member.restores_best:
                member.best_weights = engine.get_weights(number)
            member.job.progress.validated(member.state, len(running))
    return failed


def _validate(
    predict: Callable[[RoleData], np.ndarray], state: TrainingState, monitored: RoleData, label: str
) -> float | None:
    """Return the mean absolute error on the monitored set; None if it has no rows."""
    _check_finite(state.train_loss, "training loss", state, label)
    if not len(monitored):
        return None
    error = _error(predict, monitored)
    _check_finite(error, "validation error", state, label)
    return error


def _error(predict: Callable[[RoleData], np.ndarray], rows: RoleData) -> float:
    """Return the mean absolute error on some rows."""
    return float(np.mean(np.abs(predict(rows) - rows.y)))


def _check_finite(value: float, what: str, state: TrainingState, label: str) -> None:
    if not math.isfinite(value):
        raise TrainingError(
            f"{label}, epoch {state.epoch}: the {what} is {value} at learning rate {state.counters.learning_rate:g}. "
            "Lower protocol.training.optimizer.learning_rate (a tenth is a good start), or look for extreme values of "
            "the property in the dataset's materials."
        )


def _save(
    path: Path, arrays: dict[str, list[np.ndarray]], state: TrainingState, best_weights: list[np.ndarray] | None
) -> None:
    groups = arrays | ({"best": best_weights} if best_weights is not None else {})
    named: dict[str, Any] = {
        f"{group}/{i:05d}": array for group, members in groups.items() for i, array in enumerate(members)
    }
    named[STATE] = np.array(json.dumps(state.get_state()))
    with atomic_path(path) as temporary:
        np.savez(temporary, **named)


def _restore(
    path: Path, set_arrays: Callable[[dict[str, list[np.ndarray]]], None], state: TrainingState, label: str
) -> list[np.ndarray] | None:
    """Continue from a checkpoint and return the best weights; any other file is moved away."""
    groups: dict[str, list[np.ndarray]] = {}
    try:
        with np.load(path) as stored:
            about = json.loads(str(stored[STATE]))
            for name in sorted(set(stored.files) - {STATE}):
                groups.setdefault(name.split("/")[0], []).append(stored[name])
        best_weights = groups.pop("best", None)
        set_arrays(groups)
        state.set_state(about)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        moved = path.with_name(f"{path.name}.moved")
        path.replace(moved)
        log.warning(
            "%s: %s is no checkpoint of this training (%s); moved to %s. The member starts again.",
            label, path, error, moved,
        )  # fmt: skip
        return None
    log.info("%s: continues after %s from %s", label, state.place, path)
    return best_weights
