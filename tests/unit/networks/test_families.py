"""What every family of networks must do, on small examples of each."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.families import TINY
from factories.toy import build, make_spec

from elemflow.inference.trust import check_stored_network
from elemflow.networks.build import load_network
from elemflow.networks.families.registry import network_families

pytestmark = pytest.mark.usefixtures("backend")


def layer(width_in: int, width: int) -> int:
    """Parameters of Dense and batch normalisation, moving statistics included."""
    return (width_in + 1) * width + 4 * width


PARAMETERS = {
    "dense": 2 * (86 + 1) * 8 + 2 * layer(86, 8) + layer(8, 8) + (8 + 1) * 4 + layer(8, 4) + layer(4, 4) + 4 + 1,
    "concatenated": layer(86, 8) + layer(8 + 86, 4) + (4 + 8) + 1,
    "merge_and_run": (86 + 1) * 8 + 4 * layer(8, 8) + (8 + 1) * 4 + 2 * layer(8, 4) + 2 * layer(4, 4) + 4 + 1,
    "unet": layer(86, 8) + layer(8, 8) + layer(8, 4) + layer(4, 4) + layer(4, 8) + layer(8 + 8, 8) + 8 + 1,
    "convolutional": (9 + 1) * 4 + (9 * 4 + 1) * 2 + (200 + 1) * 8 + 8 + 1,
    "recurrent": 4 * 5 * (100 + 5 + 1) + (5 + 1) * 5 + 5 + 2 * 2 * 210 * 211 + 210 + 1,
}  # fmt: skip


@pytest.fixture(scope="module", params=TINY)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(family: str, backend: None) -> Any:
    return build(TINY[family], 86, seed=1)


def test_every_family_has_an_example() -> None:
    assert set(TINY) | {"custom"} == set(network_families())


def test_parameters(model: Any, family: str) -> None:
    assert model.count_params() == PARAMETERS[family]


def test_equal_seeds_give_equal_weights(model: Any, family: str) -> None:
    again, other = (build(TINY[family], 86, seed) for seed in (1, 2))
    for weight, same, different in zip(model.weights, again.weights, other.weights, strict=True):
        assert np.array_equal(weight, same)
        if "kernel" in weight.path:
            assert not np.array_equal(weight, different), weight.path


def test_a_row_is_predicted_alike_in_every_batch(model: Any, fractions: np.ndarray) -> None:
    together = np.array(model(fractions))
    assert together.shape == (len(fractions), 1)
    assert np.isfinite(together).all()
    for row in range(4):  # one to four elements
        np.testing.assert_allclose(np.array(model(fractions[row : row + 1])), together[row : row + 1], atol=1e-6)


def test_a_compiled_step_lowers_the_loss_and_its_gradient_reaches_every_weight(
    family: str, fractions: np.ndarray
) -> None:
    import tensorflow as tf

    model = build(TINY[family], 86, seed=1)
    y = (fractions @ np.linspace(-2, 2, 86))[:, None].astype(np.float32)

    @tf.function(jit_compile=True)
    def step() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(fractions, training=True) - y))
        gradients = tape.gradient(loss, model.trainable_weights)
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
            weight.assign_sub(0.01 * gradient)
        return loss, gradients

    (first, gradients), (second, _) = step(), step()
    assert second < first
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        if not ("batch_norm" in TINY[family] and weight.path.endswith("_dense/bias")):  # batch norm cancels these
            assert np.abs(gradient).max() > 0, weight.path


def test_stored_networks_predict_the_same_on_every_backend(fractions: np.ndarray, tmp_path: Path) -> None:
    expected = {}
    for name, spec in TINY.items():
        model = build(spec, 86, seed=1)
        model(fractions, training=True)  # moving statistics that are not those of the start
        (tmp_path / name).mkdir()
        model.save(tmp_path / name / "member-0.keras")
        expected[name] = np.array(model(fractions))
        assert np.array_equal(
            load_network(tmp_path / name / "member-0.keras", make_spec(spec))(fractions), expected[name]
        ), name
    pytest.importorskip("jax")
    np.save(tmp_path / "x.npy", fractions)
    code = (
        "import json, sys, numpy as np, keras; folder, specs = sys.argv[1:]; assert keras.backend.backend() == 'jax'\n"
        "from elemflow.networks.build import load_network\n"
        "from factories.toy import make_spec\n"
        "for name, spec in json.loads(specs).items():\n"
        "    model = load_network(f'{folder}/{name}/member-0.keras', make_spec(spec))\n"
        "    np.save(f'{folder}/{name}/y.npy', np.array(model(np.load(f'{folder}/x.npy'))))"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), json.dumps(TINY)], check=True, env=environment, timeout=240
    )
    for name, values in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / name / "y.npy"), values, rtol=1e-4, atol=1e-5)


def test_merge_and_run_follows_its_equations(fractions: np.ndarray) -> None:
    model = build(TINY["merge_and_run"], 86, seed=1)

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return x @ np.array(model.get_layer(name).kernel) + np.array(model.get_layer(name).bias)

    def branch(block: int, number: int, x: np.ndarray) -> np.ndarray:
        for position in (1, 2):
            x = dense(f"block{block}_branch{number}_layer{position}_dense", x)
            x = np.maximum(x / np.sqrt(1.001), 0)  # batch normalisation before any training
        return x

    first = np.maximum(dense("first_dense", fractions), 0)
    vectors = [first + branch(1, number, first) for number in (1, 2)]
    shortcut = dense("block2_projection", (vectors[0] + vectors[1]) / 2)
    vectors = [shortcut + branch(2, number, vector) for number, vector in enumerate(vectors, start=1)]
    np.testing.assert_allclose(
        np.array(model(fractions)), dense("output", vectors[0] + vectors[1]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("family", "widths", "joins"),
    [
        ("concatenated", [8, 4], [("layer1_join", ["layer1_activation", "features"]),
                                  ("layer2_join", ["layer2_activation", "layer1_activation"])]),
        ("unet", [8, 4, 2], [("up2_join", ["up2_layer1_activation", "down2_layer2_activation"]),
                             ("up1_join", ["up1_layer1_activation", "down1_layer2_activation"])]),
    ],
)  # fmt: skip
def test_what_shortcuts_join(family: str, widths: list[int], joins: list[tuple[str, list[str]]]) -> None:
    model = build(TINY[family] | {"widths": widths}, 86, seed=1)
    found = [(layer.name, [x._keras_history.operation.name for x in layer.input])
             for layer in model.layers if layer.name.endswith("_join")]  # fmt: skip
    assert found == joins


def test_a_stored_network_names_no_code(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "member-0.keras")
    check_stored_network(tmp_path / "member-0.keras")
