"""The multi-task network: BRNet's trunk of residual stacks with branches, and one linear head per target.

A hidden layer is Dense with bias and leaky ReLU; a shortcut spans each layer and is added after the activation, as in
the family `dense` with `shortcut: layer`. Weights are arrays by the names that Keras gives that family's layers. The
same functions compute with numpy, which starts at once, and with JAX, which differentiates them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from elemflow.config.base import NetworkShape, Stack

HEADS = "output"
"""Name of the layer of the heads."""
BATCH_ROWS = 8_192
"""Rows that numpy computes at once."""

Weights = dict[str, Any]
"""Kernels `<layer>/kernel` (inputs, units) and biases `<layer>/bias` (units,), float32."""


def initial_weights(shape: NetworkShape, n_inputs: int, n_heads: int, seed: int) -> Weights:
    """Return the weights that a training starts with: Glorot uniform, those of the hidden layers times `kernel_scale`.

    Args:
        shape: Stacks of the trunk.
        n_inputs: Number of features.
        n_heads: Number of targets.
        seed: Seed; each layer has a generator of its own, derived from it and the layer's name.
    """
    weights: Weights = {}
    for layer, (n_in, n_out) in _layers(shape, n_inputs, n_heads):
        digest = hashlib.sha256(f"{seed}/{layer}".encode()).digest()
        scale = shape.kernel_scale if layer.endswith("_dense") else 1.0
        limit = scale * np.sqrt(6 / (n_in + n_out))
        generator = np.random.default_rng(int.from_bytes(digest[:8]))
        weights[f"{layer}/kernel"] = generator.uniform(-limit, limit, (n_in, n_out)).astype(np.float32)
        weights[f"{layer}/bias"] = np.zeros(n_out, np.float32)
    return weights


def expected_shapes(shape: NetworkShape, n_inputs: int, n_heads: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of weights."""
    found: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in _layers(shape, n_inputs, n_heads):
        found |= {f"{layer}/kernel": (n_in, n_out), f"{layer}/bias": (n_out,)}
    return found


def embed(weights: Mapping[str, Any], x: Any, shape: NetworkShape) -> Any:
    """Return the outputs of the trunk, shape (rows, width of the last stack), of scaled features (rows, features)."""
    for number, stack in enumerate(shape.stacks, start=1):
        chains = [_chain(weights, x, name, layers, shape.negative_slope) for name, layers in _chains(number, stack)]
        x = sum(chains[1:], start=chains[0])
    return x


def forward(weights: Mapping[str, Any], x: Any, shape: NetworkShape) -> Any:
    """Return the standardised targets, shape (rows, heads), of scaled features (rows, features)."""
    return _dense(weights, embed(weights, x, shape), HEADS)


def predict(weights: Mapping[str, Any], x: np.ndarray, shape: NetworkShape) -> np.ndarray:
    """Return the standardised targets of any number of rows, batch by batch with numpy; float32 (rows, heads)."""
    heads = len(weights[f"{HEADS}/bias"])
    batches = (x[first : first + BATCH_ROWS] for first in range(0, len(x), BATCH_ROWS))
    return np.concatenate([np.empty((0, heads), np.float32), *(forward(weights, batch, shape) for batch in batches)])


def with_heads(weights: Mapping[str, Any], heads: Sequence[int]) -> Weights:
    """Return the weights with some of the heads, which are so much cheaper to compute."""
    chosen = {f"{HEADS}/kernel": weights[f"{HEADS}/kernel"][:, heads], f"{HEADS}/bias": weights[f"{HEADS}/bias"][heads]}
    return {**weights, **chosen}


def _layers(shape: NetworkShape, n_inputs: int, n_heads: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the name, inputs and units of each layer."""
    width = n_inputs
    for number, stack in enumerate(shape.stacks, start=1):
        for name, layers in _chains(number, stack):
            before = width
            for layer in range(1, layers + 1):
                yield f"{name}_layer{layer}_dense", (before, stack.width)
                if before != stack.width:
                    yield f"{name}_layer{layer}_projection", (before, stack.width)
                before = stack.width
        width = stack.width
    yield HEADS, (width, n_heads)


def _chains(number: int, stack: Stack) -> list[tuple[str, int]]:
    """Return name and number of layers of each parallel chain of a stack."""
    if not stack.branches:
        return [(f"stack{number}", stack.layers)]
    return [(f"stack{number}_branch{branch}", layers) for branch, layers in enumerate(stack.branches, start=1)]


def _chain(weights: Mapping[str, Any], x: Any, name: str, layers: int, slope: float) -> Any:
    for number in range(1, layers + 1):
        layer = f"{name}_layer{number}"
        y = _dense(weights, x, f"{layer}_dense")
        y = _leaky(y, slope)
        projection = f"{layer}_projection"
        x = (_dense(weights, x, projection) if f"{projection}/kernel" in weights else x) + y
    return x


def _dense(weights: Mapping[str, Any], x: Any, layer: str) -> Any:
    return x @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"]


def _leaky(y: Any, slope: float) -> Any:
    """Return leaky ReLU; for a slope below 1 it is the larger of `y` and `slope * y`."""
    if isinstance(y, np.ndarray):
        return np.maximum(y, np.float32(slope) * y)
    import jax

    return jax.nn.leaky_relu(y, slope)
