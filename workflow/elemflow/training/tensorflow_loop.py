"""Many training steps as one compiled TensorFlow call.

The rows stay on the device and the loop over batches runs inside the call. Against `Model.fit` this changes no number
that a paper defines, only the time between steps: the networks here are small, and a step of 32 rows costs less than
the Python around it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from elemflow.errors import ConfigError, nearest
from elemflow.training.data import Part

OPTIMIZERS: dict[str, type[keras.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "adadelta": keras.optimizers.Adadelta,
    "rmsprop": keras.optimizers.RMSprop,
}
LOSSES = {
    "mae": keras.losses.mean_absolute_error,
    "mse": keras.losses.mean_squared_error,
    "huber": keras.losses.huber,
}
STEPS_WORTH_COMPILING = 2000
SLOWER_COMPILED = (keras.layers.Dropout, keras.layers.Conv2D, keras.layers.LSTM)
PREDICTION_ROWS = 32_768  # one batch for most validation parts; bounds the memory of the others


def start(threads: int) -> str:
    """Set threads, precision and determinism of TensorFlow, before its first operation.

    Args:
        threads: Threads within an operation.

    Returns:
        Name of the device that computes.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)  # the papers computed in full float32
    devices = tf.config.list_physical_devices("GPU")
    for device in devices:
        tf.config.experimental.set_memory_growth(device, True)
    return tf.config.experimental.get_device_details(devices[0]).get("device_name", "gpu") if devices else "cpu"


def make_optimizer(declared: Mapping[str, Any]) -> keras.Optimizer:
    """Make the optimiser of a protocol: `name`, and Keras arguments such as `learning_rate`.

    Raises:
        ConfigError: No optimiser has this name.
    """
    name = declared["name"]
    if name not in OPTIMIZERS:
        raise ConfigError(
            f"key 'training.optimizer.name': found '{name}'. Allowed: {', '.join(OPTIMIZERS)}."
            f"{nearest(name, OPTIMIZERS)}"
        )
    return OPTIMIZERS[name](**{key: value for key, value in declared.items() if key != "name"})


class TensorFlowEngine:
    """See `elemflow.training.loop.Engine`.

    Args:
        model: Built, uncompiled network.
        train: Training rows.
        protocol: `training` and `evaluation` of the protocol.
    """

    def __init__(self, model: keras.Model, train: Part, protocol: Mapping[str, Any]):
        training, habits = protocol["training"], protocol["evaluation"]
        self._model = model
        self._optimizer = make_optimizer(training["optimizer"])
        self._optimizer.build(model.trainable_variables)
        loss = LOSSES[training["loss"]]
        self._loss = partial(loss, delta=training["huber_delta"]) if training["loss"] == "huber" else loss
        self._x = tf.constant(train.x)
        self._y = tf.constant(train.y[:, None].astype(np.float32))
        self._batch_size = training["batch_size"]
        compiled = self._is_worth_compiling(training, len(train))
        self._steps = tf.function(self._steps_graph, jit_compile=compiled)
        self._in_batches = habits["dropout"] or habits["batch_norm"] == "batch"
        if self._in_batches:
            evaluated = _with_habits(model, habits)
            self._forward = tf.function(evaluated, jit_compile=compiled)
        else:
            self._forward = tf.function(lambda x: model(x, training=False), jit_compile=compiled)

    def _is_worth_compiling(self, training: Mapping[str, Any], rows: int) -> bool:
        """Tell whether XLA saves time; measured on one thread of a CPU, batch 32.

        A step of IRNet-17 takes 36 ms compiled and 45 ms not, and compiling takes about 10 s. With dropout it is the
        other way round (ElemNet: 54 against 25 ms), since XLA draws the masks twenty times slower there; likewise
        with convolutions (CNN: 247 against 33 ms) and with the LSTM (RNN: 42 against 32 ms).
        """
        steps = training["max_epochs"] * -(-rows // self._batch_size)
        slower = any(isinstance(layer, SLOWER_COMPILED) for layer in self._model.layers)
        return steps >= STEPS_WORTH_COMPILING and not slower

    def run_steps(self, order: np.ndarray, first: int, last: int, loss_sum: float) -> float:
        """See `elemflow.training.loop.Engine`."""
        whole = len(order) // self._batch_size
        ends = tf.constant([first, min(last, whole)])
        return float(self._steps(tf.constant(order), ends, tf.constant(loss_sum, tf.float32), short=last > whole))

    def _steps_graph(self, order: tf.Tensor, ends: tf.Tensor, total: tf.Tensor, short: bool) -> tf.Tensor:
        batch = self._batch_size
        for step in tf.range(ends[0], ends[1]):
            total += self._step(tf.slice(order, [step * batch], [batch])) * batch
        if short:
            rest = order.shape[0] % batch
            total += self._step(order[-rest:]) * rest
        return total

    def _step(self, rows: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            predicted = self._model(tf.gather(self._x, rows), training=True)
            loss = tf.reduce_mean(self._loss(tf.gather(self._y, rows), predicted))
        weights = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    def predict(self, part: Part) -> np.ndarray:
        """Return float64 predictions, shape (rows,); they leave the state of the training as it is.

        Habits that look at a whole batch see batches of the training's size, in the order of the part; the last one
        reaches back so far that it is full.
        """
        if not self._in_batches:
            chunks = [part.x[i : i + PREDICTION_ROWS] for i in range(0, len(part), PREDICTION_ROWS)]
            predicted = [self._forward(tf.constant(chunk)).numpy()[:, 0] for chunk in chunks]
            return np.concatenate([np.empty(0), *predicted]).astype(np.float64)
        kept, filled = _read(self._model.non_trainable_variables), np.empty(len(part))
        for first in range(0, len(part), self._batch_size):
            last = min(first + self._batch_size, len(part))
            batch = tf.constant(part.x[max(0, last - self._batch_size) : last])
            filled[first:last] = self._forward(batch).numpy()[first - last :, 0]
        _assign(self._model.non_trainable_variables, kept)
        return filled

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the learning rate of the next steps."""
        self._optimizer.learning_rate = learning_rate

    def get_state(self) -> dict[str, list[np.ndarray]]:
        """Return copies of weights, batch-norm statistics, dropout seeds and optimiser state."""
        return {"model": _read(self._model.variables), "optimizer": _read(self._optimizer.variables)}

    def set_state(self, state: Mapping[str, list[np.ndarray]]) -> None:
        """Set what `get_state` gave; see `elemflow.training.loop.Engine`."""
        shapes = {group: [array.shape for array in arrays] for group, arrays in self.get_state().items()}
        if {group: [array.shape for array in arrays] for group, arrays in state.items()} != shapes:
            raise ValueError("its arrays have other shapes")
        _assign(self._model.variables, state["model"])
        _assign(self._optimizer.variables, state["optimizer"])

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of weights, batch-norm statistics and dropout seeds."""
        return _read(self._model.variables)

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set what `get_weights` gave."""
        _assign(self._model.variables, weights)

    def peak_memory_mb(self) -> float | None:
        """Return the most memory used on the GPU, in MB (10^6 bytes); None on a CPU."""
        if not tf.config.list_physical_devices("GPU"):
            return None
        return round(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6, 1)


def _with_habits(model: keras.Model, habits: Mapping[str, Any]) -> keras.Model:
    """Return a model of the same layers that evaluates as the protocol says instead of in inference mode."""

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if isinstance(layer, keras.layers.Dropout):
            options["training"] = habits["dropout"]
        elif isinstance(layer, keras.layers.BatchNormalization):
            options["training"] = habits["batch_norm"] == "batch"
        return layer(*inputs, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _read(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(variable) for variable in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
