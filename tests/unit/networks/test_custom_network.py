"""The worked examples of docs/guide/own_model.md, and what is wrong with networks of a user's own."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.toy import build, check_spec, make_spec

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.networks.build import load_network

WHERE = "config/models/x.yaml: spec"


@pytest.fixture
def documented(project: Path, root: Path) -> Path:
    """A copy of the config with every example of the page that begins with the name of its file."""
    text = (root / "docs" / "guide" / "own_model.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"```\w+\n# (\S+)\n(.*?)```", text, flags=re.DOTALL):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(content, encoding="utf-8")
    return project


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Write a file and return a declaration that names it."""

    def make(text: str) -> dict[str, Any]:
        path = tmp_path / f"net{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text, encoding="utf-8")
        return {"family": "custom", "file": str(path), "function": "build", "options": {}}

    return make


def test_documented_networks_train_save_and_load(documented: Path, backend: None, tmp_path: Path) -> None:
    models = load({"studies": ["demo"]}, documented).models
    narrow = build(models["narrow_irnet"].spec, 86, seed=1)
    assert [layer.units for layer in narrow.layers if layer.name.endswith("_dense")] == [256] * 6 + [64] * 3

    declared = models["gated"].written["spec"]
    declared = declared | {"file": str(documented / declared["file"])}
    first, again, other = (build(declared, 12, seed) for seed in (1, 1, 2))
    x = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    expected = np.array(first(x))
    assert np.array_equal(expected, again(x))  # the output layer has no seed of its own
    assert not np.array_equal(expected, other(x))
    first.save(tmp_path / "member-0.keras")
    assert np.array_equal(load_network(tmp_path / "member-0.keras", make_spec(declared))(x), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "absent.py"}, r"spec.file: no file absent.py in "),
        (
            {"function": "biuld"},
            r"spec.function: .* no function 'biuld' at its top. Found: build. Did you mean 'build'",
        ),
    ],
)
def test_missing_file_or_function(spec: Callable[..., Any], change: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_spec(spec("def build(options, n_inputs, seed): ...\n") | change, WHERE)


def test_a_file_is_parsed_and_not_run_when_the_config_is_read(spec: Callable[..., Any]) -> None:
    check_spec(spec("raise RuntimeError\ndef build(options, n_inputs, seed): ...\n"), WHERE)
    with pytest.raises(ConfigError, match="is no valid Python"):
        check_spec(spec("def build(:\n"), WHERE)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return None", "returned None"),
        ("return keras.Sequential([keras.Input((n_inputs,)), keras.layers.Dense(2)])", r"to \(None, 2\); expected"),
        ("return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])", r"from \(None, 3\) to"),
    ],
)
def test_a_model_of_another_shape_is_refused(spec: Callable[..., Any], backend: None, body: str, found: str) -> None:
    declared = spec(f"import keras\ndef build(options, n_inputs, seed):\n    {body}\n")
    with pytest.raises(ConfigError, match=found):
        build(declared, 4, seed=1)
