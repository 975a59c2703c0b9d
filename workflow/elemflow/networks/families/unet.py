"""FCUNet: a fully connected U-Net (tatis2021, section II.D, after Ronneberger et al., arXiv:1505.04597).

Every width of the contracting side is two hidden layers. The expanding side goes back through the same widths without
the last: one hidden layer widens, its output is concatenated with that of the contracting side, and one more follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from elemflow.networks.spec import WidthsSpec

if TYPE_CHECKING:
    import keras


class UNet(WidthsSpec):
    """A fully connected U-Net."""

    family: Literal["unet"] = Field(description="A contracting and an expanding side, joined level by level.")

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """See `NetworkSpec.build`."""
        import keras

        from elemflow.networks.layers import Layers

        layers = Layers(seed, self.activation, self.batch_norm)
        x = inputs = keras.Input((n_inputs,), name="features")
        contracted = []
        for number, width in enumerate(map(self.width, self.widths), start=1):
            for layer in (1, 2):
                x = layers.hidden(x, width, f"down{number}_layer{layer}")
            contracted.append(x)
        for number, shortcut in reversed(list(enumerate(contracted[:-1], start=1))):
            width = shortcut.shape[-1]
            x = layers.hidden(x, width, f"up{number}_layer1")
            x = keras.layers.Concatenate(name=f"up{number}_join")([x, shortcut])
            x = layers.hidden(x, width, f"up{number}_layer2")
        return keras.Model(inputs, layers.dense(x, 1, "output"), name=self.family)
