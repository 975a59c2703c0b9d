"""What the JSON schema cannot say about the declaration of a network, checked without importing keras."""

from collections.abc import Mapping
from typing import Any

from elemflow.errors import ConfigError


def check_spec(spec: Mapping[str, Any], where: str) -> None:
    """Check that the keys of a network declaration fit each other.

    Args:
        spec: Declaration of the network (`spec` of a model file), valid by its schema.
        where: How messages call the declaration, e.g. `config/models/brnet.yaml: spec`.

    Raises:
        ConfigError: Names the key, what was found and what is allowed.
    """
    if "negative_slope" in spec["activation"] and spec["activation"]["name"] != "leaky_relu":
        raise ConfigError(
            f"{where}.activation.negative_slope: only leaky_relu has a slope, found activation "
            f"'{spec['activation']['name']}'. Remove the key or use leaky_relu."
        )
    normalised = "batch_norm" in spec["order"]
    if normalised and "batch_norm" not in spec:
        raise ConfigError(
            f"{where}.batch_norm: missing although `order` has batch_norm; give momentum and epsilon "
            "(Keras uses 0.99 and 0.001)."
        )
    if "batch_norm" in spec and not normalised:
        raise ConfigError(
            f"{where}.batch_norm: given although `order` has no batch_norm; remove it or add it to order."
        )
    for position, stack in enumerate(spec["stacks"]):
        branches = stack.get("branches")
        if branches and sum(branches) != stack["layers"]:
            raise ConfigError(
                f"{where}.stacks[{position}].branches: {branches} sums to {sum(branches)}, but the stack has "
                f"{stack['layers']} layers; the layers of the branches must sum to `layers`."
            )
