"""Dense networks from one declaration: plain, ElemNet, SRNet, IRNet, BNet and BRNet.

A hidden layer is Dense with bias, activation and perhaps batch normalisation, in the declared order. Shortcuts add
their input *after* that (brnet2023 and irnet2021, by their public code); where the width changes they pass a linear
Dense with bias, elsewhere they are the identity. The output is one linear unit.
"""

from dataclasses import dataclass
from typing import Any

import keras

from elemflow.config.model import DenseSpec, Stack
from elemflow.core.errors import ConfigError
from elemflow.networks.layers import Layers


def build(spec: DenseSpec, n_inputs: int, seed: int) -> keras.Model:
    """See `elemflow.networks.build.build_network`.

    Raises:
        ConfigError: A shortcut has no projection (`projection: none`), and the inputs are not as wide as its end.
    """
    layers = Layers(seed, spec.activation, spec.batch_norm, spec.initialization.kernel_scale)
    return _Builder(spec, layers).model(n_inputs)


@dataclass(frozen=True)
class _Builder:
    """Builds a network of the family layer by layer."""

    spec: DenseSpec
    layers: Layers

    def model(self, n_inputs: int) -> keras.Model:
        inputs = keras.Input((n_inputs,), name="features")
        x = inputs
        for number, stack in enumerate(self.spec.stacks, start=1):
            x = self.stack(x, stack, f"stack{number}")
        return keras.Model(inputs, self.layers.dense(x, 1, "output"), name=self.spec.family)

    def stack(self, x: Any, stack: Stack, name: str) -> Any:
        """Apply one chain, or parallel chains that all begin with the stack's input, then dropout."""
        width = self.spec.width(stack.width)
        if stack.branches:
            merge = {"sum": keras.layers.Add, "average": keras.layers.Average}[self.spec.merge]
            x = merge(name=f"{name}_merge")(
                [
                    self.chain(x, width, layers, f"{name}_branch{number}")
                    for number, layers in enumerate(stack.branches, start=1)
                ]
            )
        else:
            x = self.chain(x, width, stack.layers, name)
        if stack.dropout:
            dropout_name = f"{name}_dropout"
            x = keras.layers.Dropout(stack.dropout, seed=self.layers.layer_seed(dropout_name), name=dropout_name)(x)
        return x

    def chain(self, x: Any, width: int, layers: int, name: str) -> Any:
        start = x
        for number in range(1, layers + 1):
            layer_name = f"{name}_layer{number}"
            y = self.layers.hidden(x, width, layer_name, self.spec.order)
            x = self.add_shortcut(x, y, width, layer_name) if self.spec.shortcut == "layer" else y
        return self.add_shortcut(start, x, width, name) if self.spec.shortcut == "stack" else x

    def add_shortcut(self, start: Any, end: Any, width: int, name: str) -> Any:
        if self.spec.projection == "none" and start.shape[-1] != width:
            raise ConfigError(
                f"key 'spec.projection': found \"none\", but the shortcut of {name} leads from width {start.shape[-1]} "
                f"to {width}. Use linear, or give the first stack as many units as the representation has columns."
            )
        return keras.layers.Add(name=f"{name}_add")([self.layers.project(start, width, f"{name}_projection"), end])
