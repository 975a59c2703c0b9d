"""FCMnR: fully connected merge-and-run blocks (tatis2021, section II.B, after Zhao et al., arXiv:1611.07718).

A block carries two vectors. Each passes its own branch of two hidden layers, and to the output of each branch the
average of both inputs is added. The first layer has no batch normalisation, both vectors start from it, and their sum
goes to the linear output. Where the width changes the average passes a linear Dense with bias, as in IRNet.
"""

from collections.abc import Sequence
from typing import Any

import keras

from elemflow.config.model import WidthsSpec
from elemflow.networks.layers import Layers

BRANCHES, BRANCH_LAYERS = 2, 2


def build(spec: WidthsSpec, n_inputs: int, seed: int) -> keras.Model:
    """See `elemflow.networks.build.build_network`."""
    layers = Layers(seed, spec.activation, spec.batch_norm)
    inputs = keras.Input((n_inputs,), name="features")
    first = layers.hidden(inputs, spec.width(spec.widths[0]), "first", order=("dense", "activation"))
    vectors = [first] * BRANCHES
    for number, width in enumerate(map(spec.width, spec.widths), start=1):
        vectors = _block(layers, vectors, width, f"block{number}")
    merged = keras.layers.Add(name="merge")(vectors)
    return keras.Model(inputs, layers.dense(merged, 1, "output"), name=spec.family)


def _block(layers: Layers, vectors: Sequence[Any], width: int, name: str) -> list[Any]:
    average = keras.layers.Average(name=f"{name}_average")(vectors)
    shortcut = layers.project(average, width, f"{name}_projection")
    outputs = []
    for number, x in enumerate(vectors, start=1):
        branch = f"{name}_branch{number}"
        for layer in range(1, BRANCH_LAYERS + 1):
            x = layers.hidden(x, width, f"{branch}_layer{layer}")  # noqa: PLW2901  the chain goes on
        outputs.append(keras.layers.Add(name=f"{branch}_add")([x, shortcut]))
    return outputs
