"""One training epoch as one compiled TensorFlow call.

The rows stay on the device and the loop over batches runs inside the call. Against `Model.fit` this changes no number
that a paper defines, only the time between steps: the networks here are small, and a step of 32 rows costs less than
the Python around it.
"""

from collections.abc import Mapping
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
LOSSES = {"mae": "mean_absolute_error", "mse": "mean_squared_error", "huber": "huber"}
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
        training: `training` of the protocol.
    """

    def __init__(self, model: keras.Model, train: Part, training: Mapping[str, Any]):
        self._model = model
        self._optimizer = make_optimizer(training["optimizer"])
        self._optimizer.build(model.trainable_variables)
        self._loss = keras.losses.get(LOSSES[training["loss"]])
        self._x = tf.constant(train.x)
        self._y = tf.constant(train.y[:, None].astype(np.float32))
        self._batch_size = training["batch_size"]
        compiled = self._is_worth_compiling(training, len(train))
        self._epoch = tf.function(self._epoch_graph, jit_compile=compiled)
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

    def run_epoch(self, order: np.ndarray) -> float:
        """Train once over the rows in `order`; return the mean loss per row."""
        return float(self._epoch(tf.constant(order))) / len(order)

    def _epoch_graph(self, order: tf.Tensor) -> tf.Tensor:
        rows, batch = order.shape[0], self._batch_size
        steps = rows // batch
        total = tf.constant(0.0)
        for step in tf.range(steps):
            total += self._step(tf.slice(order, [step * batch], [batch])) * batch
        if rows % batch:  # the short last batch is kept, as Keras does
            total += self._step(order[steps * batch :]) * (rows % batch)
        return total

    def _step(self, rows: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            predicted = self._model(tf.gather(self._x, rows), training=True)
            loss = tf.reduce_mean(self._loss(tf.gather(self._y, rows), predicted))
        weights = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    def predict(self, part: Part) -> np.ndarray:
        """Return float64 predictions, shape (rows,), in inference mode."""
        chunks = [part.x[i : i + PREDICTION_ROWS] for i in range(0, len(part), PREDICTION_ROWS)]
        predicted = [self._forward(tf.constant(chunk)).numpy()[:, 0] for chunk in chunks]
        return np.concatenate([np.empty(0), *predicted]).astype(np.float64)

    def get_state(self) -> dict[str, list[np.ndarray]]:
        """Return copies of weights, batch-norm statistics, dropout seeds and optimiser state."""
        return {"model": _read(self._model.variables), "optimizer": _read(self._optimizer.variables)}

    def set_state(self, state: Mapping[str, list[np.ndarray]]) -> None:
        """Set what `get_state` gave."""
        _assign(self._model.variables, state["model"])
        _assign(self._optimizer.variables, state["optimizer"])

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's weights, batch-norm statistics included."""
        return _read(self._model.weights)

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set what `get_weights` gave."""
        _assign(self._model.weights, weights)


def _read(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(variable) for variable in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
