"""Dense networks from one declaration: plain, ElemNet, SRNet, IRNet, BNet and BRNet.

A hidden layer is Dense with bias, activation and perhaps batch normalisation, in the declared order. Shortcuts add
their input *after* that (brnet2023 and irnet2021, by their public code); where the width changes they pass a linear
Dense with bias, elsewhere they are the identity. The output is one linear unit.

Only keras layers are used, so that a network runs on every Keras backend.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras


def build(spec: Mapping[str, Any], n_inputs: int, seed: int) -> keras.Model:
    """Build a network with its initial weights.

    The seed of each layer is derived from `seed` and the layer's name: equal seeds give equal weights, and networks
    that share layers (BNet and BRNet) start from the same kernels there.

    Args:
        spec: Declaration of the network, checked by `elemflow.networks.spec.check_spec`.
        n_inputs: Number of features.
        seed: Seed of the kernels and of dropout.

    Returns:
        An uncompiled model from `(batch, n_inputs)` to `(batch, 1)`.
    """
    return _Builder(spec, seed).model(n_inputs)


@dataclass(frozen=True)
class _Builder:
    spec: Mapping[str, Any]
    seed: int

    def model(self, n_inputs: int) -> keras.Model:
        inputs = keras.Input((n_inputs,), name="features")
        x = inputs
        for number, stack in enumerate(self.spec["stacks"], start=1):
            x = self.stack(x, stack, f"stack{number}")
        return keras.Model(inputs, self.dense(x, 1, "output"), name=self.spec["family"])

    def stack(self, x: Any, stack: Mapping[str, Any], name: str) -> Any:
        """Apply one chain, or parallel chains that all start from the stack's input, then dropout."""
        if branches := stack.get("branches"):
            merge = {"sum": keras.layers.Add, "average": keras.layers.Average}[self.spec.get("merge", "sum")]
            x = merge(name=f"{name}_merge")(
                [
                    self.chain(x, stack["width"], layers, f"{name}_branch{number}")
                    for number, layers in enumerate(branches, start=1)
                ]
            )
        else:
            x = self.chain(x, stack["width"], stack["layers"], name)
        if rate := stack.get("dropout"):
            dropout_name = f"{name}_dropout"
            x = keras.layers.Dropout(rate, seed=self.layer_seed(dropout_name), name=dropout_name)(x)
        return x

    def chain(self, x: Any, width: int, layers: int, name: str) -> Any:
        start = x
        for number in range(1, layers + 1):
            layer_name = f"{name}_layer{number}"
            y = self.hidden(x, width, layer_name)
            x = self.add_shortcut(x, y, width, layer_name) if self.spec["shortcut"] == "layer" else y
        return self.add_shortcut(start, x, width, name) if self.spec["shortcut"] == "stack" else x

    def hidden(self, x: Any, width: int, name: str) -> Any:
        for step in self.spec["order"]:
            if step == "dense":
                x = self.dense(x, width, f"{name}_dense", self.spec.get("start", {}).get("kernel_scale", 1.0))
            elif step == "batch_norm":
                x = keras.layers.BatchNormalization(**self.spec["batch_norm"], name=f"{name}_batch_norm")(x)
            else:
                x = self.activation(f"{name}_activation")(x)
        return x

    def add_shortcut(self, start: Any, end: Any, width: int, name: str) -> Any:
        shortcut = start if start.shape[-1] == width else self.dense(start, width, f"{name}_projection")
        return keras.layers.Add(name=f"{name}_add")([shortcut, end])

    def dense(self, x: Any, width: int, name: str, kernel_scale: float = 1.0) -> Any:
        """Apply a linear Dense with bias; the kernel is Glorot uniform times `kernel_scale`."""
        kernel = keras.initializers.VarianceScaling(
            scale=kernel_scale**2, mode="fan_avg", distribution="uniform", seed=self.layer_seed(name)
        )
        return keras.layers.Dense(width, kernel_initializer=kernel, name=name)(x)

    def activation(self, name: str) -> keras.Layer:
        declared = self.spec["activation"]
        if declared["name"] == "leaky_relu":
            return keras.layers.LeakyReLU(negative_slope=declared.get("negative_slope", 0.3), name=name)
        return keras.layers.Activation(declared["name"], name=name)

    def layer_seed(self, name: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:4]) >> 1
