"""Steps of AdamW on the masked, weighted absolute error of a multi-task network, with JAX.

The formulas are those of Keras, so that a network of one head trains as the family `dense` does with `loss: mae`.
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


@cache
def compiled_step(shape: NetworkShape, weight_decay: float) -> Step:
    """Return the function of a step; it is compiled once for each size of a batch."""
    os.environ.setdefault("NPROC", "1")  # threads; sums in another order would give other numbers
    import jax

    # Full float32 also on a GPU, as all trainings here.
    jax.config.update("jax_default_matmul_precision", "highest")
    return jax.jit(partial(_step, shape, weight_decay), donate_argnums=0)


def rates(steps: int, learning_rate: float, warmup: float) -> np.ndarray:
    """Return the learning rate of each step: a linear warm-up, then a cosine decay to 0; float32 (steps,)."""
    numbers = np.arange(1, steps + 1)
    rising = round(warmup * steps)
    share = (1 + np.cos(np.pi * (numbers - rising - 1) / max(1, steps - rising))) / 2
    return (learning_rate * np.where(numbers <= rising, numbers / max(1, rising), share)).astype(np.float32)


def masked_error(weights: Weights, x: Any, y: Any, head_weights: Any, shape: NetworkShape) -> Any:
    """Return the loss: the weighted sum of absolute errors where there is a label, divided by the rows."""
    import jax.numpy as jnp

    known = ~jnp.isnan(y)
    errors = jnp.where(known, jnp.abs(forward(weights, x, shape) - jnp.where(known, y, 0)), 0)
    return jnp.sum(errors * head_weights) / x.shape[0]


def _step(
    shape: NetworkShape, weight_decay: float, state: State, x: Any, y: Any, head_weights: Any, rate: Any
) -> tuple[State, Any]:
    import jax
    import jax.numpy as jnp

    loss, gradients = jax.value_and_grad(masked_error)(state.weights, x, y, head_weights, shape)
    number = state.step + 1
    exponent = number.astype(jnp.float32)
    alpha = rate * jnp.sqrt(1 - BETA_2**exponent) / (1 - BETA_1**exponent)
    weights, first, second = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    for name, gradient in gradients.items():
        value, m, v = state.weights[name], state.first[name], state.second[name]
        if name.endswith("/kernel"):
            value = value - value * weight_decay * rate
        first[name] = m + (gradient - m) * (1 - BETA_1)
        second[name] = v + (jnp.square(gradient) - v) * (1 - BETA_2)
        weights[name] = value - first[name] * alpha / (jnp.sqrt(second[name]) + EPSILON)
    return State(weights, first, second, number), loss
