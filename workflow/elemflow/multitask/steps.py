"""Steps of AdamW on the masked, weighted absolute error of a multi-task network, and whole epochs of them with JAX.

The formulas are those of Keras, in its order, so that a network of one head trains as the family `dense` does with
`loss: mae`. They are written for any library that computes with arrays; TensorFlow's steps are in
`elemflow.training.base_engines`.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from elemflow.config.base import NetworkShape
from elemflow.multitask.network import Weights, forward

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""Of Adam; Keras' defaults."""


class State(NamedTuple):
    """What a step changes.

    Attributes:
        weights: Weights of the network.
        first: Moving means of the gradients.
        second: Moving means of their squares.
        step: Number of steps done.
    """

    weights: Weights
    first: Weights
    second: Weights
    step: Any


def start(weights: Mapping[str, np.ndarray]) -> State:
    """Return the state before the first step."""
    zeros = {name: np.zeros_like(value) for name, value in weights.items()}
    return State(dict(weights), zeros, {name: value.copy() for name, value in zeros.items()}, np.int32(0))


Step = Callable[[State, np.ndarray, np.ndarray, np.ndarray, np.floating[Any]], tuple[State, Any]]
"""State, features (rows, features), targets with NaN (rows, heads), weights of the heads, rate -> state and loss."""


Epoch = Callable[[State, np.ndarray, np.ndarray], tuple[State, np.ndarray]]
"""State, rows of each step (steps, rows of a batch), rates (steps,) -> state and loss of each step (steps,)."""
MakeEpoch = Callable[[NetworkShape, float, np.ndarray, np.ndarray, np.ndarray], Epoch]
"""Trunk, weight decay, features (rows, features), targets with NaN (rows, heads), weights of the heads -> an epoch."""


class Library(NamedTuple):
    """What a step requires of a library.

    Attributes:
        abs, isnan, sqrt, square, sum, where: As numpy has them.
        as_float: From integers to float32.
    """

    abs: Callable[[Any], Any]
    isnan: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    square: Callable[[Any], Any]
    sum: Callable[[Any], Any]
    where: Callable[[Any, Any, Any], Any]
    as_float: Callable[[Any], Any]


@cache
def jax_library() -> Library:
    """Return JAX, which computes in full float32 also on a GPU, as all trainings here."""
    os.environ.setdefault("NPROC", "1")  # threads; sums in another order would give other numbers
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
    return Library(
        abs=jnp.abs, isnan=jnp.isnan, sqrt=jnp.sqrt, square=jnp.square, sum=jnp.sum, where=jnp.where,
        as_float=lambda number: number.astype(jnp.float32),
    )  # fmt: skip


@cache
def compiled_step(shape: NetworkShape, weight_decay: float) -> Step:
    """Return the function of a step; it is compiled once for each size of a batch."""
    jax_library()
    import jax

    return jax.jit(partial(_step, shape, weight_decay), donate_argnums=0)


def epoch_with_jax(
    shape: NetworkShape, weight_decay: float, x: np.ndarray, y: np.ndarray, head_weights: np.ndarray
) -> Epoch:
    """Return the function of an epoch, one call with the rows on the device; see `MakeEpoch`.

    On a CPU its bytes are those of `compiled_step`, step by step.
    """
    jax_library()
    import jax

    step = partial(_step, shape, weight_decay)

    def run(state: State, data: tuple[Any, Any, Any], order: Any, rates: Any) -> tuple[State, Any]:
        x, y, head_weights = data
        return jax.lax.scan(
            lambda s, each: step(s, x[each[0]], y[each[0]], head_weights, each[1]), state, (order, rates)
        )

    compiled, data = jax.jit(run, donate_argnums=0), jax.device_put((x, y, head_weights))

    def epoch(state: State, order: np.ndarray, rates: np.ndarray) -> tuple[State, np.ndarray]:
        state, losses = compiled(state, data, order.astype(np.int32), rates)
        return state, np.asarray(losses)

    return epoch


def rates(steps: int, learning_rate: float, warmup: float) -> np.ndarray:
    """Return the learning rate of each step: a linear warm-up, then a cosine decay to 0; float32 (steps,)."""
    numbers = np.arange(1, steps + 1)
    rising = round(warmup * steps)
    share = (1 + np.cos(np.pi * (numbers - rising - 1) / max(1, steps - rising))) / 2
    return (learning_rate * np.where(numbers <= rising, numbers / max(1, rising), share)).astype(np.float32)


def masked_error(weights: Weights, x: Any, y: Any, head_weights: Any, shape: NetworkShape) -> Any:
    """Return the loss with JAX; see `error_of`."""
    return error_of(jax_library(), forward(weights, x, shape), y, head_weights)


def error_of(library: Library, outputs: Any, y: Any, head_weights: Any) -> Any:
    """Return the loss: the weighted sum of absolute errors where there is a label, divided by the rows."""
    known = ~library.isnan(y)
    errors = library.where(known, library.abs(outputs - library.where(known, y, 0)), 0)
    return library.sum(errors * head_weights) / y.shape[0]


def _step(
    shape: NetworkShape, weight_decay: float, state: State, x: Any, y: Any, head_weights: Any, rate: Any
) -> tuple[State, Any]:
    import jax

    loss, gradients = jax.value_and_grad(masked_error)(state.weights, x, y, head_weights, shape)
    return descended(jax_library(), state, gradients, weight_decay, rate), loss


def descended(library: Library, state: State, gradients: Mapping[str, Any], weight_decay: float, rate: Any) -> State:
    """Return the state after a step of AdamW down some gradients."""
    number = state.step + 1
    exponent = library.as_float(number)
    alpha = rate * library.sqrt(1 - BETA_2**exponent) / (1 - BETA_1**exponent)
    weights, first, second = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    for name, gradient in gradients.items():
        value, m, v = state.weights[name], state.first[name], state.second[name]
        if name.endswith("/kernel"):
            value = value - value * weight_decay * rate
        first[name] = m + (gradient - m) * (1 - BETA_1)
        second[name] = v + (library.square(gradient) - v) * (1 - BETA_2)
        weights[name] = value - first[name] * alpha / (library.sqrt(second[name]) + EPSILON)
    return State(weights, first, second, number)
