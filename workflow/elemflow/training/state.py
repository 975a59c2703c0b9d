"""The course of one member's training: which steps come next, which result is best, when it ends.

A course computes nothing and knows no engine. A process may follow one member or a fleet of them, and what a user can
observe (which epoch counts as best, what a checkpoint restores) is the same on every backend.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from elemflow.core.errors import DataError

SEGMENT_ROWS = 16_384
"""Most rows trained between two looks at the clock: below 30 s for 17 layers on one core (600 rows/s)."""
STATE = ("step", "loss_sum", "loss_rows", "seconds", "learning_rate", "history", "best", "plateau", "waited")


class Segment(NamedTuple):
    """Steps of one epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        first: First step within the epoch, from 0.
        last: Step after the last one.
    """

    epoch: int
    first: int
    last: int


class Course:
    """What has been trained of a member, and what follows from it.

    Early stopping follows `keras.callbacks.EarlyStopping`: a validation is better only if its error is strictly lower,
    and training ends once `patience` epochs in a row brought none. Where validations follow steps, patience is
    patience x training rows / batch size steps, as in the code of irnet2021. The learning rate is reduced as by
    `keras.callbacks.ReduceLROnPlateau`, whose patience counts validations.

    Args:
        training: `training` of the protocol.
        rows: Number of training rows.

    Attributes:
        step: Steps done.
        loss_sum: Sum of the losses of the rows since the last validation.
        loss_rows: Number of these rows.
        seconds: Seconds since the last validation; added to by whoever computes.
        learning_rate: Learning rate of the next step, or of the last one if there is a schedule.
        history: One dict per validation; see `record`.
        best: Position in `history` of the lowest error; None before there is one.
        plateau: Error that a later one must undercut to hold the learning rate; None before there is one.
        waited: Validations since then, or since the last reduction.

    Raises:
        DataError: There are fewer rows than one full batch needs.
    """

    def __init__(self, training: Mapping[str, Any], rows: int):
        self._training, self._batch = training, training["batch_size"]
        short = training["shuffle"] == "every_epoch" and training["last_batch"] == "keep"
        self.steps_per_epoch = -(-rows // self._batch) if short else rows // self._batch
        if not self.steps_per_epoch:
            raise DataError(
                f"{rows} training rows do not fill one batch of {self._batch}. Lower protocol.training.batch_size, or "
                "set last_batch: keep and shuffle: every_epoch."
            )
        self.rows_per_epoch = rows if short else self.steps_per_epoch * self._batch
        self._interval = training["validate_every_steps"] or self.steps_per_epoch
        self._steps = training["max_epochs"] * self.steps_per_epoch
        stopping = training["early_stopping"]
        epoch = rows / self._batch if training["validate_every_steps"] else self.steps_per_epoch
        self._patience = stopping["patience"] * epoch if stopping else None
        self.step, self.loss_sum, self.loss_rows, self.seconds = 0, 0.0, 0, 0.0
        self.learning_rate: float = training["optimizer"]["learning_rate"]
        self.history: list[dict[str, Any]] = []
        self.best: int | None = None
        self.plateau: float | None = None
        self.waited = 0

    def next_segment(self, fleet: int = 1) -> Segment:
        """Return the steps to compute next: at most to the next validation or the end of the epoch.

        Args:
            fleet: Members that are computed at once, and share the rows of a segment.
        """
        epoch, first = divmod(self.step, self.steps_per_epoch)
        most = min(self._interval - self.step % self._interval, max(1, SEGMENT_ROWS // fleet // self._batch))
        return Segment(epoch + 1, first, min(first + most, self.steps_per_epoch))

    def advance(self, segment: Segment, loss_sum: float) -> None:
        """Note that a segment is done; `loss_sum` includes what was there before it."""
        self.learning_rate = float(self.rates(segment.epoch)[segment.last - 1])
        self.step += segment.last - segment.first
        self.loss_sum = loss_sum
        self.loss_rows += min(segment.last * self._batch, self.rows_per_epoch) - segment.first * self._batch

    def rates(self, epoch: int) -> np.ndarray:
        """Return the learning rate of every step of an epoch, shape (steps per epoch,).

        A schedule rises linearly to the declared rate and then falls as half a cosine wave, or stays.
        """
        if not (schedule := self._training["schedule"]):
            return np.full(self.steps_per_epoch, self.learning_rate)
        steps = np.arange(1, self.steps_per_epoch + 1) + (epoch - 1) * self.steps_per_epoch
        warmup = round(schedule["warmup"] * self._steps)
        share = np.ones(len(steps))
        if schedule["decay"] == "cosine":
            share = (1 + np.cos(np.pi * (steps - warmup - 1) / max(1, self._steps - warmup))) / 2
        share = np.where(steps <= warmup, steps / max(1, warmup), share)
        return self._training["optimizer"]["learning_rate"] * share

    @property
    def validation_due(self) -> bool:
        """Whether the steps since the last validation are complete."""
        return self.step % self._interval == 0 or self.step == self._steps

    @property
    def train_loss(self) -> float:
        """Mean loss per row since the last validation."""
        return self.loss_sum / self.loss_rows

    def record(self, error: float | None) -> bool:
        """Append a row to the history and draw the conclusions.

        Args:
            error: Mean absolute error on the monitored part; None if nothing is monitored.

        Returns:
            Whether this is the lowest error so far.
        """
        entry = {"epoch": self.epoch, "step": self.step, "train_loss": self.train_loss, "validation_mae": error}
        self.history.append(entry | {"learning_rate": self.learning_rate, "seconds": self.seconds})
        self.loss_sum, self.loss_rows, self.seconds = 0.0, 0, 0.0
        if error is None:
            return False
        if reduction := self._training["learning_rate_reduction"]:
            self._reduce(reduction, error)
        improved = self.best is None or error < self.history[self.best]["validation_mae"]
        if improved:
            self.best = len(self.history) - 1
        return improved

    def _reduce(self, reduction: Mapping[str, Any], error: float) -> None:
        if self.plateau is None or error + reduction["min_delta"] < self.plateau:
            self.plateau, self.waited = error, 0
            return
        self.waited += 1
        if self.waited >= reduction["patience"] and self.learning_rate > reduction["min_learning_rate"]:
            self.learning_rate = max(self.learning_rate * reduction["factor"], reduction["min_learning_rate"])
            self.waited = 0

    @property
    def epoch(self) -> int:
        """Epoch of the last step, from 1; 0 before the first."""
        return -(-self.step // self.steps_per_epoch)

    @property
    def best_entry(self) -> dict[str, Any] | None:
        """Row of the history with the lowest error."""
        return None if self.best is None else self.history[self.best]

    @property
    def kept_entry(self) -> dict[str, Any]:
        """Row of the history whose weights the model ends with."""
        stopping = self._training["early_stopping"]
        restored = self.best_entry if stopping and stopping["restore_best"] else None
        return restored or self.history[-1]

    @property
    def stopped(self) -> str | None:
        """Why the training is over: `early_stopping` or `max_epochs`; None while it is not."""
        if self.history and self.history[-1]["step"] == self.step and self._steps_to_patience() <= 0:
            return "early_stopping"
        return "max_epochs" if self.step == self._steps else None

    @property
    def may_stop_early(self) -> bool:
        """Whether a lack of improvement can end the training."""
        return self._patience is not None

    @property
    def steps_left(self) -> int:
        """Steps until the end if nothing improves any more; patience may run out between two validations."""
        return int(min(self._steps - self.step, max(0, self._steps_to_patience())))

    def _steps_to_patience(self) -> float:
        best = self.best_entry
        return np.inf if self._patience is None else (best["step"] if best else 0) + self._patience - self.step

    @property
    def place(self) -> str:
        """How far the training is, in words."""
        whole, rest = divmod(self.step, self.steps_per_epoch)
        return f"epoch {whole}" + (f" and {rest} of {self.steps_per_epoch} steps" if rest else "")

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep, as JSON types."""
        return {name: getattr(self, name) for name in STATE}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Set what `get_state` gave."""
        for name in STATE:
            setattr(self, name, state[name])


def rows_of_epoch(training: Mapping[str, Any], rows: int, seed: int, epoch: int) -> np.ndarray:
    """Return the training rows of an epoch in the order of its steps (int32); depends on its arguments alone.

    With `shuffle: never` the rows keep one random order, drawn from the seed, and step s of the whole training takes
    `batch_size` of them from position (s x batch_size) mod (rows - batch_size) on (irnet2021's code).
    """
    batch = training["batch_size"]
    if training["shuffle"] == "never":
        steps = np.arange(rows // batch) + (epoch - 1) * (rows // batch)
        offsets = steps * batch % max(1, rows - batch)
        return epoch_order(rows, seed, 0)[(offsets[:, None] + np.arange(batch)).ravel()]
    order = epoch_order(rows, seed, epoch)
    return order[: rows - rows % batch] if training["last_batch"] == "drop" else order


def epoch_order(rows: int, seed: int, epoch: int) -> np.ndarray:
    """Return a random order of the training rows (int32); it depends on nothing but its arguments."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def evaluation_batches(rows: int, batch_size: int, seed: int) -> np.ndarray:
    """Divide rows into full batches for habits that look at a whole batch.

    The order is drawn, as that of the training is: rows come sorted by material, neighbours share their elements, and
    the statistics of such a batch are not those that the network was trained with.

    Args:
        rows: Number of rows, at least one.
        batch_size: Rows of a batch of the training.
        seed: Seed of the protocol.

    Returns:
        Positions of the rows, shape (batches, rows of a batch); the last batch reaches back so far that it is full.
    """
    size, order = min(batch_size, rows), epoch_order(rows, seed, 0)
    lasts = np.minimum(np.arange(size, rows + size, size), rows)
    return order[lasts[:, None] + np.arange(-size, 0)]


def in_rows(batches: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return what `evaluation_batches` gave, by row, float64, shape (rows,); a row has the value of its first batch."""
    filled = np.empty(batches.max() + 1)
    filled[batches[-1]] = values[-1]
    filled[batches[:-1]] = values[:-1]
    return filled
