"""What the engines share: optimisers, losses and inference-mode overrides, made with Keras alone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from elemflow.config.protocol import Evaluation, Optimizer, Training

LOSSES = {
    "mae": keras.losses.mean_absolute_error,
    "mse": keras.losses.mean_squared_error,
    "huber": keras.losses.huber,
}
PREDICTION_ROWS = 32_768  # one batch for most validation sets; bounds the memory of the others


def make_optimizer(declared: Optimizer, weights: Sequence[keras.Variable]) -> keras.Optimizer:
    """Return the optimiser of a protocol for the weights that it trains.

    Args:
        declared: The optimiser.
        weights: Trainable weights.
    """
    optimizer = _new_optimizer(declared)
    if declared.name == "adamw" and declared.weight_decay_on == "kernels":
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if "kernel" not in weight.name])
    optimizer.build(weights)
    return optimizer


def _new_optimizer(declared: Optimizer) -> keras.Optimizer:
    """Return the Keras optimiser with the keys that its kind has; an epsilon of None is Keras' own."""
    rate = declared.learning_rate
    epsilon = {} if declared.epsilon is None else {"epsilon": declared.epsilon}
    match declared.name:
        case "adam":
            return keras.optimizers.Adam(rate, **epsilon)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=declared.weight_decay)
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=declared.momentum)
        case "adadelta":
            return keras.optimizers.Adadelta(rate, rho=declared.rho, **epsilon)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)


def make_loss(training: Training) -> Callable[[Any, Any], Any]:
    """Return the loss of a protocol: from true and predicted values, shape (rows, 1), to losses, shape (rows,)."""
    loss = LOSSES[training.loss]
    return partial(loss, delta=training.huber_delta) if training.loss == "huber" else loss


def overrides_inference(evaluation: Evaluation) -> bool:
    """Return whether predictions depend on a whole batch: dropout stays on, or batch statistics are used."""
    return evaluation.dropout or evaluation.batch_norm == "batch"


def with_overrides(model: keras.Model, evaluation: Evaluation) -> keras.Model:
    """Return a model of the same layers that evaluates as the protocol says instead of in inference mode."""

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if isinstance(layer, keras.layers.Dropout):
            options["training"] = evaluation.dropout
        elif isinstance(layer, keras.layers.BatchNormalization):
            options["training"] = evaluation.batch_norm == "batch"
        return layer(*inputs, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def read(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    return [np.array(variable) for variable in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Set variables to values, in order."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
