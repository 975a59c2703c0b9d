"""A base trained by TensorFlow: the steps of JAX up to rounding, and equal bytes each time."""

import numpy as np
import pytest
from factories.bases import stopped_at_first_checkpoint
from factories.training import process_backend

from elemflow.config.base import Base, NetworkShape
from elemflow.multitask import train
from elemflow.multitask.network import initial_weights
from elemflow.multitask.steps import epoch_with_jax, rates, start
from elemflow.training import base_engines

STACKS = [{"width": 16, "layers": 4, "branches": [2, 2]}, {"width": 8, "layers": 2}]
SHAPE = NetworkShape.model_validate({"stacks": STACKS, "negative_slope": 0.2})
HEADS = np.array([1.0, 0.4], np.float32)


@pytest.fixture(scope="module", autouse=True)
def _tensorflow():
    process_backend().start("tensorflow")


@pytest.fixture(name="rows")
def _rows():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(96, 7)).astype(np.float32)
    y = np.stack([x.sum(axis=1), np.abs(x[:, 0])], axis=1)
    y[generator.random(96) < 0.4, 1] = np.nan
    return train.TrainingRows(x, y, np.array([], int), np.arange(96))


def test_both_engines_take_the_same_steps(rows):
    order, found = np.random.default_rng(1).permutation(96).reshape(6, 16), rates(6, 1e-2, 0.2)
    weights = initial_weights(SHAPE, 7, 2, 5)
    ends = []
    for make_epoch in (base_engines.epoch_with_tensorflow, epoch_with_jax):
        epoch = make_epoch(SHAPE, 0.05, rows.x, rows.y, HEADS)
        state, first = epoch(start(weights), order, found)
        state, second = epoch(state, order[::-1], found)
        ends.append((state, first, second))
    (theirs, *losses), (ours, *expected) = ends
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert int(theirs.step) == int(ours.step) == 12
    for name, value in ours.weights.items():
        np.testing.assert_allclose(theirs.weights[name], value, atol=1e-5, err_msg=name)
        assert not np.array_equal(value, weights[name])


def test_a_training_has_equal_bytes_each_time_also_after_a_stop(rows, tmp_path):
    base = Base.read(
        {
            "heads": {},
            "network": {"stacks": STACKS},
            "training": {"epochs": 3, "batch_size": 32, "engine": "tensorflow"},
        }
    )
    path = tmp_path / "check.npz"

    def trained():
        return train.pretrain(base, rows, HEADS, 1, path, base_engines.epoch_with_tensorflow)

    whole = trained()
    with stopped_at_first_checkpoint():
        trained()
    assert path.exists()
    again = trained()
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_the_engine_is_the_declared_one(monkeypatch):
    called = []
    monkeypatch.setattr(base_engines, "set_jax_environment", called.append)
    assert base_engines.engine_of("jax") is epoch_with_jax
    assert called == [1]
    monkeypatch.setattr(base_engines, "Backend", lambda threads: process_backend() if threads == 1 else None)
    assert base_engines.engine_of("tensorflow") is base_engines.epoch_with_tensorflow
