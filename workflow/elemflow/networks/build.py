"""Networks by the name of their family; keras is imported only when one is built.

The module of a family has `build`, and `unsupported_rows` if it cannot read every row.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from elemflow.config.kinds import NETWORKS
from elemflow.config.model import NetworkSpec
from elemflow.core.errors import DataError

if TYPE_CHECKING:
    import keras


def build_network(spec: NetworkSpec, n_inputs: int, seed: int) -> "keras.Model":
    """Return the network of a declaration, built by the module of its family.

    Args:
        spec: Declaration of the network, checked by `elemflow.config.network_spec.check_spec`.
        n_inputs: Number of features.
        seed: Seed of the initial weights and of dropout.

    Returns:
        An uncompiled model from `(batch, n_inputs)` to `(batch, 1)`.
    """
    network: keras.Model = _family(spec).build(spec, n_inputs, seed)
    return network


def unsupported_rows(spec: NetworkSpec, x: np.ndarray) -> dict[int, str]:
    """Return the rows that a network cannot read.

    Args:
        spec: Declaration of the network.
        x: Features (rows, features).

    Returns:
        Why, by the number of the row.
    """
    of_family = getattr(_family(spec), "unsupported_rows", None)
    return of_family(spec, x) if of_family else {}


def check_inputs(spec: NetworkSpec, x: np.ndarray, material_id: np.ndarray) -> None:
    """Check that a network can read all rows.

    Args:
        spec: Declaration of the network.
        x: Features (rows, features).
        material_id: Ids of the rows, for the message.

    Raises:
        DataError: Names a material that it cannot read.
    """
    if unsupported := unsupported_rows(spec, x):
        row, reason = next(iter(unsupported.items()))
        raise DataError(
            f"material '{material_id[row]}' cannot enter the network: {reason}; {len(unsupported)} of {len(x)} rows "
            "like it. Change the model, or filter the dataset."
        )


def load_network(path: str | Path, spec: NetworkSpec) -> "keras.Model":
    """Load a stored network, with the user's own Keras classes if it has some.

    Args:
        path: `member-<number>.keras` in the `model` folder of a run.
        spec: Declaration of the network.

    Returns:
        The model, for predictions on inputs that are scaled as in the run.
    """
    import keras  # noqa: PLC0415  the workflow imports this module without it

    if load_function := getattr(_family(spec), "load_function", None):
        load_function(spec)
    return keras.saving.load_model(path, compile=False)


def _family(spec: NetworkSpec) -> ModuleType:
    return importlib.import_module(NETWORKS[spec.family])
