"""Many training steps as one compiled TensorFlow call.

The rows stay on the device and the loop over batches runs inside the call. Against `Model.fit` this changes no number
that a paper defines, only the time between steps: the networks here are small, and a step of 32 rows costs less than
the Python around it.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from elemflow.config.protocol import Training
from elemflow.training.data import RoleData
from elemflow.training.engine import NetworkSettings, Steps, TrainingJob
from elemflow.training.keras_factory import (
    PREDICTION_ROWS,
    assign,
    make_loss,
    make_optimizer,
    overrides_inference,
    read,
    with_overrides,
)
from elemflow.training.state import SEGMENT_ROWS, evaluation_batches, in_rows

MIN_STEPS_TO_COMPILE = 2000
SLOWER_COMPILED = (keras.layers.Dropout, keras.layers.Conv2D, keras.layers.LSTM)


class TensorFlowBackend:
    """See `elemflow.training.engine.KerasBackend`; sets threads, precision and determinism of TensorFlow.

    Args:
        threads: Threads within an operation.

    Attributes:
        name: Name of the engine.
        device: `cpu`, or the name of the GPU.
    """

    name = "tensorflow"

    def __init__(self, threads: int):
        self._programs: dict[str, _Program] = {}  # the last program, by what it was made from
        tf.get_logger().setLevel(logging.ERROR)  # each network is traced again, and no warning is needed of that
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(False)  # the papers computed in full float32
        devices = tf.config.list_physical_devices("GPU")
        for device in devices:
            tf.config.experimental.set_memory_growth(device, True)
        self.device = "cpu"
        if devices:
            self.device = tf.config.experimental.get_device_details(devices[0]).get("device_name", "gpu")

    def clear(self) -> None:
        """See `elemflow.training.engine.KerasBackend`."""
        self._programs.clear()
        keras.utils.clear_session()

    def forward(self, model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
        """See `elemflow.training.engine.KerasBackend`."""
        columns = tf.TensorSpec((None, model.input_shape[1]), tf.float32)
        forward = tf.function(lambda x: model(x, training=False)[:, 0], input_signature=[columns])
        return lambda x: forward(tf.constant(x)).numpy()

    def engine(self, jobs: Sequence[TrainingJob], settings: NetworkSettings) -> "TensorFlowEngine":
        """See `elemflow.training.engine.KerasBackend`; there is one job."""
        [job] = jobs
        return TensorFlowEngine(job.model, job.data.train, settings, self._programs, job.architecture)

    def parallel_members(self, declared: int | str) -> int | None:  # noqa: ARG002  see there
        """See `elemflow.training.engine.KerasBackend`; members train one after the other."""
        return 1

    def members_with_room(self, model: keras.Model, train_sets: Sequence[RoleData], batch_size: int) -> int:  # noqa: ARG002  see there
        """See `elemflow.training.engine.KerasBackend`."""
        return 1


class _Program:
    """A network, its optimiser and what is compiled of them, for one member after the other.

    Compiling takes longer than training a small network, so members of one architecture and protocol take turns here.

    Args:
        model: The network that is compiled; its weights are those of the member that owns the program.
        settings: What of the protocol decides the training.
        compiled: Whether XLA compiles the steps.
    """

    def __init__(self, model: keras.Model, settings: NetworkSettings, *, compiled: bool):
        training, evaluation = settings.training, settings.evaluation
        self.model = model
        self.optimizer = make_optimizer(training.optimizer, model.trainable_variables)
        self.owner: TensorFlowEngine | None = None
        self._fresh = read(self.optimizer.variables)
        self._loss = make_loss(training)
        self._batch_size = training.batch_size
        self._compiled = compiled
        self.steps = tf.function(self._compiled_steps, jit_compile=True)
        if not compiled:
            shapes = [(None, model.input_shape[1]), (None, 1), (None,), (), (), ()]
            kinds = [tf.float32, tf.float32, tf.float32, tf.int32, tf.float32, tf.int32]
            self.steps = tf.function(self._traced_steps, input_signature=list(map(tf.TensorSpec, shapes, kinds)))
        self.in_batches = overrides_inference(evaluation)
        forward = with_overrides(model, evaluation) if self.in_batches else partial(model, training=False)
        self.forward = tf.function(forward, jit_compile=compiled)

    def begin(self, owner: "TensorFlowEngine", weights: list[np.ndarray]) -> None:
        """Hand the program to a member: its weights, and a fresh optimiser."""
        self.own(owner, weights)
        assign(self.optimizer.variables, self._fresh)

    def own(self, owner: "TensorFlowEngine", weights: list[np.ndarray]) -> None:
        """Hand the program to a member, for its weights alone."""
        assign(self.model.variables, weights)
        self.owner = owner

    def run(self, x: tf.Tensor, y: tf.Tensor, rates: tf.Tensor, rows: int, loss_sum: float) -> float:
        """Take a step for each batch of the first rows, the last of which may be short.

        Returns:
            `loss_sum` and the losses of these rows.
        """
        count, rest = divmod(rows, self._batch_size)
        total = tf.constant(loss_sum, tf.float32)
        # XLA has to know how many rows the short batch has, and compiles each number again.
        size = rest if self._compiled else tf.constant(rest)
        return float(self.steps(x, y, rates, tf.constant(count), total, size))

    def _compiled_steps(
        self, x: tf.Tensor, y: tf.Tensor, rates: tf.Tensor, count: tf.Tensor, total: tf.Tensor, rest: int
    ) -> tf.Tensor:
        batch = self._batch_size
        step = tf.constant(0)
        while step < count:
            first = step * batch
            total += self._step(_slice(x, first, batch), _slice(y, first, batch), rates[step]) * batch
            step += 1
        if rest:
            first = count * batch
            total += self._step(_slice(x, first, rest), _slice(y, first, rest), rates[count]) * rest
        return total

    def _traced_steps(
        self, x: tf.Tensor, y: tf.Tensor, rates: tf.Tensor, count: tf.Tensor, total: tf.Tensor, rest: tf.Tensor
    ) -> tf.Tensor:
        """Do the same with one trace of a step, which takes about a second, for batches and sets of any size."""
        batch, rows = self._batch_size, count * self._batch_size + rest
        step = tf.constant(0)
        while step * batch < rows:
            first = step * batch
            size = tf.minimum(batch, rows - first)
            total += self._step(_slice(x, first, size), _slice(y, first, size), rates[step]) * tf.cast(size, tf.float32)
            step += 1
        return total

    def _step(self, x: tf.Tensor, y: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        self.optimizer.learning_rate = learning_rate
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._loss(y, self.model(x, training=True)))
        weights = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return loss


def _program_for(
    model: keras.Model, settings: NetworkSettings, programs: dict[str, _Program], architecture: str, *, compiled: bool
) -> _Program:
    """Return the program of the member before if it fits, else a new one."""
    if not architecture:
        return _Program(model, settings, compiled=compiled)
    key = json.dumps(
        [architecture, settings.training.plain(), settings.evaluation.plain(), settings.seed, compiled], sort_keys=True
    )
    if key not in programs:
        programs.clear()
        programs[key] = _Program(keras.models.clone_model(model), settings, compiled=compiled)
    return programs[key]


class TensorFlowEngine:
    """See `elemflow.training.engine.Engine`.

    Args:
        model: Built, uncompiled network.
        train: Training set.
        settings: What of the protocol decides the training.
        programs: The last program of the process, by what it was made from; changed here.
        architecture: See `elemflow.training.engine.TrainingJob`.
    """

    def __init__(
        self,
        model: keras.Model,
        train: RoleData,
        settings: NetworkSettings,
        programs: dict[str, _Program],
        architecture: str = "",
    ):
        training = settings.training
        self._model = model
        self._x = tf.constant(train.x)
        self._y = tf.constant(train.y[:, None].astype(np.float32))
        self._batch_size, self._seed = training.batch_size, settings.seed
        # Always as many rows a call, since every other number would compile again.
        self._rows_at_once = min(len(train), max(SEGMENT_ROWS, self._batch_size))
        compiled = self._saves_time_compiled(training, len(train))
        self._program = _program_for(model, settings, programs, architecture, compiled=compiled)
        self._program.begin(self, read(model.variables))

    def _saves_time_compiled(self, training: Training, rows: int) -> bool:
        """Return whether XLA saves time; measured on one thread of a CPU, batch 32.

        A step of IRNet-17 takes 36 ms compiled and 45 ms not, and compiling takes about 10 s. With dropout it is the
        other way round (ElemNet: 54 against 25 ms), since XLA draws the masks twenty times slower there; likewise
        with convolutions (CNN: 247 against 33 ms) and with the LSTM (RNN: 42 against 32 ms).
        """
        steps = training.max_epochs * -(-rows // self._batch_size)
        slower = any(isinstance(layer, SLOWER_COMPILED) for layer in self._model.layers)
        return steps >= MIN_STEPS_TO_COMPILE and not slower

    def _owned(self) -> _Program:
        """Return the program, whose weights are this member's for as long as no other member owns it."""
        if self._program.owner is not self:
            raise RuntimeError("another member owns the compiled network now; members train one after the other")
        return self._program

    def run_steps(self, work: Mapping[int, Steps]) -> dict[int, float]:
        """See `elemflow.training.engine.Engine`."""
        program = self._owned()
        [(member, steps)] = work.items()
        rows = np.zeros(self._rows_at_once, np.int32)
        rates = np.zeros(-(-self._rows_at_once // self._batch_size), np.float32)
        chosen = steps.order[steps.first * self._batch_size : steps.last * self._batch_size]
        rows[: len(chosen)] = chosen
        rates[: steps.last - steps.first] = steps.rates[steps.first : steps.last]
        x, y = tf.gather(self._x, rows), tf.gather(self._y, rows)
        return {member: program.run(x, y, tf.constant(rates), len(chosen), steps.loss_sum)}

    def predict(self, _member: int, rows: RoleData, /) -> np.ndarray:
        """See `elemflow.training.engine.Engine`."""
        program = self._program
        if program.owner is not self:  # this training is over, and another member has trained since
            program.own(self, read(self._model.variables))
        if not program.in_batches:
            chunks = [rows.x[i : i + PREDICTION_ROWS] for i in range(0, len(rows), PREDICTION_ROWS)]
            predicted = [program.forward(tf.constant(chunk)).numpy()[:, 0] for chunk in chunks]
            return np.concatenate([np.empty(0), *predicted]).astype(np.float64)
        if not len(rows):
            return np.empty(0)
        kept = read(program.model.non_trainable_variables)
        batches = evaluation_batches(len(rows), self._batch_size, self._seed)
        predicted = [program.forward(tf.constant(rows.x[batch])).numpy()[:, 0] for batch in batches]
        assign(program.model.non_trainable_variables, kept)
        return in_rows(batches, np.stack(predicted))

    def get_state(self, _member: int = 0, /) -> dict[str, list[np.ndarray]]:
        """Return copies of weights, batch-norm statistics, dropout seeds and optimiser state."""
        program = self._owned()
        return {"model": read(program.model.variables), "optimizer": read(program.optimizer.variables)}

    def set_state(self, _member: int, state: Mapping[str, list[np.ndarray]], /) -> None:
        """Set what `get_state` returned; see `elemflow.training.engine.Engine`."""
        shapes = {group: [array.shape for array in arrays] for group, arrays in self.get_state().items()}
        if {group: [array.shape for array in arrays] for group, arrays in state.items()} != shapes:
            raise ValueError("its arrays have other shapes")
        assign(self._program.model.variables, state["model"])
        assign(self._program.optimizer.variables, state["optimizer"])

    def get_weights(self, _member: int, /) -> list[np.ndarray]:
        """Return copies of weights, batch-norm statistics and dropout seeds."""
        return read(self._owned().model.variables)

    def finish(self, _member: int, weights: list[np.ndarray] | None, /) -> None:
        """See `elemflow.training.engine.Engine`."""
        program = self._owned()
        if weights is not None:
            assign(program.model.variables, weights)
        if program.model is not self._model:
            assign(self._model.variables, read(program.model.variables))

    def peak_memory_mb(self) -> float | None:
        """Return the most memory used on the GPU, in MB (10^6 bytes); None on a CPU."""
        if not tf.config.list_physical_devices("GPU"):
            return None
        return round(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6, 1)


def _slice(rows: tf.Tensor, first: tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    return tf.slice(rows, [first, 0], [size, rows.shape[1]])
