"""Networks by the name of their family; keras is imported only when one is built.

The module of a family has `build`, and `refuse` if it cannot take every row.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elemflow.config.kinds import NETWORKS
from elemflow.config.network_spec import with_width_factor
from elemflow.core.errors import DataError
from elemflow.core.files import read_json

if TYPE_CHECKING:
    import keras


def build_network(spec: Mapping[str, Any], n_inputs: int, seed: int) -> "keras.Model":
    """Build the network of a declaration with the module of its family.

    Args:
        spec: Declaration of the network, checked by `elemflow.config.network_spec.check_spec`.
        n_inputs: Number of features.
        seed: Seed of the initial weights and of dropout.

    Returns:
        An uncompiled model from `(batch, n_inputs)` to `(batch, 1)`.
    """
    return _family(spec).build(with_width_factor(spec), n_inputs, seed)


def refuse(spec: Mapping[str, Any], x: np.ndarray) -> dict[int, str]:
    """Return the rows that a network cannot take.

    Args:
        spec: Declaration of the network.
        x: Features (rows, features).

    Returns:
        Why, by the number of the row.
    """
    family = getattr(_family(spec), "refuse", None)
    return family(spec, x) if family else {}


def check_inputs(spec: Mapping[str, Any], x: np.ndarray, material_id: np.ndarray) -> None:
    """Check that a network can take all rows.

    Args:
        spec: Declaration of the network.
        x: Features (rows, features).
        material_id: Ids of the rows, for the message.

    Raises:
        DataError: Names a material that it cannot take.
    """
    if refused := refuse(spec, x):
        row, reason = next(iter(refused.items()))
        raise DataError(
            f"material '{material_id[row]}' cannot enter the network: {reason}; {len(refused)} of {len(x)} rows like "
            "it. Change the model, or filter the dataset."
        )


def load_network(path: str | Path) -> "keras.Model":
    """Load a stored network, with everything it is made of.

    Args:
        path: `member-<number>.keras` in the `model` folder of a run, beside its `model.json`.

    Returns:
        The model, for predictions on inputs that are scaled as in the run.
    """
    import keras  # noqa: PLC0415  the workflow imports this module without it

    spec = read_json(Path(path).with_name("model.json"))["model"]["spec"]
    if load_function := getattr(_family(spec), "load_function", None):
        load_function(spec)
    return keras.saving.load_model(path, compile=False)


def _family(spec: Mapping[str, Any]) -> Any:
    return importlib.import_module(NETWORKS[spec["family"]])
