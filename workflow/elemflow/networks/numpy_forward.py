"""Stored networks of dense layers evaluated with numpy: Keras, whose import takes seconds, is not needed to predict.

The arithmetic is that of Keras in float32, in another order within sums, so that predictions differ by rounding. A
network with any other layer is left to Keras.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from threadpoolctl import threadpool_limits

Forward = Callable[[np.ndarray], np.ndarray]
"""Scaled features, float32 (rows, columns), to the outputs of a network, float32 (rows,)."""
Step = Callable[[list[np.ndarray]], np.ndarray]
"""Inputs of a layer (rows, columns) to its output (rows, units)."""

BLOCK_ROWS = 512
"""Rows that pass through the layers at once."""


@dataclass(frozen=True)
class Layer:
    """A layer of a network.

    Attributes:
        name: Its name.
        inputs: Names of the layers that it reads.
        step: What it computes; None for the input.
    """

    name: str
    inputs: Sequence[str]
    step: Step | None


def read_network(path: Path, threads: int = 1) -> Forward | None:
    """Return a stored network as a function; None if it has layers that are not known here.

    Args:
        path: `member-<number>.keras` in the `model` folder of a run.
        threads: Processor threads of a multiplication.
    """
    with zipfile.ZipFile(path) as archive:
        network = json.loads(archive.read("config.json"))
        if network["class_name"] != "Functional":
            return None
        weights = _read_weights(archive.read("model.weights.h5"))
    declared = network["config"]
    layers = [_read_layer(layer, weights.get(layer["name"], [])) for layer in declared["layers"]]
    known = [layer for layer in layers if layer]
    [output, *more] = _flat(declared["output_layers"])
    if len(known) < len(layers) or more:
        return None
    readers = {layer.name: sum(other.inputs.count(layer.name) for other in known) for layer in known}

    def forward(x: np.ndarray) -> np.ndarray:
        with threadpool_limits(threads, "blas"):
            blocks = [_evaluate(known, readers, x[first : first + BLOCK_ROWS])[output] for first in _starts(len(x))]
        return np.concatenate(blocks)[:, 0]

    return forward


def _starts(rows: int) -> range:
    return range(0, max(rows, 1), BLOCK_ROWS)  # no rows still give an empty array


def _flat(layers: Sequence[Any]) -> list[str]:
    """Return the names in a list of layers, which Keras writes as one `[name, 0, 0]` or as a list of them."""
    return [layers[0]] if isinstance(layers[0], str) else [layer[0] for layer in layers]


def _evaluate(layers: Sequence[Layer], readers: Mapping[str, int], x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the outputs of the layers that no other layer reads, by name.

    Args:
        layers: The layers, each after those that it reads.
        readers: How often each is read.
        x: Scaled features (rows, columns).
    """
    left = dict(readers)
    found: dict[str, np.ndarray] = {}
    for layer in layers:
        found[layer.name] = layer.step([found[name] for name in layer.inputs]) if layer.step else x
        for name in layer.inputs:
            left[name] -= 1
            if not left[name]:
                del found[name]
    return found


def read_arrays(content: bytes) -> dict[str, list[np.ndarray]]:
    """Return the arrays of each layer of a `.keras` file, by its name.

    Args:
        content: The bytes of the file.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _read_weights(archive.read("model.weights.h5"))


def _read_weights(stored: bytes) -> dict[str, list[np.ndarray]]:
    """Return the arrays of each layer, by its name."""
    found: dict[str, list[np.ndarray]] = {}
    with h5py.File(io.BytesIO(stored)) as file:
        for group in file["layers"].values():
            variables = group["vars"]
            if "name" in variables.attrs:
                arrays = [np.asarray(variables[str(number)]) for number in range(len(variables))]
                found[str(variables.attrs["name"])] = arrays
    return found


def _read_layer(layer: Mapping[str, Any], weights: Sequence[np.ndarray]) -> Layer | None:
    """Return a layer; None if it is not known here."""
    config, kind = layer["config"], layer["class_name"]
    if kind == "InputLayer":
        return Layer(layer["name"], (), None)
    if kind not in KINDS or len(layer["inbound_nodes"]) != 1 or _dtype(config) != "float32":
        return None
    inputs = list(_inputs(layer["inbound_nodes"][0]["args"]))
    step = KINDS[kind](config, weights)
    return Layer(layer["name"], inputs, step) if step else None


def _inputs(arguments: Any) -> Iterator[str]:
    """Yield the names of the layers behind the arguments of a layer."""
    if isinstance(arguments, list):
        for argument in arguments:
            yield from _inputs(argument)
    elif isinstance(arguments, Mapping) and arguments.get("class_name") == "__keras_tensor__":
        yield arguments["config"]["keras_history"][0]


def _dtype(config: Mapping[str, Any]) -> str:
    policy = config.get("dtype")
    return str(policy["config"]["name"] if isinstance(policy, Mapping) else policy)


def _dense(config: Mapping[str, Any], weights: Sequence[np.ndarray]) -> Step | None:
    name = str(config["activation"])
    activation = ACTIVATIONS.get(name)
    if activation is None or config.get("lora_rank") or config.get("quantization_config"):
        return None
    kernel, bias = weights[0], weights[1] if config["use_bias"] else None

    def step(inputs: list[np.ndarray]) -> np.ndarray:
        y = inputs[0] @ kernel
        if bias is not None:
            np.add(y, bias, out=y)
        return np.maximum(y, ZERO, out=y) if name == "relu" else activation(y)

    return step


def _batch_norm(config: Mapping[str, Any], weights: Sequence[np.ndarray]) -> Step | None:
    if config["axis"] not in (-1, 1):
        return None
    *affine, mean, variance = weights
    gamma = affine.pop(0) if config["scale"] else np.float32(1)
    beta = affine.pop(0) if config["center"] else np.float32(0)
    factor = gamma / np.sqrt(variance + np.float32(config["epsilon"]))
    shift = beta - mean * factor

    def step(inputs: list[np.ndarray]) -> np.ndarray:
        y = inputs[0] * factor
        return np.add(y, shift, out=y)

    return step


def _activation(config: Mapping[str, Any], _: Sequence[np.ndarray]) -> Step | None:
    activation = ACTIVATIONS.get(str(config["activation"]))
    return (lambda inputs: activation(inputs[0])) if activation else None


def _leaky_relu(config: Mapping[str, Any], _: Sequence[np.ndarray]) -> Step:
    slope = np.float32(config["negative_slope"])
    if not 0 <= slope <= 1:
        return lambda inputs: np.where(inputs[0] > 0, inputs[0], slope * inputs[0])
    return lambda inputs: np.maximum(inputs[0], slope * inputs[0])


def _sum(_: Mapping[str, Any], __: Sequence[np.ndarray]) -> Step:
    return lambda inputs: reduce(np.add, inputs)


def _mean(_: Mapping[str, Any], __: Sequence[np.ndarray]) -> Step:
    return lambda inputs: reduce(np.add, inputs) / np.float32(len(inputs))


def _concatenate(config: Mapping[str, Any], _: Sequence[np.ndarray]) -> Step | None:
    return (lambda inputs: np.concatenate(inputs, axis=1)) if config["axis"] in (-1, 1) else None


def _same(_: Mapping[str, Any], __: Sequence[np.ndarray]) -> Step:
    return lambda inputs: inputs[0]


KINDS: Mapping[str, Callable[[Mapping[str, Any], Sequence[np.ndarray]], Step | None]] = {
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "Activation": _activation,
    "LeakyReLU": _leaky_relu,
    "Add": _sum,
    "Average": _mean,
    "Concatenate": _concatenate,
    "Dropout": _same,
}
"""Layers that are known here; dropout does nothing in inference mode."""
ZERO, ONE = np.float32(0), np.float32(1)
ACTIVATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, ZERO),
    "tanh": np.tanh,
    "sigmoid": lambda x: ONE / (ONE + np.exp(-x)),
    "silu": lambda x: x / (ONE + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, ZERO))),
}
