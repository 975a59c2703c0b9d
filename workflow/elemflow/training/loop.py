"""Training of a network, epoch by epoch: stopping, best weights, checkpoints and progress.

What an epoch computes is the business of an engine, one per Keras backend. This module imports no backend, so that
everything a user can observe (which epoch counts as best, what a checkpoint restores) is the same on all of them.
"""

import json
import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from elemflow.errors import TrainingError
from elemflow.files import atomic_path
from elemflow.training.data import MemberData, Part

if TYPE_CHECKING:
    import keras

CHECKPOINT_SECONDS = 120.0
PROGRESS_SECONDS = 10.0

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What a backend computes. Parameters, optimiser and dropout state live behind it."""

    def run_epoch(self, order: np.ndarray) -> float:
        """Train once over the rows in `order` (int32, the last batch may be short); return the mean loss per row."""

    def predict(self, part: Part) -> np.ndarray:
        """Return float64 predictions, shape (rows,), in inference mode."""

    def get_state(self) -> dict[str, list[np.ndarray]]:
        """Return copies of everything that training changes."""

    def set_state(self, state: Mapping[str, list[np.ndarray]]) -> None:
        """Set what `get_state` gave."""

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's weights, batch-norm statistics included."""

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set what `get_weights` gave."""


@dataclass
class FitResult:
    """How a training went.

    Attributes:
        history: One dict per epoch: `epoch` (from 1), `train_loss`, `validation_mae` (on the monitored part; None
            without one), `learning_rate`, `seconds`.
        best_epoch: Epoch of the lowest monitored error; None if nothing was monitored.
        weights_epoch: Epoch whose weights the model has.
        stopped: Why it ended: `early_stopping` or `max_epochs`.
        first_epoch: First epoch computed by this process; above 1 after a resume.
        predict: From a part to float64 predictions, shape (rows,), with the kept weights.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int | None = None
    weights_epoch: int = 0
    stopped: str = "max_epochs"
    first_epoch: int = 1
    predict: Callable[[Part], np.ndarray] = field(repr=False, kw_only=True)


class Progress:
    """Progress lines of one member, at most one every few seconds.

    Args:
        label: What is trained, e.g. `member 2/3`; also used in error messages.
        interval: Seconds between lines.
    """

    def __init__(self, label: str, interval: float = PROGRESS_SECONDS):
        self.label = label
        self._interval = interval
        self._last = -math.inf

    def epoch(self, result: FitResult, *, max_epochs: int, patience: int | None, rows: int) -> None:
        """Log the last epoch if the previous line is old enough."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        last = result.history[-1]
        left = max_epochs - last["epoch"]
        best = ""
        if result.best_epoch is not None:
            left = min(left, result.best_epoch + patience - last["epoch"]) if patience else left
            best = f", best {result.history[result.best_epoch - 1]['validation_mae']:.5g} @ {result.best_epoch}"
        error = "" if last["validation_mae"] is None else f", validation MAE {last['validation_mae']:.5g}"
        seconds = float(np.median([entry["seconds"] for entry in result.history[-20:]]))
        log.info(
            "%s, epoch %d/%d: train loss %.5g%s%s, %.0f rows/s, ends in %s unless it improves",
            self.label, last["epoch"], max_epochs, last["train_loss"], error, best, rows / max(seconds, 1e-9),
            _duration(left * seconds),
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
    training: Mapping[str, Any],
    *,
    seed: int,
    checkpoint: Path,
    progress: Progress,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> FitResult:
    """Train a network; the model ends with the weights that the protocol keeps.

    Stopping follows `keras.callbacks.EarlyStopping`: an epoch is better only if its error is strictly lower, and
    training ends once `patience` epochs in a row were not. A training that is killed and started again continues
    from its checkpoint and ends exactly where it would have ended.

    Args:
        model: Built, uncompiled network.
        data: Parts of the member.
        training: `training` of the protocol.
        seed: Seed of the shuffling; weights and dropout carry theirs already.
        checkpoint: File to write every `checkpoint_seconds`, and to continue from if it exists.
        progress: Progress lines.
        checkpoint_seconds: Seconds between checkpoints.

    Returns:
        The history and which epoch was kept.

    Raises:
        TrainingError: The loss or the monitored error is no longer finite.
    """
    from elemflow.training.tensorflow_loop import TensorFlowEngine  # noqa: PLC0415  see start_backend

    engine: Engine = TensorFlowEngine(model, data.train, training)
    stopping = training["early_stopping"]
    patience = stopping["patience"] if stopping else None
    monitored = data.test if stopping and stopping["monitor"] == "test" else data.validation
    result, best_weights = FitResult(predict=engine.predict), None
    if checkpoint.exists():
        result, best_weights = _restore(checkpoint, engine)
        log.info("%s: continues after epoch %d from %s", progress.label, len(result.history), checkpoint)
    saved = time.monotonic()
    epochs = range(result.first_epoch, training["max_epochs"] + 1)
    for epoch in epochs:
        started = time.monotonic()
        loss = engine.run_epoch(epoch_order(len(data.train), seed, epoch))
        _check_finite(loss, "training loss", epoch, training, progress.label)
        error = None
        if len(monitored):
            error = float(np.mean(np.abs(engine.predict(monitored) - monitored.y)))
            _check_finite(error, "validation error", epoch, training, progress.label)
        result.history.append(
            {
                "epoch": epoch,
                "train_loss": loss,
                "validation_mae": error,
                "learning_rate": training["optimizer"]["learning_rate"],
                "seconds": time.monotonic() - started,
            }
        )
        if error is not None and error < _best_error(result):
            result.best_epoch = epoch
            if stopping and stopping["restore_best"]:
                best_weights = engine.get_weights()
        progress.epoch(result, max_epochs=training["max_epochs"], patience=patience, rows=len(data.train))
        if patience is not None and epoch - (result.best_epoch or 0) >= patience:
            result.stopped = "early_stopping"
            break
        if time.monotonic() - saved >= checkpoint_seconds:
            _save(checkpoint, engine, result, best_weights)
            saved = time.monotonic()
    result.weights_epoch = len(result.history)
    if best_weights is not None and result.best_epoch is not None:
        engine.set_weights(best_weights)
        result.weights_epoch = result.best_epoch
    return result


def epoch_order(rows: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order of the training rows in an epoch (int32); it depends on nothing but its arguments."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def _best_error(result: FitResult) -> float:
    return math.inf if result.best_epoch is None else result.history[result.best_epoch - 1]["validation_mae"]


def _check_finite(value: float, what: str, epoch: int, training: Mapping[str, Any], label: str) -> None:
    if not math.isfinite(value):
        rate = training["optimizer"]["learning_rate"]
        raise TrainingError(
            f"{label}, epoch {epoch}: the {what} is {value} at learning rate {rate:g}. Lower "
            "protocol.training.optimizer.learning_rate (a tenth is a good start), or look for extreme values of the "
            "property in the dataset's materials."
        )


def _save(path: Path, engine: Engine, result: FitResult, best_weights: list[np.ndarray] | None) -> None:
    arrays = engine.get_state() | ({"best": best_weights} if best_weights is not None else {})
    named: dict[str, Any] = {
        f"{group}/{i:05d}": array for group, members in arrays.items() for i, array in enumerate(members)
    }
    facts = json.dumps({"history": result.history, "best_epoch": result.best_epoch})
    with atomic_path(path) as temporary:
        np.savez(temporary, facts=np.array(facts), **named)


def _restore(path: Path, engine: Engine) -> tuple[FitResult, list[np.ndarray] | None]:
    groups: dict[str, list[np.ndarray]] = {}
    with np.load(path) as stored:
        facts = json.loads(str(stored["facts"]))
        for name in sorted(set(stored.files) - {"facts"}):
            groups.setdefault(name.split("/")[0], []).append(stored[name])
    best_weights = groups.pop("best", None)
    engine.set_state(groups)
    result = FitResult(**facts, first_epoch=len(facts["history"]) + 1, predict=engine.predict)
    return result, best_weights


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
