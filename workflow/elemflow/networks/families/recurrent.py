"""RNN over the elements of a composition: LSTM with attention, then highway layers (huang2020, section II).

A composition is a sequence of element vectors of width 100: the fraction at the element's place, 0 elsewhere. The
most frequent element comes first, equal ones in the order of the columns; the paper gives no order. Places without an
element are masked and change nothing. The attention is additive, v·tanh(W h + b) of each output h of the LSTM. Its
last state, the attention's average of its outputs, and the vectors of the two elements with the largest weights are
concatenated and pass the highway layers (Srivastava et al., arXiv:1505.00387).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.networks.spec import MAX_WIDTH, NetworkSpec

if TYPE_CHECKING:
    import keras

    from elemflow.networks.layers import Layers

VECTOR = 100
ATTENDED = 2


class Recurrent(NetworkSpec):
    """An LSTM with attention over the elements of a composition, and highway layers."""

    reads_fractions: ClassVar[bool] = True
    family: Literal["recurrent"] = Field(description="An LSTM with attention over the elements, then highway layers.")
    max_elements: int = Field(
        ge=2, le=86, description="Most elements of a composition; a material with more stops the training."
    )
    lstm_width: int = Field(ge=1, le=MAX_WIDTH, description="Units of the LSTM and of its attention.")
    highway_layers: int = Field(ge=0, description="Number of highway layers.")
    gate_bias: float = Field(
        description="Initial bias of the highway gates; below 0 the layers start by passing their input on."
    )

    def unsupported_rows(self, x: np.ndarray) -> dict[int, str]:
        """Return the compositions with more elements than the sequence has places; see `NetworkSpec`."""
        counts, most = np.count_nonzero(x, axis=1), self.max_elements
        return {
            int(row): f"it has {counts[row]} elements, and the network reads at most {most} (spec.max_elements)"
            for row in np.flatnonzero(counts > most)
        }

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """See `NetworkSpec.build`."""
        import keras

        from elemflow.networks.layers import Layers

        layers, ops = Layers(seed), keras.ops
        inputs = keras.Input((n_inputs,), name="features")
        vectors = element_vectors(inputs, self.max_elements)
        present = ops.any(ops.not_equal(vectors, 0.0), axis=-1)
        outputs, state, _ = keras.layers.LSTM(
            self.lstm_width,
            kernel_initializer=layers.kernel("lstm"),
            recurrent_initializer=keras.initializers.Orthogonal(seed=layers.layer_seed("lstm_recurrent")),
            return_sequences=True,
            return_state=True,
            unroll=True,  # fixed steps, which XLA compiles
            name="lstm",
        )(vectors, mask=present)
        scores = layers.dense(outputs, self.lstm_width, "attention_hidden", activation="tanh")
        scores = ops.squeeze(layers.dense(scores, 1, "attention_score", use_bias=False), axis=-1)
        attention = keras.layers.Softmax(name="attention")(scores, mask=present)
        context = ops.sum(ops.expand_dims(attention, -1) * outputs, axis=1)
        chosen = ops.one_hot(ops.top_k(attention, ATTENDED)[1], self.max_elements)
        attended = keras.layers.Flatten(name="attended")(ops.matmul(chosen, vectors))
        x = keras.layers.Concatenate(name="joined")([state, context, attended])
        for number in range(1, self.highway_layers + 1):
            x = _highway(layers, x, self.gate_bias, f"highway{number}")
        return keras.Model(inputs, layers.dense(x, 1, "output"), name=self.family)


def element_vectors(fractions: Any, max_elements: int) -> Any:
    """Return elemental fractions (rows, 86) as vectors of the elements present (rows, max_elements, 100)."""
    import keras

    amounts, columns = keras.ops.top_k(fractions, max_elements)
    return keras.ops.one_hot(columns, VECTOR) * keras.ops.expand_dims(amounts, -1)


def _highway(layers: Layers, x: Any, gate_bias: float, name: str) -> Any:
    import keras

    bias = keras.initializers.Constant(gate_bias)
    gate = layers.dense(x, x.shape[-1], f"{name}_gate", activation="sigmoid", bias_initializer=bias)
    return gate * layers.dense(x, x.shape[-1], f"{name}_dense", activation="relu") + (1 - gate) * x
