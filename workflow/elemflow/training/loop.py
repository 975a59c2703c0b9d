"""Training of a network: validation, best weights, checkpoints, clean stops and progress.

What a step computes is the business of an engine, one per Keras backend; what follows from it is that of a course.
This module imports no backend.
"""

import importlib.util
import json
import logging
import math
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from elemflow.core.errors import TrainingError
from elemflow.core.files import atomic_path
from elemflow.training import interruption as stopping
from elemflow.training.data import MemberData, RoleData
from elemflow.training.state import Course, Segment, rows_of_epoch

if TYPE_CHECKING:
    import keras

CHECKPOINT_SECONDS = 600.0
PROGRESS_SECONDS = 10.0

log = logging.getLogger(__name__)

_started: set[str] = set()


class Steps(NamedTuple):
    """Steps of one epoch of a member.

    Attributes:
        order: Rows of the whole epoch, step by step (int32); its last batch may be short.
        rates: Learning rate of every step of the epoch (float32).
        first: First step.
        last: Step after the last one.
        loss_sum: Sum of the losses of the rows before.
    """

    order: np.ndarray
    rates: np.ndarray
    first: int
    last: int
    loss_sum: float


class Engine(Protocol):
    """What a backend computes for members numbered from 0. Parameters, optimiser and dropout state live behind it."""

    def run_steps(self, work: Mapping[int, Steps]) -> dict[int, float]:
        """Train some members over some steps of their epochs.

        Returns:
            Per member `loss_sum` plus the losses of these rows, however the steps are divided into calls.
        """

    def predict(self, member: int, part: RoleData, /) -> np.ndarray:
        """Return float64 predictions, shape (rows,), with the evaluation habits of the protocol.

        They leave the state of the training as it is. Habits that look at a whole batch see those of
        `course.evaluation_batches`.
        """

    def get_state(self, member: int, /) -> dict[str, list[np.ndarray]]:
        """Return copies of everything that training changes."""

    def set_state(self, member: int, state: Mapping[str, list[np.ndarray]], /) -> None:
        """Set what `get_state` gave.

        Raises:
            ValueError: It belongs to another network or optimiser; nothing was set.
        """

    def get_weights(self, member: int, /) -> list[np.ndarray]:
        """Return copies of what predictions depend on: weights, batch-norm statistics, dropout state."""

    def finish(self, member: int, weights: list[np.ndarray] | None, /) -> None:
        """End the training of a member: its model gets what `get_weights` gave, or the last weights."""

    def peak_memory_mb(self) -> float | None:
        """Return the most memory used on the device so far, in MB (10^6 bytes); None if it does not say."""


class Job(NamedTuple):
    """A member to be trained.

    Attributes:
        model: Built, uncompiled network; it ends with the weights that the protocol keeps.
        data: Parts of the member.
        seed: Seed of the shuffling; weights and dropout carry theirs already.
        checkpoint: File to write now and then, and to continue from if it exists.
        progress: Progress lines.
        architecture: What the network was built from, but for its seed. Members that are trained one after the other
            share what is compiled if this and the protocol are equal; an empty text shares nothing.
    """

    model: "keras.Model"
    data: MemberData
    seed: int
    checkpoint: Path
    progress: "Progress"
    architecture: str = ""


class FitResult(NamedTuple):
    """A trained network.

    Attributes:
        course: History, best epoch, reason of the end.
        predict: From a part to float64 predictions, shape (rows,), with the kept weights.
        device_memory_mb: Most memory used on the device; None if it does not say.
    """

    course: Course
    predict: Callable[[RoleData], np.ndarray]
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

    def validated(self, course: Course, running: int = 1) -> None:
        """Log the last validation of one of the `running` members if the previous line is old enough."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        last, best = course.history[-1], course.best_entry
        steps = np.diff([0, *(entry["step"] for entry in course.history[-21:])])[-20:]
        rate = float(np.median([entry["seconds"] for entry in course.history[-20:]] / steps))
        error = "" if last["validation_mae"] is None else f", validation MAE {last['validation_mae']:.5g}"
        log.info(
            "%s, epoch %d/%d: train loss %.5g%s%s, %.0f rows/s%s, ends in %s%s",
            self.label, last["epoch"], self._max_epochs, last["train_loss"], error,
            f", best {best['validation_mae']:.5g} @ {best['epoch']}" if best else "",
            course.rows_per_epoch / course.steps_per_epoch / max(rate, 1e-9),
            f" of {running} members" if running > 1 else "", _duration(course.steps_left * rate * running),
            " unless it improves" if course.may_stop_early else "",
        )  # fmt: skip


def start_backend(threads: int, engine: str = "auto") -> dict[str, str]:
    """Start the Keras backend with a fixed number of threads; must precede every other use of keras.

    Every further call clears the state of Keras, so that a run is the same whatever its process trained before: names
    of layers, for one, count on. Equal seeds give equal bytes on one kind of machine with one engine and one number of
    threads; another number of threads sums in another order.

    Args:
        threads: CPU threads that one operation may use.
        engine: `tensorflow`, `jax`, or `auto`: JAX on a GPU that it can use, TensorFlow elsewhere.

    Returns:
        `name` of the engine and the `device` it computes on.
    """
    name = engine_name(threads, engine)
    os.environ["KERAS_BACKEND"] = name
    # Estimator jobs must load neither library, and a job only its own.
    if name == "jax":
        _set_jax_environment(threads)
        from elemflow.training import jax_engine  # noqa: PLC0415

        device = jax_engine.start()
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from elemflow.training import tensorflow_engine as tensorflow_loop  # noqa: PLC0415

        device = tensorflow_loop.start(threads)
    if name in _started:
        import keras  # noqa: PLC0415

        keras.utils.clear_session()
    elif device == "cpu":
        log.info("No GPU is found here; the CPU computes.")
    _started.add(name)
    return {"name": name, "device": device}


def is_started() -> bool:
    """Tell whether this process has started a backend; it can have no other."""
    return bool(_started)


def make_forward(model: "keras.Model") -> Callable[[np.ndarray], np.ndarray]:
    """Return a compiled function from features (rows, columns) to predictions (rows,) in inference mode.

    Args:
        model: Network on the backend that was started.
    """
    if os.environ["KERAS_BACKEND"] == "jax":
        from elemflow.training import jax_engine  # noqa: PLC0415  see start_backend

        return jax_engine.make_forward(model)
    from elemflow.training import tensorflow_engine as tensorflow_loop  # noqa: PLC0415  see start_backend

    return tensorflow_loop.make_forward(model)


def engine_name(threads: int, declared: str) -> str:
    """Return the engine that `training.engine` means on this machine."""
    return _faster_engine(threads) if declared == "auto" else declared


def _set_jax_environment(threads: int) -> None:
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ |= {
        "NPROC": str(threads),
        "XLA_FLAGS": f"{flags} --xla_gpu_deterministic_ops=true".lstrip(),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def _faster_engine(threads: int) -> str:
    """Return the engine that docs/results/performance.md found faster; JAX is asked only where there is a GPU."""
    if not any(Path("/dev").glob("nvidia[0-9]*")) or importlib.util.find_spec("jax") is None:
        return "tensorflow"
    _set_jax_environment(threads)
    import jax  # noqa: PLC0415

    return "jax" if jax.default_backend() == "gpu" else "tensorflow"


def fleet_size(declared: int | str) -> int | None:
    """Return how many members train at once by `training.fleet`; None if there is no limit but the memory."""
    if os.environ["KERAS_BACKEND"] != "jax":
        return 1
    if isinstance(declared, int):
        return declared
    import jax  # noqa: PLC0415  see start_backend

    return None if jax.default_backend() == "gpu" else 1


def fit_member(
    model: "keras.Model",
    data: MemberData,
    protocol: Mapping[str, Any],
    *,
    seed: int,
    checkpoint: Path,
    progress: Progress,
    architecture: str = "",
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> FitResult:
    """Train one network; see `Job` and `fit_fleet`.

    Raises:
        TrainingError: The loss or the monitored error is no longer finite.
        Stopped: A signal or the deadline asked for it; the checkpoint is written.
    """
    job = Job(model, data, seed, checkpoint, progress, architecture)
    [(_, outcome)] = fit_fleet([job], protocol, checkpoint_seconds=checkpoint_seconds)
    if isinstance(outcome, TrainingError):
        raise outcome
    return outcome


def fit_fleet(
    jobs: Sequence[Job], protocol: Mapping[str, Any], *, checkpoint_seconds: float = CHECKPOINT_SECONDS
) -> Iterator[tuple[int, FitResult | TrainingError]]:
    """Train networks at once, each as if it were alone.

    A training that is killed and started again continues from its checkpoints and ends exactly where it would have
    ended.

    Args:
        jobs: The members; more than one only on JAX.
        protocol: `training` and `evaluation` of the protocol.
        checkpoint_seconds: Seconds between checkpoints.

    Yields:
        Position of a member whose training is over, and what became of it: an error if its loss or its monitored
        error is no longer finite. The others wait while the caller looks at it.

    Raises:
        Stopped: A signal or the deadline asked for it; the checkpoints are written.
    """
    engine = _make_engine(jobs, protocol)
    running = {number: _Trainee(job, protocol) for number, job in enumerate(jobs)}
    for number, trainee in running.items():
        trainee.restore(engine, number)
    saved = time.monotonic()
    while running:
        for number, error in _train_segment(engine, running):
            del running[number]
            engine.finish(number, None)
            yield number, error
        for number in [number for number, trainee in running.items() if trainee.course.stopped]:
            trainee = running.pop(number)
            engine.finish(number, trainee.best_weights)
            yield number, FitResult(trainee.course, partial(engine.predict, number), engine.peak_memory_mb())
        reason = stopping.requested() if running else None
        if reason or time.monotonic() - saved >= checkpoint_seconds:
            for number, trainee in running.items():
                trainee.save(engine, number)
            saved = time.monotonic()
        if reason:
            labels = ", ".join(trainee.job.progress.label for trainee in running.values())
            place = next(iter(running.values())).course.place
            raise stopping.Stopped(f"{labels}: stopped by {reason} after {place}")


class _Trainee:
    """A member in training: its course, the order of its rows, its best weights."""

    def __init__(self, job: Job, protocol: Mapping[str, Any]):
        self.job, self._training = job, protocol["training"]
        self.course = Course(self._training, len(job.data.train))
        self.best_weights: list[np.ndarray] | None = None
        early = self._training["early_stopping"]
        self.monitored = job.data.test if early and early["monitor"] == "test" else job.data.validation
        self.restores_best = bool(early and early["restore_best"])
        self._order: tuple[int, np.ndarray] = (0, np.empty(0))

    def steps(self, segment: Segment) -> Steps:
        """Return what an engine needs to know about a segment."""
        if self._order[0] != segment.epoch:
            rows = rows_of_epoch(self._training, len(self.job.data.train), self.job.seed, segment.epoch)
            self._order = segment.epoch, rows
        rates = self.course.rates(segment.epoch).astype(np.float32)
        return Steps(self._order[1], rates, segment.first, segment.last, self.course.loss_sum)

    def save(self, engine: Engine, number: int) -> None:
        _save(self.job.checkpoint, engine.get_state(number), self.course, self.best_weights)

    def restore(self, engine: Engine, number: int) -> None:
        if self.job.checkpoint.exists():
            set_state = partial(engine.set_state, number)
            self.best_weights = _restore(self.job.checkpoint, set_state, self.course, self.job.progress.label)


def _make_engine(jobs: Sequence[Job], protocol: Mapping[str, Any]) -> Engine:
    if os.environ["KERAS_BACKEND"] == "jax":
        from elemflow.training.jax_engine import JaxEngine  # noqa: PLC0415  see start_backend

        return JaxEngine([job.model for job in jobs], [job.data.train for job in jobs], protocol)
    from elemflow.training.tensorflow_engine import TensorFlowEngine  # noqa: PLC0415  see start_backend

    [job] = jobs
    return TensorFlowEngine(job.model, job.data.train, protocol, job.architecture)


def _train_segment(engine: Engine, running: Mapping[int, _Trainee]) -> list[tuple[int, TrainingError]]:
    """Train every running member over its next segment, validate those that are due, and return those that failed."""
    started, failed = time.monotonic(), []
    segments = {number: trainee.course.next_segment(len(running)) for number, trainee in running.items()}
    sums = engine.run_steps({number: running[number].steps(segment) for number, segment in segments.items()})
    errors: dict[int, float | None] = {}
    for number, trainee in running.items():
        course, label = trainee.course, trainee.job.progress.label
        course.advance(segments[number], sums[number])
        if course.validation_due:
            try:
                errors[number] = _validate(partial(engine.predict, number), course, trainee.monitored, label)
            except TrainingError as error:
                failed.append((number, error))
    seconds = (time.monotonic() - started) / len(running)  # a share, so that sums over members stay true
    for number, trainee in running.items():
        trainee.course.seconds += seconds
        if number in errors:
            if trainee.course.record(errors[number]) and trainee.restores_best:
                trainee.best_weights = engine.get_weights(number)
            trainee.job.progress.validated(trainee.course, len(running))
    return failed


def _validate(
    predict: Callable[[RoleData], np.ndarray], course: Course, monitored: RoleData, label: str
) -> float | None:
    """Return the mean absolute error on the monitored part; None if it has no rows."""
    _check_finite(course.train_loss, "training loss", course, label)
    if not len(monitored):
        return None
    error = float(np.mean(np.abs(predict(monitored) - monitored.y)))
    _check_finite(error, "validation error", course, label)
    return error


def _check_finite(value: float, what: str, course: Course, label: str) -> None:
    if not math.isfinite(value):
        raise TrainingError(
            f"{label}, epoch {course.epoch}: the {what} is {value} at learning rate {course.learning_rate:g}. Lower "
            "protocol.training.optimizer.learning_rate (a tenth is a good start), or look for extreme values of the "
            "property in the dataset's materials."
        )


def _save(
    path: Path, state: dict[str, list[np.ndarray]], course: Course, best_weights: list[np.ndarray] | None
) -> None:
    arrays = state | ({"best": best_weights} if best_weights is not None else {})
    named: dict[str, Any] = {
        f"{group}/{i:05d}": array for group, members in arrays.items() for i, array in enumerate(members)
    }
    with atomic_path(path) as temporary:
        np.savez(temporary, course=np.array(json.dumps(course.get_state())), **named)


def _restore(
    path: Path, set_state: Callable[[dict[str, list[np.ndarray]]], None], course: Course, label: str
) -> list[np.ndarray] | None:
    """Continue from a checkpoint and return the best weights; a file that is none is set aside."""
    groups: dict[str, list[np.ndarray]] = {}
    try:
        with np.load(path) as stored:
            state = json.loads(str(stored["course"]))
            for name in sorted(set(stored.files) - {"course"}):
                groups.setdefault(name.split("/")[0], []).append(stored[name])
        best_weights = groups.pop("best", None)
        set_state(groups)
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
