"""JSON schemas of sections whose keys are the fields of classes: a class for each kind of what the section declares."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from elemflow.config.kinds import FITTERS, PACKAGE, SOURCES
from elemflow.config.module_options import read_options
from elemflow.config.pretraining import SCHEME
from elemflow.networks.families.registry import network_families
from elemflow.splits.schemes.registry import split_schemes

NULL = {"type": "null"}
SHOWN = ("title",)  # of pydantic's schemas; the names of Python classes say nothing to users


def split_section() -> dict[str, Any]:
    """Return what the section `split` of protocols allows: the schemes by name, and the keys of each."""
    schemes = {name: scheme for name, scheme in split_schemes().items() if name != SCHEME}
    return _section("scheme", "How materials are split.", schemes)


def network_section() -> dict[str, Any]:
    """Return what the section `spec` of networks allows: the families by name, and the keys of each."""
    # Defaults are written in this order, and jobs are compared with earlier ones by the text of their parameters.
    return _section("family", "Family of networks that reads the rest.", network_families(), own_first=True)


def source_section() -> dict[str, Any]:
    """Return what the section `source` of datasets allows: the kinds by name, and the keys of each."""
    classes = {name: read_options(PACKAGE / "sources" / f"{name}.py") for name in SOURCES}
    return _section("kind", "Kind of source.", classes, nullable=True)


def add_models(schema: dict[str, Any]) -> None:
    """Add the kinds of model that fitters declare to the schema of models, which has the others."""
    kinds: list[str] = schema["properties"]["kind"]["enum"]
    common = {key: schema["$defs"]["estimator"]["properties"][key] for key in ("title", "kind", "extends", "published")}
    for name in sorted(FITTERS.keys() - set(kinds)):
        own = _keys("kind", read_options(PACKAGE / "training/fitters" / f"{name}.py"), own_first=False, nullable=True)
        kinds.append(name)
        then = {**own, "properties": common | own["properties"]}
        schema["allOf"].append({"if": {"properties": {"kind": {"const": name}}}, "then": then})


def _section(
    key: str,
    description: str,
    classes: Mapping[str, type[BaseModel]],
    *,
    own_first: bool = False,
    nullable: bool = False,
) -> dict[str, Any]:
    """Return the schema of a section in which a key decides which other keys there are.

    Args:
        key: The key that decides.
        description: What it says.
        classes: The class of each of its values.
        own_first: Whether the keys of a class stand before those that it inherits.
        nullable: Whether a key with the default null may be null, and is if it is absent.
    """
    kinds = {name: _keys(key, cls, own_first=own_first, nullable=nullable) for name, cls in classes.items()}
    shown = "; ".join(f"{name}: {schema.pop('description', '').rstrip('.')}" for name, schema in kinds.items())
    alike: dict[str, list[str]] = {}
    for name, schema in kinds.items():
        alike.setdefault(json.dumps(schema), []).append(name)
    return {
        "type": "object",
        "required": [key],
        "properties": {key: {"description": f"{description} {shown}.", "enum": list(kinds)}},
        "allOf": [
            {"if": {"properties": {key: {"enum": names}}, "required": [key]}, "then": kinds[names[0]]}
            for names in alike.values()
        ],
    }


def _keys(decisive: str, cls: type[BaseModel], *, own_first: bool, nullable: bool) -> dict[str, Any]:
    """Return the schema of one kind; the key that decides is checked above it."""
    schema = cls.model_json_schema()
    plain: dict[str, Any] = {"properties": {}} | _inlined(schema, schema.get("$defs", {}), nullable=nullable)
    text = schema.get("description", "").split("\n\n")[0].replace("\n", " ")
    keys = [key for key in plain["properties"] if key != decisive]
    if own_first:
        declared = [vars(base).get("__annotations__", {}) for base in cls.__mro__]
        keys.sort(key=lambda key: next(depth for depth, names in enumerate(declared) if key in names))
    properties = {decisive: {}} | {key: plain["properties"][key] for key in keys}
    required = [key for key in keys if key in plain.get("required", ())]
    rules: dict[str, Any] = {rule: plain[rule] for rule in ("oneOf", "anyOf") if rule in plain}
    fixed = {"description": text, "additionalProperties": False, "required": required}
    return {**fixed, **rules, "properties": properties}


def _inlined(node: Any, definitions: Mapping[str, Any], *, nullable: bool) -> Any:
    """Return a schema without references and class names.

    Args:
        node: Part of a schema.
        definitions: What references name.
        nullable: Whether null remains a value; else a key that may be absent is described as if it were given.
    """
    if isinstance(node, list):
        return [_inlined(each, definitions, nullable=nullable) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        own = {key: value for key, value in node.items() if key != "$ref"}
        return _inlined({**definitions[node["$ref"].rsplit("/", 1)[-1]], **own}, definitions, nullable=nullable)
    if NULL in node.get("anyOf", ()):
        [given] = (each for each in node["anyOf"] if each != NULL)
        with_null = nullable and "default" in node
        kept = {key: value for key, value in node.items() if key != "anyOf" and (with_null or key != "default")}
        return _inlined({**(_or_null(given) if with_null else given), **kept}, definitions, nullable=nullable)
    shown = {key: value for key, value in node.items() if not (key in SHOWN and isinstance(value, str))}
    return {key: _inlined(value, definitions, nullable=nullable) for key, value in shown.items() if key != "$defs"}


def _or_null(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of one type that allows null too."""
    values = {"enum": [*node["enum"], None]} if "enum" in node else {}
    return {**node, **values, "type": [node["type"], "null"]}
