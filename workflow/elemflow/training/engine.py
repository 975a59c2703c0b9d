"""The interfaces between the training loop and the library that computes: Keras backends and their engines."""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elemflow.config.protocol import Evaluation, Training
from elemflow.training.data import MemberData, RoleData
from elemflow.training.progress import Progress
from elemflow.training.state import TrainingState

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class NetworkSettings:
    """What of a protocol decides the training of a network.

    Attributes:
        training: Optimiser, loss, batches, early stopping.
        evaluation: How the network computes the monitored error and the predictions.
        seed: Seed of the protocol, by which evaluation batches are drawn.
    """

    training: Training
    evaluation: Evaluation
    seed: int


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


class TrainingJob(NamedTuple):
    """A member to be trained.

    Attributes:
        model: Built, uncompiled network; it ends with the weights that the protocol keeps.
        data: Training, validation and test set of the member.
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
    progress: Progress
    architecture: str = ""


class FitResult(NamedTuple):
    """A trained network.

    Attributes:
        state: History, best epoch, reason of the end.
        predict: From the rows of a role to float64 predictions, shape (rows,), with the kept weights.
        device_memory_mb: Most memory used on the device; None if it does not say.
    """

    state: TrainingState
    predict: Callable[[RoleData], np.ndarray]
    device_memory_mb: float | None


class Engine(typing.Protocol):
    """Computes the steps of members numbered from 0, and holds their parameters, optimiser and dropout state."""

    def run_steps(self, work: Mapping[int, Steps]) -> dict[int, float]:
        """Train some members over some steps of their epochs.

        Returns:
            Per member `loss_sum` plus the losses of these rows, however the steps are distributed over calls.
        """

    def predict(self, member: int, rows: RoleData, /) -> np.ndarray:
        """Return float64 predictions, shape (rows,), with the inference-mode overrides of the protocol.

        They leave the state of the training as it is. Overrides that use a whole batch see those of
        `elemflow.training.state.evaluation_batches`.
        """

    def get_state(self, member: int, /) -> dict[str, list[np.ndarray]]:
        """Return copies of everything that training changes."""

    def set_state(self, member: int, state: Mapping[str, list[np.ndarray]], /) -> None:
        """Set what `get_state` returned.

        Raises:
            ValueError: It belongs to another network or optimiser; nothing was set.
        """

    def get_weights(self, member: int, /) -> list[np.ndarray]:
        """Return copies of what predictions depend on: weights, batch-norm statistics, dropout state."""

    def finish(self, member: int, weights: list[np.ndarray] | None, /) -> None:
        """End the training of a member: its model gets what `get_weights` returned, or the last weights."""

    def peak_memory_mb(self) -> float | None:
        """Return the most memory used on the device so far, in MB (10^6 bytes); None if it does not say."""


class KerasBackend(typing.Protocol):
    """A started Keras backend, which makes engines and compiled forward passes."""

    name: str
    device: str

    def clear(self) -> None:
        """Forget what former trainings of the process left, such as counted layer names and compiled networks."""

    def forward(self, model: "keras.Model") -> Callable[[np.ndarray], np.ndarray]:
        """Return a compiled function from features (rows, columns) to predictions (rows,) in inference mode."""

    def engine(self, jobs: Sequence[TrainingJob], settings: NetworkSettings) -> Engine:
        """Return the engine that trains these members simultaneously."""

    def parallel_members(self, declared: int | str) -> int | None:
        """Return how many members train simultaneously by `training.parallel_members`; None if memory alone limits."""

    def members_with_room(self, model: "keras.Model", train_sets: Sequence[RoleData], batch_size: int) -> int:
        """Return how many members fit into the memory of the device at once, at least one."""
