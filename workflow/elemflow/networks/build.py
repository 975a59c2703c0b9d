"""Networks from their declarations: built, loaded, and checked for rows that they cannot read."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elemflow.core.errors import DataError
from elemflow.networks.spec import NetworkSpec

if TYPE_CHECKING:
    import keras


def check_inputs(spec: NetworkSpec, x: np.ndarray, material_id: np.ndarray) -> None:
    """Check that a network can read all rows.

    Args:
        spec: Declaration of the network.
        x: Features (rows, features).
        material_id: Ids of the rows, for the message.

    Raises:
        DataError: Names a material that it cannot read.
    """
    if unsupported := spec.unsupported_rows(x):
        row, reason = next(iter(unsupported.items()))
        raise DataError(
            f"material '{material_id[row]}' cannot enter the network: {reason}; {len(unsupported)} of {len(x)} rows "
            "like it. Change the model, or filter the dataset."
        )


def load_network(path: str | Path, spec: NetworkSpec | None = None) -> "keras.Model":
    """Load a stored network, with the user's own Keras classes if it has some.

    Args:
        path: `member-<number>.keras` in the `model` folder of a run.
        spec: Declaration of the network; needed for one of the user's own Keras classes.

    Returns:
        The model, for predictions on inputs that are scaled as in the run.
    """
    import keras  # noqa: PLC0415  the workflow imports this module without it

    if spec:
        spec.register()
    return keras.saving.load_model(path, compile=False)
