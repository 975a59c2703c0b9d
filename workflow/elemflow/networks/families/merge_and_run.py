"""FCMnR: fully connected merge-and-run blocks (tatis2021, section II.B, after Zhao et al., arXiv:1611.07718).

A block carries two vectors. Each passes its own branch of two hidden layers, and to the output of each branch the
average of both inputs is added. The first layer has no batch normalisation, both vectors start from it, and their sum
goes to the linear output. Where the width changes the average passes a linear Dense with bias, as in IRNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from elemflow.networks.spec import WidthsSpec

if TYPE_CHECKING:
    import keras

    from elemflow.networks.layers import Layers

BRANCHES, BRANCH_LAYERS = 2, 2


class MergeAndRun(WidthsSpec):
    """Fully connected merge-and-run blocks."""

    family: Literal["merge_and_run"] = Field(description="Blocks of two branches that share the mean of their inputs.")

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """See `NetworkSpec.build`."""
        import keras

        from elemflow.networks.layers import Layers

        layers = Layers(seed, self.activation, self.batch_norm)
        inputs = keras.Input((n_inputs,), name="features")
        first = layers.hidden(inputs, self.width(self.widths[0]), "first", order=("dense", "activation"))
        vectors = [first] * BRANCHES
        for number, width in enumerate(map(self.width, self.widths), start=1):
            vectors = _block(layers, vectors, width, f"block{number}")
        merged = keras.layers.Add(name="merge")(vectors)
        return keras.Model(inputs, layers.dense(merged, 1, "output"), name=self.family)


def _block(layers: Layers, vectors: Sequence[Any], width: int, name: str) -> list[Any]:
    import keras

    average = keras.layers.Average(name=f"{name}_average")(vectors)
    shortcut = layers.project(average, width, f"{name}_projection")
    outputs = []
    for number, x in enumerate(vectors, start=1):
        branch = f"{name}_branch{number}"
        for layer in range(1, BRANCH_LAYERS + 1):
            x = layers.hidden(x, width, f"{branch}_layer{layer}")  # noqa: PLW2901  the chain goes on
        outputs.append(keras.layers.Add(name=f"{branch}_add")([x, shortcut]))
    return outputs
