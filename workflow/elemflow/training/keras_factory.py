"""What the engines share: optimisers, losses and the habits of evaluation, made with Keras alone."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from elemflow.core.errors import ConfigError, nearest

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
PREDICTION_ROWS = 32_768  # one batch for most validation parts; bounds the memory of the others


def make_optimizer(declared: Mapping[str, Any], weights: Sequence[keras.Variable]) -> keras.Optimizer:
    """Make the optimiser of a protocol for the weights that it trains.

    Args:
        declared: `name`, Keras arguments such as `learning_rate`, and `weight_decay_on`.
        weights: Trainable weights.

    Raises:
        ConfigError: No optimiser has this name.
    """
    options = dict(declared)
    name, decayed = options.pop("name"), options.pop("weight_decay_on", "all")
    if name not in OPTIMIZERS:
        raise ConfigError(
            f"key 'training.optimizer.name': found '{name}'. Allowed: {', '.join(OPTIMIZERS)}."
            f"{nearest(name, OPTIMIZERS)}"
        )
    optimizer = OPTIMIZERS[name](**options)
    if decayed == "kernels":
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if "kernel" not in weight.name])
    optimizer.build(weights)
    return optimizer


def make_loss(training: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """Return the loss of a protocol: from true and predicted values, shape (rows, 1), to losses, shape (rows,)."""
    loss = LOSSES[training["loss"]]
    return partial(loss, delta=training["huber_delta"]) if training["loss"] == "huber" else loss


def with_habits(model: keras.Model, habits: Mapping[str, Any]) -> keras.Model:
    """Return a model of the same layers that evaluates as the protocol says instead of in inference mode."""

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if isinstance(layer, keras.layers.Dropout):
            options["training"] = habits["dropout"]
        elif isinstance(layer, keras.layers.BatchNormalization):
            options["training"] = habits["batch_norm"] == "batch"
        return layer(*inputs, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def read(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    return [np.array(variable) for variable in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Set variables to values, in order."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
