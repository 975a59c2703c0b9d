"""A network of the guard's own, for the family `custom`."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("guard")
class Gate(keras.layers.Layer):
    """Factor between 0 and 1 on each input."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the weight."""
        self.weight = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        """Return the inputs times their factors."""
        return x * keras.ops.sigmoid(self.weight)


def build(options: dict[str, Any], n_inputs: int, seed: int) -> keras.Model:
    """Return the network."""
    inputs = x = keras.Input((n_inputs,))
    for layer in range(options["layers"]):
        kernel = keras.initializers.GlorotUniform(seed=seed + layer)
        x = Gate()(keras.layers.Dense(options["width"], activation="relu", kernel_initializer=kernel)(x))
    return keras.Model(inputs, keras.layers.Dense(1)(x))
