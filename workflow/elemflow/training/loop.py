"""Training of a network: validation, best weights, checkpoints, clean stops and progress.

What a step computes is the business of an engine, one per Keras backend; what follows from it is that of a course.
This module imports no backend.
"""

import json
import logging
import math
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from elemflow.errors import TrainingError
from elemflow.files import atomic_path
from elemflow.training import stopping
from elemflow.training.course import Course, rows_of_epoch
from elemflow.training.data import MemberData, Part

if TYPE_CHECKING:
    import keras

CHECKPOINT_SECONDS = 600.0
PROGRESS_SECONDS = 10.0

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What a backend computes. Parameters, optimiser and dropout state live behind it."""

    def run_steps(self, order: np.ndarray, first: int, last: int, loss_sum: float) -> float:
        """Train over some steps of an epoch.

        Args:
            order: Rows of the whole epoch, step by step (int32); its last batch may be short.
            first: First step.
            last: Step after the last one.
            loss_sum: Sum of the losses of the rows before.

        Returns:
            `loss_sum` plus the losses of these rows, however the steps are divided into calls.
        """

    def predict(self, part: Part) -> np.ndarray:
        """Return float64 predictions, shape (rows,), with the evaluation habits of the protocol."""

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the learning rate of the next steps."""

    def get_state(self) -> dict[str, list[np.ndarray]]:
        """Return copies of everything that training changes."""

    def set_state(self, state: Mapping[str, list[np.ndarray]]) -> None:
        """Set what `get_state` gave.

        Raises:
            ValueError: It belongs to another network or optimiser; nothing was set.
        """

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of what predictions depend on: weights, batch-norm statistics, dropout state."""

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set what `get_weights` gave."""

    def peak_memory_mb(self) -> float | None:
        """Return the most memory used on the device so far, in MB (10^6 bytes); None if it does not say."""


class FitResult(NamedTuple):
    """A trained network.

    Attributes:
        course: History, best epoch, reason of the end.
        predict: From a part to float64 predictions, shape (rows,), with the kept weights.
        device_memory_mb: Most memory used on the device; None if it does not say.
    """

    course: Course
    predict: Callable[[Part], np.ndarray]
    device_memory_mb: float | None


class Progress:
    """Progress lines of one member, at most one every few seconds.

    Args:
        label: What is trained, e.g. `member 2/3`; also used in error messages.
        max_epochs: Most epochs.
        interval: Seconds between lines.
    """

    def __init__(self, label: str, max_epochs: int, interval: float = PROGRESS_SECONDS):
        self.label = label
        self._max_epochs = max_epochs
        self._interval = interval
        self._last = -math.inf

    def validated(self, course: Course) -> None:
        """Log the last validation if the previous line is old enough."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        last, best = course.history[-1], course.best_entry
        steps = np.diff([0, *(entry["step"] for entry in course.history[-21:])])[-20:]
        rate = float(np.median([entry["seconds"] for entry in course.history[-20:]] / steps))
        error = "" if last["validation_mae"] is None else f", validation MAE {last['validation_mae']:.5g}"
        log.info(
            "%s, epoch %d/%d: train loss %.5g%s%s, %.0f rows/s, ends in %s unless it improves",
            self.label, last["epoch"], self._max_epochs, last["train_loss"], error,
            f", best {best['validation_mae']:.5g} @ {best['epoch']}" if best else "",
            course.rows_per_epoch / course.steps_per_epoch / max(rate, 1e-9), _duration(course.steps_left * rate),
        )  # fmt: skip


def start_backend(threads: int) -> dict[str, str]:
    """Start the Keras backend with a fixed number of threads; must precede every other use of keras.

    Equal seeds give equal bytes on one kind of machine with one number of threads; another number of threads sums in
    another order.

    Args:
        threads: CPU threads that one operation may use.

    Returns:
        `name` of the backend and the `device` it computes on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from elemflow.training import tensorflow_loop  # noqa: PLC0415  estimator jobs must not load tensorflow

    device = tensorflow_loop.start(threads)
    if device == "cpu":
        log.info("No GPU is found here; the network trains on the CPU.")
    return {"name": "tensorflow", "device": device}


def fit_member(
    model: "keras.Model",
    data: MemberData,
    protocol: Mapping[str, Any],
    *,
    seed: int,
    checkpoint: Path,
    progress: Progress,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> FitResult:
    """Train a network; the model ends with the weights that the protocol keeps.

    A training that is killed and started again continues from its checkpoint and ends exactly where it would have
    ended.

    Args:
        model: Built, uncompiled network.
        data: Parts of the member.
        protocol: `training` and `evaluation` of the protocol.
        seed: Seed of the shuffling; weights and dropout carry theirs already.
        checkpoint: File to write every `checkpoint_seconds`, and to continue from if it exists.
        progress: Progress lines.
        checkpoint_seconds: Seconds between checkpoints.

    Raises:
        TrainingError: The loss or the monitored error is no longer finite.
        Stopped: A signal or the deadline asked for it; the checkpoint is written.
    """
    from elemflow.training.tensorflow_loop import TensorFlowEngine  # noqa: PLC0415  see start_backend

    training = protocol["training"]
    course = Course(training, len(data.train))
    engine: Engine = TensorFlowEngine(model, data.train, protocol)
    early = training["early_stopping"]
    monitored = data.test if early and early["monitor"] == "test" else data.validation
    best_weights = _restore(checkpoint, engine, course, progress.label) if checkpoint.exists() else None
    saved, order = time.monotonic(), (0, np.empty(0))
    while not course.stopped:
        started = time.monotonic()
        segment = course.next_segment()
        if order[0] != segment.epoch:
            order = segment.epoch, rows_of_epoch(training, len(data.train), seed, segment.epoch)
        course.advance(segment, engine.run_steps(order[1], segment.first, segment.last, course.loss_sum))
        error = _validate(engine, course, monitored, progress.label) if course.validation_due else None
        course.seconds += time.monotonic() - started
        if course.validation_due:
            if course.record(error) and early and early["restore_best"]:
                best_weights = engine.get_weights()
            engine.set_learning_rate(course.learning_rate)
            progress.validated(course)
        if course.stopped:
            break
        reason = stopping.requested()
        if reason or time.monotonic() - saved >= checkpoint_seconds:
            _save(checkpoint, engine, course, best_weights)
            saved = time.monotonic()
        if reason:
            raise stopping.Stopped(f"{progress.label}: stopped by {reason} after {course.place}")
    if best_weights is not None:
        engine.set_weights(best_weights)
    return FitResult(course, engine.predict, engine.peak_memory_mb())


def _validate(engine: Engine, course: Course, monitored: Part, label: str) -> float | None:
    """Return the mean absolute error on the monitored part; None if it has no rows."""
    _check_finite(course.train_loss, "training loss", course, label)
    if not len(monitored):
        return None
    error = float(np.mean(np.abs(engine.predict(monitored) - monitored.y)))
    _check_finite(error, "validation error", course, label)
    return error


def _check_finite(value: float, what: str, course: Course, label: str) -> None:
    if not math.isfinite(value):
        raise TrainingError(
            f"{label}, epoch {course.epoch}: the {what} is {value} at learning rate {course.learning_rate:g}. Lower "
            "protocol.training.optimizer.learning_rate (a tenth is a good start), or look for extreme values of the "
            "property in the dataset's materials."
        )


def _save(path: Path, engine: Engine, course: Course, best_weights: list[np.ndarray] | None) -> None:
    arrays = engine.get_state() | ({"best": best_weights} if best_weights is not None else {})
    named: dict[str, Any] = {
        f"{group}/{i:05d}": array for group, members in arrays.items() for i, array in enumerate(members)
    }
    with atomic_path(path) as temporary:
        np.savez(temporary, course=np.array(json.dumps(course.get_state())), **named)


def _restore(path: Path, engine: Engine, course: Course, label: str) -> list[np.ndarray] | None:
    """Continue from a checkpoint and return the best weights; a file that is none is set aside."""
    groups: dict[str, list[np.ndarray]] = {}
    try:
        with np.load(path) as stored:
            state = json.loads(str(stored["course"]))
            for name in sorted(set(stored.files) - {"course"}):
                groups.setdefault(name.split("/")[0], []).append(stored[name])
        best_weights = groups.pop("best", None)
        engine.set_state(groups)
        course.set_state(state)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        aside = path.with_name(f"{path.name}.aside")
        path.replace(aside)
        log.warning(
            "%s: %s is no checkpoint of this training (%s); moved to %s. The member starts anew.",
            label, path, error, aside,
        )  # fmt: skip
        return None
    log.info("%s: continues after %s from %s", label, course.place, path)
    return best_weights


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
