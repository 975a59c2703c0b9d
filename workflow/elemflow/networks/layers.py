"""Layers that the families of networks share: named, seeded, and as declared.

Only keras layers and operations are used, so that a network runs on every Keras backend.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from elemflow.networks.spec import LEAKY_SLOPE, Activation, BatchNorm


@dataclass(frozen=True)
class Layers:
    """Named layers with seeded kernels.

    The seed of each layer is derived from `seed` and the layer's name: equal seeds give equal weights, and networks
    that share layers (BNet and BRNet) start from the same kernels there.

    Attributes:
        seed: Seed of the kernels and of dropout.
        activation: Activation of the hidden layers, where the network has some.
        batch_norm: Batch normalisation of the hidden layers, where the network has some.
        kernel_scale: Factor on the initial kernels of the hidden layers.
    """

    seed: int
    activation: Activation | None = None
    batch_norm: BatchNorm | None = None
    kernel_scale: float = 1.0

    def hidden(
        self, x: Any, width: int, name: str, order: Sequence[str] = ("dense", "batch_norm", "activation")
    ) -> Any:
        """Apply one hidden layer, its steps in the given order."""
        for step in order:
            if step == "dense":
                x = self.dense(x, width, f"{name}_dense", self.kernel_scale)
            elif step == "batch_norm":
                assert self.batch_norm is not None  # noqa: S101  the declaration was checked
                x = keras.layers.BatchNormalization(
                    momentum=self.batch_norm.momentum, epsilon=self.batch_norm.epsilon, name=f"{name}_batch_norm"
                )(x)
            else:
                x = self.activate(f"{name}_activation")(x)
        return x

    def dense(self, x: Any, width: int, name: str, kernel_scale: float = 1.0, **options: Any) -> Any:
        """Apply a Dense, linear and with bias unless `options` say otherwise; see `kernel` for its initial weights."""
        return keras.layers.Dense(width, kernel_initializer=self.kernel(name, kernel_scale), name=name, **options)(x)

    def project(self, x: Any, width: int, name: str) -> Any:
        """Return `x` if it has the width, else a linear Dense of it, as shortcuts need."""
        return x if x.shape[-1] == width else self.dense(x, width, name)

    def activate(self, name: str) -> keras.Layer:
        """Return a layer with the declared activation."""
        assert self.activation is not None  # noqa: S101  the declaration was checked
        if self.activation.name == "leaky_relu":
            slope = self.activation.negative_slope
            return keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE if slope is None else slope, name=name)
        return keras.layers.Activation(self.activation.name, name=name)

    def kernel(self, name: str, scale: float = 1.0) -> keras.Initializer:
        """Return the initialiser of a layer's kernel: Glorot uniform times `scale`."""
        return keras.initializers.VarianceScaling(
            scale=scale**2, mode="fan_avg", distribution="uniform", seed=self.layer_seed(name)
        )

    def layer_seed(self, name: str) -> int:
        """Return the seed of a layer."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:4]) >> 1
