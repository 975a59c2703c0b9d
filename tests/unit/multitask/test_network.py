"""The multi-task network is BRNet with linear heads, in numpy, in JAX and in Keras."""

import os

import numpy as np
import pytest

from elemflow.config.base import NetworkShape
from elemflow.multitask.network import embed, expected_shapes, forward, initial_weights, predict, with_heads
from elemflow.multitask.steps import compiled_step, epoch_with_jax, masked_error, rates, start
from elemflow.networks.families.registry import read_spec

SHAPE = NetworkShape.model_validate(
    {"stacks": [{"width": 16, "layers": 4, "branches": [2, 2]}, {"width": 8, "layers": 3}], "kernel_scale": 0.5}
)
SPEC = {
    "family": "dense",
    "stacks": [{"width": 16, "layers": 4, "branches": [2, 2]}, {"width": 8, "layers": 3}],
    "order": ["dense", "activation"],
    "activation": {"name": "leaky_relu", "negative_slope": 0.3},
    "shortcut": "layer",
}


@pytest.fixture(name="x")
def _x():
    return np.random.default_rng(1).normal(size=(12, 6)).astype(np.float32)


@pytest.fixture(scope="module", name="keras_model")
def _keras_model():
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    return read_spec(SPEC).build(6, 3)


def keras_weights(model):
    names = [weight.path for weight in model.weights]
    return {name: weight.numpy() for name, weight in zip(names, model.weights, strict=True)}


def test_the_trunk_is_brnet_of_the_family_dense(x, keras_model):
    weights = keras_weights(keras_model)
    assert expected_shapes(SHAPE, 6, 1) == {name: value.shape for name, value in weights.items()}
    np.testing.assert_allclose(predict(weights, x, SHAPE), keras_model(x).numpy(), rtol=1e-5, atol=1e-6)


def test_one_head_trains_as_keras_does(x, keras_model):
    import keras

    y = np.linspace(-1, 1, len(x), dtype=np.float32)
    weights = keras_weights(keras_model)
    optimizer = keras.optimizers.AdamW(1e-2, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=[w for w in keras_model.weights if "kernel" not in w.name])
    keras_model.compile(optimizer=optimizer, loss="mae")
    state, step = start(weights), compiled_step(SHAPE, 0.1)
    for _ in range(3):
        keras_model.train_on_batch(x, y[:, None])
        state, _ = step(state, x, y[:, None], np.ones(1, np.float32), np.float32(1e-2))
    for name, value in keras_weights(keras_model).items():
        np.testing.assert_allclose(state.weights[name], value, atol=2e-5, err_msg=name)


def test_an_epoch_is_its_steps_one_after_the_other(x):
    weights, of_heads = initial_weights(SHAPE, 6, 2, 1), np.array([1, 0.5], np.float32)
    y = np.random.default_rng(2).normal(size=(12, 2)).astype(np.float32)
    y[3:7, 1] = np.nan
    order, found = np.random.default_rng(3).permutation(12).reshape(3, 4), rates(3, 1e-2, 0.4)
    state, losses = epoch_with_jax(SHAPE, 0.1, x, y, of_heads)(start(weights), order, found)
    single, step = start(weights), compiled_step(SHAPE, 0.1)
    for place, batch in enumerate(order):
        single, loss = step(single, x[batch], y[batch], of_heads, found[place])
        assert float(loss) == losses[place]
    for name in weights:
        np.testing.assert_array_equal(state.weights[name], single.weights[name])
        np.testing.assert_array_equal(state.second[name], single.second[name])
    assert int(state.step) == 3


def test_missing_labels_move_no_weight_of_their_head(x):
    weights = initial_weights(SHAPE, 6, 2, 1)
    y = np.stack([np.ones(len(x)), np.full(len(x), np.nan)], axis=1).astype(np.float32)
    state, _ = compiled_step(SHAPE, 0.0)(start(weights), x, y, np.ones(2, np.float32), np.float32(0.1))
    changed = np.asarray(state.weights["output/kernel"]) != weights["output/kernel"]
    assert changed[:, 0].all()
    assert not changed[:, 1].any()


def test_a_head_alone_has_the_loss_of_that_column(x):
    weights = initial_weights(SHAPE, 6, 3, 1)
    y = np.full((len(x), 3), np.nan, np.float32)
    y[:, 1] = 2
    both = masked_error(weights, x, y, np.array([5, 1, 7], np.float32), SHAPE)
    alone = masked_error(with_heads(weights, [1]), x, y[:, 1:2], np.ones(1, np.float32), SHAPE)
    assert float(both) == pytest.approx(float(alone), rel=1e-6)


def test_equal_seeds_give_equal_weights_and_another_seed_others():
    first, again, other = (initial_weights(SHAPE, 6, 2, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["stack2_layer1_dense/kernel"], other["stack2_layer1_dense/kernel"])


def test_predictions_do_not_depend_on_batches(x, monkeypatch):
    weights = initial_weights(SHAPE, 6, 2, 1)
    whole = forward(weights, x, SHAPE)
    monkeypatch.setattr("elemflow.multitask.network.BATCH_ROWS", 5)
    np.testing.assert_allclose(predict(weights, x, SHAPE), whole, rtol=1e-5, atol=1e-6)
    assert predict(weights, x[:0], SHAPE).shape == (0, 2)
    assert embed(weights, x, SHAPE).shape == (12, 8)


def test_rates_rise_and_fall_to_zero():
    found = rates(100, 1e-3, 0.1)
    assert found[0] == pytest.approx(1e-4)
    assert found.argmax() in (9, 10)
    assert 0 <= found[-1] < 1e-5
