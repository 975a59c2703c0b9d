"""The networks against the parameter counts that the papers print or imply, and as Keras models."""

import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from elemflow.errors import ConfigError
from elemflow.networks.registry import build_network
from elemflow.networks.spec import check_spec

INPUTS = (86, 145, 271, 357)
WIDTHS = (1024, 512, 256, 128, 64, 32, 16)
BATCH_NORM = {"order": ["dense", "batch_norm", "activation"], "batch_norm": {"momentum": 0.99, "epsilon": 0.001}}
LEAKY = {"order": ["dense", "activation"], "activation": {"name": "leaky_relu", "negative_slope": 0.3}}
LAYERS_17 = (4, 3, 3, 3, 2, 1)

# Trainable and total parameters for 86, 145, 271 and 357 inputs.
CONFIGURED = {
    "bnet": [(3_670_849,) * 2, (3_791_681,) * 2, (4_049_729,) * 2, (4_225_857,) * 2],
    "brnet": [(4_548_385,) * 2, (4_790_049,) * 2, (5_306_145,) * 2, (5_658_401,) * 2],
    "elemnet": [(4_631_361,) * 2, (4_691_777,) * 2, (4_820_801,) * 2, (4_908_865,) * 2],
    "plain17": [(4_645_249, 4_659_137), (4_705_665, 4_719_553), (4_834_689, 4_848_577), (4_922_753, 4_936_641)],
    "irnet17": [(5_433_697, 5_447_585), (5_554_529, 5_568_417), (5_812_577, 5_826_465), (5_988_705, 6_002_593)],
}
OTHER_DEPTHS = {  # layers per width; with 145 inputs: plain, then IRNet and SRNet
    10: ((2, 2, 2, 1, 1, 1), (2_234_561, 2_242_177), (3_083_425, 3_091_041)),
    24: ((4, 4, 4, 4, 3, 2, 2), (5_058_673, 5_074_609), (5_908_065, 5_924_001)),
    48: ((8, 8, 8, 8, 8, 4, 3), (10_676_257, 10_708_353), (11_525_649, 11_557_745)),
}
TABLE_6 = [  # brnet2023, 86 inputs: position of the branched stack, layers of its branches, BRNet, BNet
    (0, [2, 2], 4_548_385, 3_670_849),
    (0, [3, 1], 4_548_385, 3_670_849),
    (0, [2, 1, 1], 3_676_961, 2_710_337),
    (0, [1, 1, 1, 1], 2_805_537, 1_749_825),
    (1, [2, 1], 6_206_753, 4_893_505),
    (1, [1, 1, 1], 6_993_697, 5_155_649),
    (2, [2, 1], 5_616_673, 4_696_897),
    (2, [1, 1, 1], 5_813_537, 4_762_433),
    (3, [2, 1], 5_469_089, 4_647_745),
    (3, [1, 1, 1], 5_518_369, 4_664_129),
    (4, [1, 1], 5_432_161, 4_635_457),
]
TINY = {
    "family": "dense",
    "stacks": [{"width": 8, "layers": 3, "branches": [2, 1], "dropout": 0.25}, {"width": 4, "layers": 2}],
    "activation": {"name": "leaky_relu", "negative_slope": 0.3},
    "shortcut": "layer",
} | BATCH_NORM


@pytest.fixture(scope="module", autouse=True)
def _backend() -> None:
    pytest.importorskip("tensorflow")
    from elemflow.training.loop import start_backend

    start_backend(1)


def _spec(layers: tuple[int, ...], shortcut: str, **rest: Any) -> dict[str, Any]:
    stacks = [{"width": width, "layers": number} for width, number in zip(WIDTHS, layers, strict=False)]
    return {"family": "dense", "stacks": stacks, "activation": {"name": "relu"}, "shortcut": shortcut} | rest


def _counts(spec: dict[str, Any], n_inputs: int) -> tuple[int, int]:
    import keras

    check_spec(spec, "test")
    with keras.StatelessScope(initialize_variables=False):  # shapes alone; drawing the kernels would take a minute
        model = build_network(spec, n_inputs, seed=1)
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights), model.count_params()


@pytest.mark.parametrize("name", CONFIGURED)
def test_configured_models_have_the_published_counts(root: Path, name: str) -> None:
    spec = yaml.safe_load((root / "config" / "models" / f"{name}.yaml").read_text(encoding="utf-8"))["spec"]
    assert [_counts(spec, n_inputs) for n_inputs in INPUTS] == CONFIGURED[name]


@pytest.mark.parametrize("depth", OTHER_DEPTHS)
def test_other_depths_have_the_published_counts(depth: int) -> None:
    layers, plain, residual = OTHER_DEPTHS[depth]
    assert _counts(_spec(layers, "none", **BATCH_NORM), 145) == plain
    assert _counts(_spec(layers, "layer", **BATCH_NORM), 145) == residual
    assert _counts(_spec(layers, "stack", **BATCH_NORM), 145) == residual


def test_srnet_48_with_two_stacks_per_width_has_the_published_count() -> None:
    spec = _spec((), "stack", **BATCH_NORM)
    spec["stacks"] = [{"width": width, "layers": 4} for width in WIDTHS[:5] for _ in range(2)]
    spec["stacks"] += [{"width": 32, "layers": 4}, {"width": 16, "layers": 3}]
    assert _counts(spec, 145) == OTHER_DEPTHS[48][2]


@pytest.mark.parametrize(("position", "branches", "brnet", "bnet"), TABLE_6)
def test_all_layouts_of_table_6(position: int, branches: list[int], brnet: int, bnet: int) -> None:
    for shortcut, wanted in (("layer", brnet), ("none", bnet)):
        spec = _spec(LAYERS_17, shortcut, **LEAKY)
        spec["stacks"][position]["branches"] = branches
        assert _counts(spec, 86)[0] == wanted


def test_output_matches_the_equations_of_brnet() -> None:
    spec = {
        "family": "dense",
        "stacks": [{"width": 3, "layers": 2, "branches": [1, 1]}, {"width": 3, "layers": 1}],
        "shortcut": "layer",
        "merge": "average",
    } | LEAKY
    model = build_network(spec, 2, seed=5)
    for weight in model.weights:
        if "bias" in weight.path:
            weight.assign(np.linspace(-0.5, 0.5, weight.shape[0]))
    x = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)

    def dense(name: str, values: np.ndarray) -> np.ndarray:
        layer = model.get_layer(name)
        return values @ np.array(layer.kernel) + np.array(layer.bias)

    def leaky(values: np.ndarray) -> np.ndarray:
        return np.where(values > 0, values, 0.3 * values)

    branches = [
        dense(f"stack1_branch{i}_layer1_projection", x) + leaky(dense(f"stack1_branch{i}_layer1_dense", x))
        for i in (1, 2)
    ]
    merged = (branches[0] + branches[1]) / 2
    hidden = merged + leaky(dense("stack2_layer1_dense", merged))
    np.testing.assert_allclose(np.array(model(x)), dense("output", hidden), rtol=1e-5, atol=1e-6)


def test_stack_shortcut_starts_at_the_stack_input() -> None:
    spec = {"family": "dense", "stacks": [{"width": 2, "layers": 2}], "shortcut": "stack"} | LEAKY
    model = build_network(spec, 2, seed=1)
    for name in ("stack1_layer1_dense", "stack1_layer2_dense"):
        model.get_layer(name).kernel.assign(np.zeros((2, 2)))
    x = np.array([[1.0, -2.0]], dtype=np.float32)
    np.testing.assert_allclose(np.array(model(x)), x @ np.array(model.get_layer("output").kernel), rtol=1e-6)


def test_equal_seeds_give_equal_weights_and_shared_layers_start_alike() -> None:
    plain = TINY | {"shortcut": "none"}
    one, two, other = (build_network(TINY, 5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))
    kernel = "stack1_branch1_layer1_dense"
    assert not np.array_equal(one.get_layer(kernel).kernel, other.get_layer(kernel).kernel)
    assert not np.array_equal(one.get_layer(kernel).kernel, one.get_layer("stack1_branch2_layer1_dense").kernel)
    assert np.array_equal(one.get_layer(kernel).kernel, build_network(plain, 5, 1).get_layer(kernel).kernel)


def test_kernels_are_glorot_uniform_and_the_scale_spares_projections() -> None:
    spec = {"family": "dense", "stacks": [{"width": 400, "layers": 1}], "shortcut": "layer"} | LEAKY
    model, scaled = (build_network(spec | {"start": {"kernel_scale": scale}}, 200, seed=3) for scale in (1.0, 0.25))
    kernel = np.array(model.get_layer("stack1_layer1_dense").kernel)
    limit = np.sqrt(6 / 600)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    np.testing.assert_allclose(np.array(scaled.get_layer("stack1_layer1_dense").kernel), kernel / 4, rtol=1e-5)
    for name in ("stack1_layer1_projection", "output"):
        assert np.array_equal(scaled.get_layer(name).kernel, model.get_layer(name).kernel)


def test_gradient_reaches_every_weight_and_a_step_lowers_the_loss() -> None:
    import keras
    import tensorflow as tf

    spec = deepcopy(TINY)
    spec["stacks"][0].pop("dropout")
    model = build_network(spec, 5, seed=1)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 5)).astype(np.float32), rng.normal(size=(64, 1)).astype(np.float32)

    def loss() -> tf.Tensor:
        return tf.reduce_mean(tf.square(model(x, training=True) - y))

    with tf.GradientTape() as tape:
        before = loss()
    gradients = tape.gradient(before, model.trainable_weights)
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        if not (weight.path.endswith("bias") and "layer" in weight.path and "_dense" in weight.path):
            assert np.abs(gradient).max() > 0, weight.path  # batch norm cancels the bias before it
    keras.optimizers.SGD(1e-3).apply(gradients, model.trainable_weights)
    assert loss() < before


def test_dropout_acts_in_training_only() -> None:
    model = build_network(TINY, 5, seed=1)
    x = np.ones((4, 5), dtype=np.float32)
    assert np.array_equal(model(x), model(x))
    assert not np.array_equal(model(x, training=True), model(x, training=True))


def test_saved_model_predicts_the_same_on_every_backend(tmp_path: Path) -> None:
    import keras

    model = build_network(TINY, 5, seed=1)
    x = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    model(x, training=True)
    model.save(tmp_path / "m.keras")
    expected = np.array(model(x))
    assert np.array_equal(keras.models.load_model(tmp_path / "m.keras")(x), expected)
    pytest.importorskip("jax")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, numpy as np, keras; folder = sys.argv[1]; assert keras.backend.backend() == 'jax';"
        "model = keras.models.load_model(folder + '/m.keras');"
        "np.save(folder + '/y.npy', np.array(model(np.load(folder + '/x.npy'))))"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment, timeout=120)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stacks": [{"width": 8, "layers": 4, "branches": [2, 1]}]}, r"stacks\[0\].branches: \[2, 1\] sums to 3"),
        ({"order": ["dense", "activation"]}, "batch_norm: given although"),
        ({"activation": {"name": "relu", "negative_slope": 0.1}}, "only leaky_relu has a slope"),
    ],
)
def test_check_spec_names_the_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_spec(TINY | change, "models/x.yaml: spec")


def test_check_spec_asks_for_batch_norm_that_the_order_uses() -> None:
    spec = {key: value for key, value in TINY.items() if key != "batch_norm"}
    with pytest.raises(ConfigError, match="batch_norm: missing although"):
        check_spec(spec, "models/x.yaml: spec")
