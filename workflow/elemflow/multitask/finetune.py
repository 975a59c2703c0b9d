"""Fine-tuning: all weights of a pre-trained network on the values of one property, from the nearest of its heads."""

from typing import Literal, NamedTuple

import numpy as np

from elemflow.config.base import NetworkShape
from elemflow.core.errors import TrainingError
from elemflow.multitask.network import HEADS, Weights, initial_weights, predict
from elemflow.multitask.steps import compiled_step, rates, start

WEIGHT_DECAY, WARMUP = 0.01, 0.1
HeadChoice = Literal["nearest", "new"]
ScheduleChoice = Literal["rows", "short"]


class Schedule(NamedTuple):
    """How a network is fine-tuned.

    Attributes:
        batch_size: Rows of a step; all rows, if there are fewer.
        learning_rate: Largest learning rate.
        epochs: Passes over the rows.
        fewest_steps: Least number of steps.
    """

    batch_size: int
    learning_rate: float
    epochs: int
    fewest_steps: int = 100

    def steps(self, rows: int) -> int:
        """Return the number of steps for a training set."""
        return max(self.epochs * max(1, rows // self.batch_size), self.fewest_steps)


FINE_TUNING = (
    (500, Schedule(32, 2e-4, 20)),
    (2_500, Schedule(128, 5e-4, 60)),
    (20_000, Schedule(128, 1e-3, 60)),
    (10**9, Schedule(256, 1e-3, 40)),
)
"""Schedules by the largest number of training rows; chosen on validation rows of two measured sets."""
LEARNED = Schedule(128, 1e-4, 5)
"""Schedule for many values that the base has learned; chosen on held-out compositions (docs/results/base.md)."""
SCRATCH = ((400, Schedule(32, 1e-3, 200)), (10**9, Schedule(64, 1e-3, 100)))
"""Schedules of a network without pre-training."""


class Start(NamedTuple):
    """What a fine-tuning starts from.

    Attributes:
        head: Number of the head; None for a new one.
        correlation: Squared correlation of its predictions with the training values; NaN for a new one.
    """

    head: int | None
    correlation: float


def schedule_of(rows: int, table: tuple[tuple[int, Schedule], ...] = FINE_TUNING) -> Schedule:
    """Return the schedule for a number of training rows."""
    return next(schedule for largest, schedule in table if rows <= largest)


def nearest_head(outputs: np.ndarray, y: np.ndarray) -> Start:
    """Return the head whose outputs correlate best with values.

    Args:
        outputs: Outputs of the heads for the training rows (rows, heads).
        y: The values (rows,).
    """
    centred, values = outputs - outputs.mean(axis=0), y - y.mean()
    norms = np.sum(centred**2, axis=0) * np.sum(values**2)
    squared = np.divide((values @ centred) ** 2, norms, out=np.zeros(outputs.shape[1]), where=norms > 0)
    best = int(np.argmax(squared))
    return Start(best, float(squared[best]))


def fine_tune(
    weights: Weights,
    shape: NetworkShape,
    x: np.ndarray,
    y: np.ndarray,
    seed: int,
    head: HeadChoice = "nearest",
    schedule: ScheduleChoice = "rows",
) -> tuple[Weights, Start]:
    """Fine-tune a pre-trained network.

    Args:
        weights: Weights of the pre-trained network.
        shape: Its trunk.
        x: Features of the training rows, scaled as the network's, float32 (rows, features).
        y: Standardised values (rows,).
        seed: Seed of the order of the rows, and of a new head.
        head: `nearest` starts from the head that correlates best, with slope and offset of least squares.
        schedule: `rows` follows from the number of rows (`FINE_TUNING`), `short` is `LEARNED`.

    Returns:
        Weights with one head, and what they started from.

    Raises:
        TrainingError: The loss is no longer finite.
    """
    found = Start(None, float("nan"))
    width = len(weights[f"{HEADS}/kernel"])
    if head == "new":
        fresh = initial_weights(shape, x.shape[1], 1, seed)
        kernel, bias = fresh[f"{HEADS}/kernel"], fresh[f"{HEADS}/bias"]
    else:
        outputs = predict(weights, x, shape).astype(np.float64)
        found = nearest_head(outputs, y)
        chosen = outputs[:, found.head]
        slope, offset = _line(chosen, y)
        kernel = (weights[f"{HEADS}/kernel"][:, found.head] * slope).reshape(width, 1)
        bias = np.array([weights[f"{HEADS}/bias"][found.head] * slope + offset])
    own = {f"{HEADS}/kernel": kernel.astype(np.float32), f"{HEADS}/bias": bias.astype(np.float32)}
    started: Weights = {name: np.array(value) for name, value in weights.items()} | own
    chosen_schedule = LEARNED if schedule == "short" else schedule_of(len(y))
    return train_rows(started, shape, x, y, chosen_schedule, seed), found


def _line(outputs: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of least squares of values on outputs."""
    spread = np.sum((outputs - outputs.mean()) ** 2)
    slope = float(np.sum((outputs - outputs.mean()) * (y - y.mean())) / spread) if spread > 0 else 0.0
    return slope, float(y.mean() - slope * outputs.mean())


def train_rows(
    weights: Weights, shape: NetworkShape, x: np.ndarray, y: np.ndarray, schedule: Schedule, seed: int
) -> Weights:
    """Train a network with one head on all rows, in batches of one size, and return the last weights.

    Raises:
        TrainingError: The loss is no longer finite.
    """
    batch, steps = min(schedule.batch_size, len(y)), schedule.steps(len(y))
    generator, step = np.random.default_rng([seed, len(y)]), compiled_step(shape, WEIGHT_DECAY)
    state, order, one = start(weights), np.empty(0, np.int64), np.ones(1, np.float32)
    targets, loss = y.astype(np.float32)[:, None], np.float32(0)
    for rate in rates(steps, schedule.learning_rate, WARMUP):
        if len(order) < batch:
            order = generator.permutation(len(y))
        rows, order = order[:batch], order[batch:]
        state, loss = step(state, x[rows], targets[rows], one, rate)
    if not np.isfinite(float(loss)):
        raise TrainingError("the fine-tuning diverged; look for extreme values in the table.")
    return {name: np.asarray(value) for name, value in state.weights.items()}
