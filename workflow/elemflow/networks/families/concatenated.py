"""IRNet with concatenated shortcuts (tatis2021, section II.C).

The output of each layer is concatenated with the output of the layer before it, and both go on to the next layer; the
first layer is joined with the inputs. The widths are those of the declaration, since the paper shows them in a drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from elemflow.networks.spec import WidthsSpec

if TYPE_CHECKING:
    import keras


class Concatenated(WidthsSpec):
    """IRNet with concatenated shortcuts."""

    family: Literal["concatenated"] = Field(description="Layers whose inputs are concatenated with their outputs.")

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """See `NetworkSpec.build`."""
        import keras

        from elemflow.networks.layers import Layers

        layers = Layers(seed, self.activation, self.batch_norm)
        inputs = keras.Input((n_inputs,), name="features")
        x = before = inputs
        for number, width in enumerate(map(self.width, self.widths), start=1):
            y = layers.hidden(x, width, f"layer{number}")
            x = keras.layers.Concatenate(name=f"layer{number}_join")([y, before])
            before = y
        return keras.Model(inputs, layers.dense(x, 1, "output"), name=self.family)
