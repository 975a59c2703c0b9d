"""The JSON schema of the `split` section of protocols, from the classes of `elemflow.splits.schemes`."""

from typing import Any

from elemflow.config.pretraining import SCHEME
from elemflow.splits.schemes.registry import split_schemes

SHOWN = ("title",)  # of pydantic's schemas; the names of Python classes say nothing to users


def split_section() -> dict[str, Any]:
    """Return what the section allows: the schemes by name, and the keys of each."""
    schemes = {name: _scheme(cls.model_json_schema()) for name, cls in split_schemes().items() if name != SCHEME}
    shown = "; ".join(f"{name}: {schema.get('description', '').rstrip('.')}" for name, schema in schemes.items())
    return {
        "type": "object",
        "required": ["scheme"],
        "properties": {"scheme": {"description": f"How materials are split. {shown}.", "enum": list(schemes)}},
        "allOf": [
            {"if": {"properties": {"scheme": {"const": name}}, "required": ["scheme"]}, "then": schema}
            for name, schema in schemes.items()
        ],
    }


def _scheme(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one scheme; the scheme itself is checked above it."""
    plain: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))
    text = schema.get("description", "").split("\n\n")[0].replace("\n", " ")
    required = [key for key in plain["required"] if key != "scheme"]
    properties = {"scheme": {}} | {key: value for key, value in plain["properties"].items() if key != "scheme"}
    return {"description": text, "additionalProperties": False, "required": required, "properties": properties}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema without references and class names; a key that may be absent is described as if it were given."""
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        own = {key: value for key, value in node.items() if key != "$ref"}
        return _inlined({**definitions[node["$ref"].rsplit("/", 1)[-1]], **own}, definitions)
    if {"type": "null"} in node.get("anyOf", ()):
        [given] = (each for each in node["anyOf"] if each != {"type": "null"})
        kept = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
        return _inlined({**given, **kept}, definitions)
    shown = {key: value for key, value in node.items() if not (key in SHOWN and isinstance(value, str))}
    return {key: _inlined(value, definitions) for key, value in shown.items() if key != "$defs"}
