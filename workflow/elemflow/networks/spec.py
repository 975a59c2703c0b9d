"""The declaration of a network: what the JSON schema cannot say about it, checked without importing keras."""

from collections.abc import Mapping
from typing import Any

from elemflow.errors import ConfigError, nearest

ORDERS = (["dense", "activation"], ["dense", "batch_norm", "activation"], ["dense", "activation", "batch_norm"])
ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "gelu", "silu", "linear")
SHORTCUTS = ("none", "stack", "layer")
MERGES = ("sum", "average")


def check_spec(spec: Mapping[str, Any], where: str) -> None:
    """Check that a network declaration describes exactly one network.

    Args:
        spec: Declaration of the network (`spec` of a model file), already valid by type.
        where: How messages call the declaration, e.g. `config/models/brnet.yaml: spec`.

    Raises:
        ConfigError: Names the key, what was found and what is allowed.
    """
    _check_one_of(spec["shortcut"], SHORTCUTS, f"{where}.shortcut")
    _check_one_of(spec.get("merge", "sum"), MERGES, f"{where}.merge")
    _check_one_of(spec["activation"]["name"], ACTIVATIONS, f"{where}.activation.name")
    _check_order(spec, where)
    if "negative_slope" in spec["activation"] and spec["activation"]["name"] != "leaky_relu":
        raise ConfigError(
            f"{where}.activation.negative_slope: only leaky_relu has a slope, found activation "
            f"'{spec['activation']['name']}'. Remove the key or use leaky_relu."
        )
    scale = spec.get("start", {}).get("kernel_scale", 1.0)
    if not scale > 0:
        raise ConfigError(f"{where}.start.kernel_scale: found {scale}; give a number above 0.")
    if not spec["stacks"]:
        raise ConfigError(f"{where}.stacks: found an empty list; give at least one stack.")
    for position, stack in enumerate(spec["stacks"]):
        _check_stack(stack, f"{where}.stacks[{position}]")


def _check_one_of(value: str, allowed: tuple[str, ...], key: str) -> None:
    if value not in allowed:
        raise ConfigError(f"{key}: found '{value}'. Allowed: {', '.join(allowed)}.{nearest(value, allowed)}")


def _check_order(spec: Mapping[str, Any], where: str) -> None:
    order = list(spec["order"])
    if order not in ORDERS:
        allowed = " or ".join(f"[{', '.join(option)}]" for option in ORDERS)
        raise ConfigError(f"{where}.order: found [{', '.join(map(str, order))}]. Allowed: {allowed}.")
    if "batch_norm" in order and "batch_norm" not in spec:
        raise ConfigError(
            f"{where}.batch_norm: missing although `order` has batch_norm; give momentum and epsilon "
            "(Keras uses 0.99 and 0.001)."
        )
    if "batch_norm" in spec and "batch_norm" not in order:
        raise ConfigError(
            f"{where}.batch_norm: given although `order` has no batch_norm; remove it or add it to order."
        )


def _check_stack(stack: Mapping[str, Any], key: str) -> None:
    for name in ("width", "layers"):
        if stack[name] < 1:
            raise ConfigError(f"{key}.{name}: found {stack[name]}; give a whole number of at least 1.")
    branches = stack.get("branches")
    if branches is not None:
        if len(branches) < 2 or min(branches) < 1:  # noqa: PLR2004  one branch is no branching
            raise ConfigError(f"{key}.branches: found {branches}; give at least two numbers, each at least 1.")
        if sum(branches) != stack["layers"]:
            raise ConfigError(
                f"{key}.branches: {branches} sums to {sum(branches)}, but the stack has {stack['layers']} layers; "
                "the layers of the branches must sum to `layers`."
            )
    dropout = stack.get("dropout", 0.0)
    if not 0 <= dropout < 1:
        raise ConfigError(f"{key}.dropout: found {dropout}; give a fraction from 0 to below 1.")
