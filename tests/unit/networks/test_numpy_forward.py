"""Networks evaluated with numpy against the same networks in Keras."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.families import TINY
from factories.toy import SPEC, build

from elemflow.networks.numpy_forward import BLOCK_ROWS, read_network

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "silu", "linear")
PLAIN = {
    "family": "dense",
    "stacks": [{"width": 8, "layers": 2, "dropout": 0.5}],
    "order": ["dense", "activation"],
    "activation": {"name": "relu"},
    "shortcut": "none",
}
SPECS = (
    {"toy": SPEC}
    | {name: TINY[name] for name in ("dense", "concatenated", "merge_and_run", "unet")}
    | {name: SPEC | {"activation": {"name": name}} for name in ACTIVATIONS}
    | {"plain": PLAIN, "steep": SPEC | {"activation": {"name": "leaky_relu", "negative_slope": 1.5}}}
)


def stored(folder: Path, spec: dict[str, Any], seed: int = 1) -> tuple[Any, Path]:
    """Return a network with other moving statistics than those of an untrained one, and its file."""
    model = build(spec, 86, seed)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + rng.uniform(0, 0.2, weight.shape))
    model.save(folder / "member-0.keras")
    return model, folder / "member-0.keras"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", SPECS)
def test_predictions_are_those_of_keras(name: str, tmp_path: Path, fractions: np.ndarray) -> None:
    model, path = stored(tmp_path, SPECS[name])
    forward = read_network(path)
    assert forward is not None
    expected = np.asarray(model(fractions, training=False))[:, 0]
    assert forward(fractions).dtype == np.float32
    np.testing.assert_allclose(forward(fractions), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("spec", [TINY["convolutional"], TINY["recurrent"], PLAIN | {"activation": {"name": "gelu"}}])
def test_other_layers_are_left_to_keras(spec: dict[str, Any], tmp_path: Path) -> None:
    assert read_network(stored(tmp_path, spec)[1]) is None


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, BLOCK_ROWS + 1])
def test_any_number_of_rows(rows: int, tmp_path: Path, fractions: np.ndarray) -> None:
    forward = read_network(stored(tmp_path, SPEC)[1])
    assert forward is not None
    x = np.resize(fractions, (rows, 86))
    assert forward(x).shape == (rows,)
    if rows:
        np.testing.assert_allclose(forward(x)[-1:], forward(x[-1:]), rtol=1e-6)
    np.testing.assert_array_equal(x, np.resize(fractions, (rows, 86)))


@pytest.mark.usefixtures("backend")
def test_keras_is_not_imported(tmp_path: Path, root: Path) -> None:
    path = stored(tmp_path, SPEC)[1]
    code = (
        "import sys; import numpy as np; from pathlib import Path\n"
        "from elemflow.networks.numpy_forward import read_network\n"
        f"print(read_network(Path({str(path)!r}))(np.zeros((2, 86), np.float32)).shape)\n"
        "print(sorted({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["(2,)", "[]"]
