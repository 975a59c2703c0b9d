"""CNN over a square grid of the elements (huang2020, section II).

The 86 elemental fractions are laid out row by row on a 10 × 10 grid; the last 14 cells stay empty. Convolutions keep
the size of the grid, dense layers follow. The paper prints neither their number nor their widths.
"""

from typing import Any

import keras

from elemflow.config.model import ConvolutionalSpec
from elemflow.networks.layers import Layers

SIDE = 10


def build(spec: ConvolutionalSpec, n_inputs: int, seed: int) -> keras.Model:
    """See `elemflow.networks.build.build_network`."""
    layers = Layers(seed, spec.activation)
    inputs = keras.Input((n_inputs,), name="features")
    x = element_grid(inputs)
    for number, filters in enumerate(spec.filters, start=1):
        name = f"convolution{number}"
        x = keras.layers.Conv2D(
            filters, spec.kernel_size, padding="same", kernel_initializer=layers.kernel(name), name=name
        )(x)
        x = layers.activate(f"{name}_activation")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, width in enumerate(spec.widths, start=1):
        x = layers.hidden(x, width, f"layer{number}", order=("dense", "activation"))
    return keras.Model(inputs, layers.dense(x, 1, "output"), name=spec.family)


def element_grid(fractions: Any) -> Any:
    """Return elemental fractions (rows, 86) on the grid (rows, 10, 10, 1): column k goes to row k // 10."""
    empty = SIDE**2 - fractions.shape[-1]
    return keras.ops.reshape(keras.ops.pad(fractions, ((0, 0), (0, empty))), (-1, SIDE, SIDE, 1))
