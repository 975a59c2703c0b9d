"""What the JSON schema cannot say about the declaration of a network, checked without importing keras."""

import ast
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.errors import ConfigError, nearest

READS_FRACTIONS = ("convolutional", "recurrent")
"""Families that take the elemental fractions apart, and so no other input."""


def check_spec(spec: Mapping[str, Any], where: str, root: Path = Path()) -> None:
    """Check that the keys of a network declaration fit each other.

    Args:
        spec: Declaration of the network (`spec` of a model file), valid by its schema.
        where: How messages call the declaration, e.g. `config/models/brnet.yaml: spec`.
        root: Folder of the project, where a relative `file` starts.

    Raises:
        ConfigError: Names the key, what was found and what is allowed.
    """
    activation = spec.get("activation", {})
    if "negative_slope" in activation and activation["name"] != "leaky_relu":
        raise ConfigError(
            f"{where}.activation.negative_slope: only leaky_relu has a slope, found activation "
            f"'{activation['name']}'. Remove the key or use leaky_relu."
        )
    if spec["family"] == "dense":
        _check_dense(spec, where)
    elif spec["family"] == "custom":
        _check_custom(spec, where, root)


def check_representation(spec: Mapping[str, Any], representation: str, scaled: Container[str], where: str) -> None:
    """Check that a network can read a representation.

    Args:
        spec: Declaration of the network.
        representation: Parts joined with `+`.
        scaled: Parts that the protocol scales.
        where: How messages call the run.

    Raises:
        ConfigError: The network reads elemental fractions, and the run gives it something else.
    """
    if spec["family"] not in READS_FRACTIONS:
        return
    needs = f"{where}: a {spec['family']} network takes elemental fractions apart, so"
    if representation != "ef":
        raise ConfigError(f"{needs} representation '{representation}' cannot be its input. Allowed: ef.")
    if "ef" in scaled:
        raise ConfigError(f"{needs} the protocol must leave them as they are. Remove its key 'scaling.ef'.")


def _check_dense(spec: Mapping[str, Any], where: str) -> None:
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
        before = spec["stacks"][max(position - 1, 0)]["width"]
        if spec["shortcut"] != "none" and spec.get("projection") == "none" and stack["width"] != before:
            raise ConfigError(
                f"{where}.stacks[{position}].width: the shortcut would lead from width {before} to {stack['width']}, "
                f'which needs `projection: linear`; found "none". Use linear, or stacks of one width.'
            )


def _check_custom(spec: Mapping[str, Any], where: str, root: Path) -> None:
    path = root / spec["file"]
    if not path.is_file():
        raise ConfigError(f"{where}.file: no file {spec['file']} in {root}.")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}.file: {spec['file']} is no valid Python. {error}") from None
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if spec["function"] not in functions:
        raise ConfigError(
            f"{where}.function: {spec['file']} defines no function '{spec['function']}' at its top. "
            f"Found: {', '.join(functions) or 'none'}.{nearest(spec['function'], functions)}"
        )
