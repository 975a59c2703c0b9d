"""CNN over a square grid of the elements (huang2020, section II).

The 86 elemental fractions are laid out row by row on a 10 × 10 grid; the last 14 cells stay empty. Convolutions keep
the size of the grid, dense layers follow. The paper prints neither their number nor their widths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from elemflow.networks.spec import MAX_WIDTH, Activation, NetworkSpec

if TYPE_CHECKING:
    import keras

SIDE = 10


class Convolutional(NetworkSpec):
    """Convolutions over the 10 x 10 grid of elements."""

    reads_fractions: ClassVar[bool] = True
    family: Literal["convolutional"] = Field(description="Convolutions over the 10 x 10 grid of elements.")
    filters: tuple[Annotated[int, Field(ge=1, le=MAX_WIDTH)], ...] = Field(
        min_length=1, description="Filters of each convolution over the 10 x 10 grid of elements."
    )
    kernel_size: int = Field(ge=1, le=10, description="Side of the convolutions.")
    widths: tuple[Annotated[int, Field(ge=1, le=MAX_WIDTH)], ...] = Field(
        description="Units of each dense layer after the convolutions."
    )
    activation: Activation

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """See `NetworkSpec.build`."""
        import keras

        from elemflow.networks.layers import Layers

        layers = Layers(seed, self.activation)
        inputs = keras.Input((n_inputs,), name="features")
        x = element_grid(inputs)
        for number, filters in enumerate(self.filters, start=1):
            name = f"convolution{number}"
            x = keras.layers.Conv2D(
                filters, self.kernel_size, padding="same", kernel_initializer=layers.kernel(name), name=name
            )(x)
            x = layers.activate(f"{name}_activation")(x)
        x = keras.layers.Flatten(name="flatten")(x)
        for number, width in enumerate(self.widths, start=1):
            x = layers.hidden(x, width, f"layer{number}", order=("dense", "activation"))
        return keras.Model(inputs, layers.dense(x, 1, "output"), name=self.family)


def element_grid(fractions: Any) -> Any:
    """Return elemental fractions (rows, 86) on the grid (rows, 10, 10, 1): column k goes to row k // 10."""
    import keras

    empty = SIDE**2 - fractions.shape[-1]
    return keras.ops.reshape(keras.ops.pad(fractions, ((0, 0), (0, empty))), (-1, SIDE, SIDE, 1))
