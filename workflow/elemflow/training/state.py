"""The state of one member's training: which steps come next, which result is best, when it ends.

Nothing here computes or knows an engine. A process may train one member or several simultaneously, and what a user can
observe (which epoch counts as best, what a checkpoint restores) is the same on every backend.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from elemflow.config import protocol
from elemflow.config.protocol import Training
from elemflow.core.errors import DataError

SEGMENT_ROWS = 16_384
"""Most rows trained between two checks for a stop request: below 30 s for 17 layers on one core (600 rows/s)."""


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


@dataclass(frozen=True)
class HistoryRow:
    """A row of `history.parquet`: a validation of a network, or a trial of a search.

    Attributes:
        epoch: Epoch of the last step, or number of the trial.
        validation_mae: Mean absolute error on the monitored set; None if nothing is monitored.
        seconds: Seconds since the row before.
    """

    epoch: int
    validation_mae: float | None
    seconds: float


@dataclass(frozen=True)
class Validation(HistoryRow):
    """A validation of a network in training.

    Attributes:
        step: Steps so far.
        train_loss: Mean training loss per row since the validation before.
        learning_rate: Learning rate of the last step.
        test_mae: Mean absolute error on the test set; None unless the protocol records it.
    """

    step: int
    train_loss: float
    learning_rate: float
    test_mae: float | None = None


@dataclass
class History:
    """All validations so far.

    Attributes:
        rows: One for each validation.
        best: Position of the lowest error; None before there is one.
    """

    rows: list[Validation] = field(default_factory=list)
    best: int | None = None

    def append(self, row: Validation) -> bool:
        """Append a validation; return whether its error is the lowest so far, strictly."""
        self.rows.append(row)
        best = self.best_row
        if row.validation_mae is None:
            return False
        if best is None or row.validation_mae < _error(best):
            self.best = len(self.rows) - 1
            return True
        return False

    @property
    def best_row(self) -> Validation | None:
        """Row with the lowest error."""
        return None if self.best is None else self.rows[self.best]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "History":
        """Return what `dataclasses.asdict` made of a history."""
        return cls([Validation(**row) for row in stored["rows"]], stored["best"])


def _error(row: HistoryRow) -> float:
    assert row.validation_mae is not None  # noqa: S101  a best row has an error
    return row.validation_mae


@dataclass
class Counters:
    """How far a training is.

    Attributes:
        learning_rate: Learning rate of the next step, or of the last one if there is a schedule.
        step: Steps done.
        loss_sum: Sum of the losses of the rows since the last validation.
        loss_rows: Number of these rows.
        seconds: Seconds since the last validation; added to by the training loop.
    """

    learning_rate: float
    step: int = 0
    loss_sum: float = 0.0
    loss_rows: int = 0
    seconds: float = 0.0


class EarlyStopping:
    """The end of a training that no longer improves, as `keras.callbacks.EarlyStopping`.

    A validation is better only if its error is strictly lower, and training ends once `patience` epochs in a row
    brought none. Where validations follow steps, patience is patience x training rows / batch size steps, as in the
    code of irnet2021.

    Args:
        declared: `training.early_stopping` of the protocol; None never stops.
        steps_per_epoch: Steps that count as an epoch of patience; may be fractional.
    """

    def __init__(self, declared: protocol.EarlyStopping | None, steps_per_epoch: float):
        self._patience = math.inf if declared is None else declared.patience * steps_per_epoch
        self.restores_best = declared is not None and declared.restore_best

    def steps_left(self, history: History, step: int) -> float:
        """Return the steps until patience ends; infinity if it never does."""
        best = history.best_row
        return (best.step if best else 0) + self._patience - step


@dataclass
class ReduceLROnPlateau:
    """Reduction of the learning rate as by `keras.callbacks.ReduceLROnPlateau`; its patience counts validations.

    Attributes:
        plateau: Error that a later one must undercut to keep the learning rate; None before there is one.
        validations_without_improvement: Validations since then, or since the last reduction.
    """

    plateau: float | None = None
    validations_without_improvement: int = 0

    def update(self, declared: protocol.LearningRateReduction, error: float, learning_rate: float) -> float:
        """Return the learning rate after a validation with this error."""
        if self.plateau is None or error + declared.min_delta < self.plateau:
            self.plateau, self.validations_without_improvement = error, 0
            return learning_rate
        self.validations_without_improvement += 1
        if self.validations_without_improvement < declared.patience or learning_rate <= declared.min_learning_rate:
            return learning_rate
        self.validations_without_improvement = 0
        return max(learning_rate * declared.factor, declared.min_learning_rate)


class LearningRateSchedule:
    """A learning rate that rises linearly to the declared rate and then falls as half a cosine wave, or stays.

    Args:
        declared: `training.schedule` of the protocol.
        learning_rate: The declared rate.
        steps_per_epoch: Steps of an epoch.
        steps: Steps of all epochs.
    """

    def __init__(self, declared: protocol.LearningRateSchedule, learning_rate: float, steps_per_epoch: int, steps: int):
        self._declared, self._learning_rate = declared, learning_rate
        self._steps_per_epoch, self._steps = steps_per_epoch, steps

    def rates(self, epoch: int) -> np.ndarray:
        """Return the learning rate of every step of an epoch, shape (steps per epoch,)."""
        steps = np.arange(1, self._steps_per_epoch + 1) + (epoch - 1) * self._steps_per_epoch
        warmup = round(self._declared.warmup * self._steps)
        share = np.ones(len(steps))
        if self._declared.decay == "cosine":
            share = (1 + np.cos(np.pi * (steps - warmup - 1) / max(1, self._steps - warmup))) / 2
        share = np.where(steps <= warmup, steps / max(1, warmup), share)
        return self._learning_rate * share


class TrainingState:
    """What has been trained of a member, and what follows from it.

    Args:
        training: `training` of the protocol.
        rows: Rows of the training set.

    Attributes:
        counters: How far the training is.
        history: All validations.
        steps_per_epoch: Steps of an epoch.
        rows_per_epoch: Rows of an epoch.

    Raises:
        DataError: There are fewer rows than one full batch needs.
    """

    def __init__(self, training: Training, rows: int):
        self._training, self._batch = training, training.batch_size
        short = training.shuffle == "every_epoch" and training.last_batch == "keep"
        self.steps_per_epoch = -(-rows // self._batch) if short else rows // self._batch
        if not self.steps_per_epoch:
            raise DataError(
                f"{rows} training rows do not fill one batch of {self._batch}. Lower protocol.training.batch_size, or "
                "set last_batch: keep and shuffle: every_epoch."
            )
        self.rows_per_epoch = rows if short else self.steps_per_epoch * self._batch
        self._interval = training.validate_every_steps or self.steps_per_epoch
        self._steps = training.max_epochs * self.steps_per_epoch
        patience_epoch = rows / self._batch if training.validate_every_steps else self.steps_per_epoch
        self._early_stopping = EarlyStopping(training.early_stopping, patience_epoch)
        learning_rate = training.optimizer.learning_rate
        self._schedule = training.schedule and LearningRateSchedule(
            training.schedule, learning_rate, self.steps_per_epoch, self._steps
        )
        self._plateau = ReduceLROnPlateau()
        self.counters = Counters(learning_rate)
        self.history = History()

    def next_segment(self, simultaneous: int = 1) -> Segment:
        """Return the steps to compute next: at most to the next validation or the end of the epoch.

        Args:
            simultaneous: Members that are trained at once, and share the rows of a segment.
        """
        epoch, first = divmod(self.counters.step, self.steps_per_epoch)
        most = max(1, SEGMENT_ROWS // simultaneous // self._batch)
        most = min(self._interval - self.counters.step % self._interval, most)
        return Segment(epoch + 1, first, min(first + most, self.steps_per_epoch))

    def advance(self, segment: Segment, loss_sum: float) -> None:
        """Count a segment as done.

        Args:
            segment: Its steps.
            loss_sum: Sum of the losses, the one before the segment included.
        """
        counters = self.counters
        counters.learning_rate = float(self.rates(segment.epoch)[segment.last - 1])
        counters.step += segment.last - segment.first
        counters.loss_sum = loss_sum
        counters.loss_rows += min(segment.last * self._batch, self.rows_per_epoch) - segment.first * self._batch

    def rates(self, epoch: int) -> np.ndarray:
        """Return the learning rate of every step of an epoch, shape (steps per epoch,)."""
        if self._schedule:
            return self._schedule.rates(epoch)
        return np.full(self.steps_per_epoch, self.counters.learning_rate)

    @property
    def validation_due(self) -> bool:
        """Whether the steps since the last validation are complete."""
        return self.counters.step % self._interval == 0 or self.counters.step == self._steps

    @property
    def train_loss(self) -> float:
        """Mean loss per row since the last validation."""
        return self.counters.loss_sum / self.counters.loss_rows

    def record(self, error: float | None, test_error: float | None = None) -> bool:
        """Append a row to the history and adapt the learning rate.

        Args:
            error: Mean absolute error on the monitored set; None if nothing is monitored.
            test_error: The same on the test set, where the protocol records it; it decides nothing.

        Returns:
            Whether this is the lowest error so far.
        """
        counters = self.counters
        row = Validation(
            self.epoch, error, counters.seconds, counters.step, self.train_loss, counters.learning_rate, test_error
        )
        counters.loss_sum, counters.loss_rows, counters.seconds = 0.0, 0, 0.0
        if error is not None and self._training.learning_rate_reduction:
            reduction = self._training.learning_rate_reduction
            counters.learning_rate = self._plateau.update(reduction, error, counters.learning_rate)
        return self.history.append(row)

    @property
    def epoch(self) -> int:
        """Epoch of the last step, from 1; 0 before the first."""
        return -(-self.counters.step // self.steps_per_epoch)

    @property
    def kept_row(self) -> Validation:
        """Row of the history whose weights the model ends with."""
        restored = self.history.best_row if self._early_stopping.restores_best else None
        return restored or self.history.rows[-1]

    @property
    def stopped(self) -> str | None:
        """Why the training is over: `early_stopping` or `max_epochs`; None while it is not."""
        rows, step = self.history.rows, self.counters.step
        if rows and rows[-1].step == step and self._early_stopping.steps_left(self.history, step) <= 0:
            return "early_stopping"
        return "max_epochs" if step == self._steps else None

    @property
    def may_stop_early(self) -> bool:
        """Whether a lack of improvement can end the training."""
        return self._training.early_stopping is not None

    @property
    def steps_left(self) -> int:
        """Steps until the end if nothing improves any more; patience may end between two validations."""
        step = self.counters.step
        return int(min(self._steps - step, max(0, self._early_stopping.steps_left(self.history, step))))

    @property
    def place(self) -> str:
        """How far the training is, in words."""
        whole, rest = divmod(self.counters.step, self.steps_per_epoch)
        return f"epoch {whole}" + (f" and {rest} of {self.steps_per_epoch} steps" if rest else "")

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep, as JSON types."""
        return {
            "counters": asdict(self.counters),
            "history": asdict(self.history),
            "plateau": asdict(self._plateau),
        }

    def set_state(self, stored: Mapping[str, Any]) -> None:
        """Set what `get_state` returned.

        Raises:
            KeyError, TypeError: It was not returned by this version of `get_state`; nothing was set.
        """
        counters, history = Counters(**stored["counters"]), History.of(stored["history"])
        plateau = ReduceLROnPlateau(**stored["plateau"])
        self.counters, self.history, self._plateau = counters, history, plateau


def rows_of_epoch(training: Training, rows: int, seed: int, epoch: int) -> np.ndarray:
    """Return the training rows of an epoch in the order of its steps (int32); depends on its arguments alone.

    With `shuffle: never` the rows keep one random order, drawn from the seed, and step s of the whole training takes
    `batch_size` of them from position (s x batch_size) mod (rows - batch_size) on (irnet2021's code).
    """
    batch = training.batch_size
    if training.shuffle == "never":
        steps = np.arange(rows // batch) + (epoch - 1) * (rows // batch)
        offsets = steps * batch % max(1, rows - batch)
        return epoch_order(rows, seed, 0)[(offsets[:, None] + np.arange(batch)).ravel()]
    order = epoch_order(rows, seed, epoch)
    return order[: rows - rows % batch] if training.last_batch == "drop" else order


def epoch_order(rows: int, seed: int, epoch: int) -> np.ndarray:
    """Return a random order of the training rows (int32); it depends on nothing but its arguments."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def evaluation_batches(rows: int, batch_size: int, seed: int) -> np.ndarray:
    """Return full batches of rows, for inference-mode overrides that use a whole batch.

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
    """Return the values of `evaluation_batches` by row, float64, shape (rows,); a row has that of its first batch."""
    filled = np.empty(batches.max() + 1)
    filled[batches[-1]] = values[-1]
    filled[batches[:-1]] = values[:-1]
    return filled
