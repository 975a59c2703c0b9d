"""The dense family: its equations, its initial weights, what its declaration may say."""

from typing import Any

import numpy as np
import pytest
from factories.toy import build, check_spec, make_spec

from elemflow.core.errors import ConfigError

BATCH_NORM = {"order": ["dense", "batch_norm", "activation"], "batch_norm": {"momentum": 0.99, "epsilon": 0.001}}
LEAKY = {"order": ["dense", "activation"], "activation": {"name": "leaky_relu", "negative_slope": 0.3}}
TINY = {
    "family": "dense",
    "stacks": [{"width": 8, "layers": 3, "branches": [2, 1], "dropout": 0.25}, {"width": 4, "layers": 2}],
    "activation": {"name": "leaky_relu", "negative_slope": 0.3},
    "shortcut": "layer",
} | BATCH_NORM


pytestmark = pytest.mark.usefixtures("backend")


def test_output_matches_the_equations_of_brnet() -> None:
    spec = {
        "family": "dense",
        "stacks": [{"width": 3, "layers": 2, "branches": [1, 1]}, {"width": 3, "layers": 1}],
        "shortcut": "layer",
        "merge": "average",
    } | LEAKY
    model = build(spec, 2, seed=5)
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
    model = build(spec, 2, seed=1)
    for name in ("stack1_layer1_dense", "stack1_layer2_dense"):
        model.get_layer(name).kernel.assign(np.zeros((2, 2)))
    x = np.array([[1.0, -2.0]], dtype=np.float32)
    np.testing.assert_allclose(np.array(model(x)), x @ np.array(model.get_layer("output").kernel), rtol=1e-6)


def test_equal_seeds_give_equal_weights_and_shared_layers_start_alike() -> None:
    plain = TINY | {"shortcut": "none"}
    one, two, other = (build(TINY, 5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))
    kernel = "stack1_branch1_layer1_dense"
    assert not np.array_equal(one.get_layer(kernel).kernel, other.get_layer(kernel).kernel)
    assert not np.array_equal(one.get_layer(kernel).kernel, one.get_layer("stack1_branch2_layer1_dense").kernel)
    assert np.array_equal(one.get_layer(kernel).kernel, build(plain, 5, 1).get_layer(kernel).kernel)


def test_kernels_are_glorot_uniform_and_the_scale_spares_projections() -> None:
    spec = {"family": "dense", "stacks": [{"width": 400, "layers": 1}], "shortcut": "layer"} | LEAKY
    model, scaled = (build(spec | {"initialization": {"kernel_scale": scale}}, 200, seed=3) for scale in (1.0, 0.25))
    kernel = np.array(model.get_layer("stack1_layer1_dense").kernel)
    limit = np.sqrt(6 / 600)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    np.testing.assert_allclose(np.array(scaled.get_layer("stack1_layer1_dense").kernel), kernel / 4, rtol=1e-5)
    for name in ("stack1_layer1_projection", "output"):
        assert np.array_equal(scaled.get_layer(name).kernel, model.get_layer(name).kernel)


def test_dropout_acts_in_training_only() -> None:
    model = build(TINY, 5, seed=1)
    x = np.ones((4, 5), dtype=np.float32)
    assert np.array_equal(model(x), model(x))
    assert not np.array_equal(model(x, training=True), model(x, training=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stacks": [{"width": 8, "layers": 4, "branches": [2, 1]}]}, r"stacks\[0\].branches: \[2, 1\] sums to 3"),
        ({"order": ["dense", "activation"]}, "batch_norm: given although"),
        ({"activation": {"name": "relu", "negative_slope": 0.1}}, "only leaky_relu has a slope"),
        ({"projection": "none"}, r"stacks\[1\].width: the shortcut would lead from width 8 to 4"),
    ],
)
def test_check_spec_names_the_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_spec(TINY | change, "models/x.yaml: spec")


def test_check_spec_requires_batch_norm_that_the_order_uses() -> None:
    spec = {key: value for key, value in TINY.items() if key != "batch_norm"}
    with pytest.raises(ConfigError, match="batch_norm: missing although"):
        check_spec(spec, "models/x.yaml: spec")


def test_shortcuts_without_projection_need_inputs_of_their_width() -> None:
    spec = TINY | {"stacks": [{"width": 5, "layers": 2}, {"width": 5, "layers": 1}], "projection": "none"}
    check_spec(spec, "models/x.yaml: spec")
    assert not [layer.name for layer in build(spec, 5, 1).layers if "projection" in layer.name]
    with pytest.raises(ConfigError, match="shortcut of stack1_layer1 leads from width 6 to 5"):
        build(spec, 6, 1)


def test_a_width_factor_narrows_every_layer_but_not_to_nothing() -> None:
    wide, narrow = TINY | {"width_factor": 1.0}, TINY | {"width_factor": 0.125}
    assert [weight.shape for weight in build(wide, 6, 1).weights] == [
        weight.shape for weight in build(TINY, 6, 1).weights
    ]
    hidden = [layer for layer in build(narrow, 6, 1).layers if layer.name.endswith("_dense")]
    assert {layer.units for layer in hidden} == {1}
    assert TINY["stacks"][0]["width"] == 8


def test_a_width_factor_narrows_families_of_widths() -> None:
    spec = make_spec(
        {"family": "unet", "widths": [64, 7], "width_factor": 0.25, "activation": {"name": "relu"}, "batch_norm": {}}
    )
    assert [spec.width(width) for width in spec.widths] == [16, 2]
