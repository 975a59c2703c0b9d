"""Networks by the name of their family; keras is imported only when one is built."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elemflow.registry import NETWORKS

if TYPE_CHECKING:
    import keras


def build_network(spec: Mapping[str, Any], n_inputs: int, seed: int) -> "keras.Model":
    """Build the network of a declaration with the module of its family.

    Args:
        spec: Declaration of the network, checked by `elemflow.networks.spec.check_spec`.
        n_inputs: Number of features.
        seed: Seed of the initial weights and of dropout.

    Returns:
        An uncompiled model from `(batch, n_inputs)` to `(batch, 1)`.
    """
    return importlib.import_module(NETWORKS[spec["family"]]).build(spec, n_inputs, seed)
