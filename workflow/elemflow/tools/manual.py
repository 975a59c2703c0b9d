"""The reference part of config/README.md, written from the schemas so that the two cannot differ."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elemflow.config.yaml_schema import SCHEMAS, read_schema
from elemflow.core.files import write_text

MANUAL = SCHEMAS.parents[1] / "config" / "README.md"
BEGIN, END = "<!-- keys: begin (written by `make manual`) -->", "<!-- keys: end -->"
FILES = {
    "config": "`config/config.yaml`",
    "dataset": "`config/datasets/<id>.yaml`",
    "model": "`config/models/<id>.yaml`",
    "protocol": "`config/protocols/<id>.yaml`",
    "study": "`config/studies/<id>.yaml`",
}


def key_tables() -> str:
    """Return one Markdown table per kind of config file: key, values, default, meaning."""
    blocks = []
    for name, title in FILES.items():
        schema = read_schema(name)
        lines = [f"### {title}", "", "| key | values | default | meaning |", "|---|---|---|---|"]
        rows = dict.fromkeys(_rows(schema, schema, ""))
        blocks.append("\n".join([*lines, *rows]))
    return "\n\n".join(blocks)


def _rows(node: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the table rows of a schema node, depth first."""
    node = _resolve(node, root)
    required = set(node.get("required", []))
    for key, sub in node.get("properties", {}).items():
        resolved = _resolve(sub, root)
        if resolved:
            yield _row(f"{path}{key}", resolved, needed=key in required)
            yield from _rows(resolved, root, f"{path}{key}.")
    if isinstance(node.get("additionalProperties"), dict):
        resolved = _resolve(node["additionalProperties"], root)
        yield from _rows(resolved, root, f"{path}<id>.")
    if "items" in node:
        yield from _rows(_resolve(node["items"], root), root, path.removesuffix(".") + "[].")
    for condition in node.get("allOf", []):
        ((_, choice),) = condition["if"]["properties"].items()
        yield from _variant(condition["then"], root, path, ", ".join(choice.get("enum", [choice.get("const")])))
        if "else" in condition:
            yield from _rows(condition["else"], root, path)


def _variant(node: dict[str, Any], root: dict[str, Any], path: str, choice: str) -> Iterator[str]:
    yield from (row.replace(" | ", f" *({choice})* | ", 1) for row in _rows(_resolve(node, root), root, path))


def _resolve(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return {**root["$defs"][node["$ref"].rsplit("/", 1)[-1]], **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def _row(path: str, node: dict[str, Any], *, needed: bool) -> str:
    if "enum" in node:
        values = ", ".join(f"`{json.dumps(value) if not isinstance(value, str) else value}`" for value in node["enum"])
    elif "oneOf" in node:
        values = "text or list"
    else:
        kinds = node.get("type", "object")
        values = kinds if isinstance(kinds, str) else " or ".join(kinds)
    default = f"`{json.dumps(node['default'])}`" if "default" in node else "required" if needed else ""
    return f"| `{path}` | {values} | {default} | {' '.join(node.get('description', '').split())} |"


def with_key_tables(text: str) -> str:
    """Return the manual's text with the part between its two marks written anew."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{key_tables()}\n\n{END}{after}"


def main(path: Path = MANUAL) -> None:
    """Write the reference part of config/README.md."""
    write_text(path, with_key_tables(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(f"{__doc__}\nTakes no arguments.")
    main()
