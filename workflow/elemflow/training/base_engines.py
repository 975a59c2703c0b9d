"""The engines that train the networks of a base: JAX, or TensorFlow with the same formulas.

TensorFlow runs an epoch as one call that XLA compiles, with the rows on the device, as
`elemflow.training.tensorflow_engine`
does for runs.
"""

from typing import Any

import numpy as np

from elemflow.config.base import NetworkShape
from elemflow.multitask.network import HEADS
from elemflow.multitask.steps import Epoch, Library, MakeEpoch, State, descended, epoch_with_jax, error_of
from elemflow.networks.families.registry import read_spec
from elemflow.training.backend import Backend, set_jax_environment


def engine_of(name: str, threads: int = 1) -> MakeEpoch:
    """Return the engine of a base, with its library set up for equal bytes at equal seeds.

    Args:
        name: `training.engine` of the base.
        threads: Threads of an operation.
    """
    if name == "jax":
        set_jax_environment(threads)
        return epoch_with_jax
    Backend(threads).start(name)
    return epoch_with_tensorflow


def epoch_with_tensorflow(
    shape: NetworkShape, weight_decay: float, x: np.ndarray, y: np.ndarray, head_weights: np.ndarray
) -> Epoch:
    """Return the function of an epoch; see `elemflow.multitask.steps.MakeEpoch`.

    The trunk is that of a run, a Keras model, called with the weights of each step.
    """
    import tensorflow as tf  # noqa: PLC0415  of this engine alone

    library = Library(
        abs=tf.abs, isnan=tf.math.is_nan, sqrt=tf.sqrt, square=tf.square, sum=tf.reduce_sum, where=tf.where,
        as_float=lambda number: tf.cast(number, tf.float32),
    )  # fmt: skip
    trunk = _trunk(shape, x.shape[1])
    names = [variable.path for variable in trunk.variables]
    rows, labels, of_heads = tf.constant(x), tf.constant(y), tf.constant(head_weights)

    def step(state: State, batch: Any, rate: Any) -> tuple[State, Any]:
        given = tf.gather(rows, batch), tf.gather(labels, batch)
        with tf.GradientTape() as tape:
            tape.watch(state.weights)
            found = trunk.stateless_call([state.weights[name] for name in names], [], given[0])[0]
            outputs = found @ state.weights[f"{HEADS}/kernel"] + state.weights[f"{HEADS}/bias"]
            loss = error_of(library, outputs, given[1], of_heads)
        return descended(library, state, tape.gradient(loss, state.weights), weight_decay, rate), loss

    @tf.function(jit_compile=True, reduce_retracing=True)
    def run(state: State, order: Any, rates: Any) -> tuple[State, Any]:
        count = order.shape[0]

        def advance(number: Any, state: State, losses: Any) -> tuple[Any, State, Any]:
            state, loss = step(state, order[number], rates[number])
            return number + 1, state, tf.tensor_scatter_nd_update(losses, [[number]], [loss])

        begin = (tf.constant(0), state, tf.zeros(count))
        _, state, losses = tf.while_loop(lambda number, *_: number < count, advance, begin)
        return state, losses

    def epoch(state: State, order: np.ndarray, rates: np.ndarray) -> tuple[State, np.ndarray]:
        given = tf.nest.map_structure(tf.convert_to_tensor, state)
        state, losses = run(given, tf.constant(order, tf.int32), tf.constant(rates))
        return state, losses.numpy()

    return epoch


def _trunk(shape: NetworkShape, n_inputs: int) -> Any:
    """Return the network of the family `dense` of this shape, up to its last hidden layer."""
    import keras  # noqa: PLC0415  after its backend was chosen

    network = read_spec(
        {
            "family": "dense",
            "stacks": [stack.plain() for stack in shape.stacks],
            "order": ["dense", "activation"],
            "activation": {"name": "leaky_relu", "negative_slope": shape.negative_slope},
            "shortcut": "layer",
        }
    ).build(n_inputs, seed=0)
    return keras.Model(network.inputs, network.get_layer(HEADS).input)
