"""IRNet with concatenated shortcuts (tatis2021, section II.C).

The output of each layer is concatenated with the output of the layer before it, and both go on to the next layer; the
first layer is joined with the inputs. The widths are those of the declaration, since the paper shows them in a drawing.
"""

import keras

from elemflow.config.model import WidthsSpec
from elemflow.networks.layers import Layers


def build(spec: WidthsSpec, n_inputs: int, seed: int) -> keras.Model:
    """See `elemflow.networks.build.build_network`."""
    layers = Layers(seed, spec.activation, spec.batch_norm)
    inputs = keras.Input((n_inputs,), name="features")
    x = before = inputs
    for number, width in enumerate(map(spec.width, spec.widths), start=1):
        y = layers.hidden(x, width, f"layer{number}")
        x = keras.layers.Concatenate(name=f"layer{number}_join")([y, before])
        before = y
    return keras.Model(inputs, layers.dense(x, 1, "output"), name=spec.family)
