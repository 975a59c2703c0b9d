"""Layers that the families of networks share: named, seeded, and as the declaration says.

Only keras layers and operations are used, so that a network runs on every Keras backend.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Layers:
    """Applies layers by name.

    The seed of each layer is derived from `seed` and the layer's name: equal seeds give equal weights, and networks
    that share layers (BNet and BRNet) start from the same kernels there.

    Attributes:
        spec: Declaration of the network.
        seed: Seed of the kernels and of dropout.
    """

    spec: Mapping[str, Any]
    seed: int

    def hidden(
        self, x: Any, width: int, name: str, order: Sequence[str] = ("dense", "batch_norm", "activation")
    ) -> Any:
        """Apply one hidden layer, its steps in the given order."""
        for step in order:
            if step == "dense":
                x = self.dense(x, width, f"{name}_dense", self.spec.get("initialization", {}).get("kernel_scale", 1.0))
            elif step == "batch_norm":
                x = keras.layers.BatchNormalization(**self.spec["batch_norm"], name=f"{name}_batch_norm")(x)
            else:
                x = self.activation(f"{name}_activation")(x)
        return x

    def dense(self, x: Any, width: int, name: str, kernel_scale: float = 1.0, **options: Any) -> Any:
        """Apply a Dense, linear and with bias unless `options` say otherwise; see `kernel` for its start."""
        return keras.layers.Dense(width, kernel_initializer=self.kernel(name, kernel_scale), name=name, **options)(x)

    def project(self, x: Any, width: int, name: str) -> Any:
        """Return `x` if it has the width, else a linear Dense of it, as shortcuts need."""
        return x if x.shape[-1] == width else self.dense(x, width, name)

    def activation(self, name: str) -> keras.Layer:
        """Make the declared activation."""
        declared = self.spec["activation"]
        if declared["name"] == "leaky_relu":
            return keras.layers.LeakyReLU(negative_slope=declared.get("negative_slope", 0.3), name=name)
        return keras.layers.Activation(declared["name"], name=name)

    def kernel(self, name: str, scale: float = 1.0) -> keras.Initializer:
        """Make the initialiser of a layer's kernel: Glorot uniform times `scale`."""
        return keras.initializers.VarianceScaling(
            scale=scale**2, mode="fan_avg", distribution="uniform", seed=self.layer_seed(name)
        )

    def layer_seed(self, name: str) -> int:
        """Return the seed of a layer."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:4]) >> 1
