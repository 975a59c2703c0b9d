"""Reference of the configuration, docs/reference/configuration.md, generated from the schemas."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elemflow.config.yaml_schema import SCHEMAS, read_schema
from elemflow.core.files import write_text

REFERENCE = SCHEMAS.parents[1] / "docs" / "reference" / "configuration.md"
FILES = {
    "config": ("config/config.yaml", "what is built"),
    "dataset": (
        "config/datasets/<id>.yaml",
        "a database: where it comes from, what to keep, how entries become materials",
    ),
    "model": (
        "config/models/<id>.yaml",
        "a network, an estimator with or without a grid, the best of several, or AutoML",
    ),
    "protocol": (
        "config/protocols/<id>.yaml",
        "how a model is trained and evaluated: split, members, optimiser, stopping",
    ),
    "study": ("config/studies/<id>.yaml", "tables, figures and claims as grids over the above"),
    "base": ("config/bases/<id>.yaml", "a joint dataset and the multi-task network that is pre-trained on it"),
}
SHARED_KEYS = 4  # a definition with more keys than this that is used twice has a table of its own
INTRODUCTION = """# Configuration

Every key of every file, generated from `workflow/schemas/` by `make manual`. Unknown keys are refused. One file
declares one thing, and the file's name is its id.

| file | declares |
|---|---|
{files}

`a.b` is key `b` of mapping `a`, `a[].b` key `b` of each item of list `a`, `<id>` a name of your own. *(variant)* behind
a key names the kind, family, scheme or rule that has it."""


@dataclass
class Schema:
    """A schema and the definitions in it that get a table of their own.

    Attributes:
        root: The whole schema.
        shared: Definition that several keys use, by name.
    """

    root: dict[str, Any]
    shared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str) -> "Schema":
        """Read a schema from workflow/schemas."""
        root = read_schema(name)
        text = json.dumps(root)
        shared = {
            key: node
            for key, node in root.get("$defs", {}).items()
            if len(node.get("properties", {})) > SHARED_KEYS and text.count(f'"#/$defs/{key}"') > 1
        }
        return cls(root, shared)

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return a node with its reference replaced by the definition; keys next to the reference win."""
        if "$ref" not in node:
            return node
        return {**self.root["$defs"][_target(node)], **{key: value for key, value in node.items() if key != "$ref"}}


def configuration_page() -> str:
    """Return docs/reference/configuration.md."""
    files = [f"| [`{title}`](#{_anchor(title)}) | {declares} |" for title, declares in FILES.values()]
    blocks = [INTRODUCTION.format(files="\n".join(files))]
    for name, (title, _) in FILES.items():
        schema = Schema.read(name)
        blocks.append(f"## `{title}`\n\n{_table(_rows(schema.root, schema, ''))}")
        blocks += [
            f"### Keys of a {key.replace('_', ' ')}\n\n{_table(_rows(node, schema, ''))}"
            for key, node in schema.shared.items()
        ]
    return "\n\n".join(blocks) + "\n"


def _table(rows: Iterator[str]) -> str:
    return "\n".join(["| key | values | default | meaning |", "|---|---|---|---|", *dict.fromkeys(rows)])


def _rows(node: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
    """Yield the table rows of a schema node, depth first."""
    node = schema.resolve(node)
    required = set(node.get("required", []))
    covered = _covered(node, schema) if path else None
    if covered:
        yield f"| `{path.removesuffix('.')}.…` | {_link(covered)} | | |"
    for key, sub in node.get("properties", {}).items():
        if covered and key in schema.shared[covered]["properties"]:
            continue
        resolved = schema.resolve(sub)
        if resolved:
            yield _row(f"{path}{key}", sub, schema, needed=key in required)
            if _target(sub) not in schema.shared:
                yield from _rows(resolved, schema, f"{path}{key}.")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _rows(node["additionalProperties"], schema, f"{path}<id>.")
    if "items" in node:
        yield from _rows(node["items"], schema, path.removesuffix(".") + "[].")
    yield from _variant_rows(node, schema, path)


def _variant_rows(node: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
    """Yield the rows of keys that a mapping has for some values of its kind, family, scheme or rule."""
    for condition in node.get("allOf", []):
        ((_, choice),) = condition["if"]["properties"].items()
        variant = ", ".join(choice.get("enum", [choice.get("const")]))
        for row in _rows(condition["then"], schema, path):
            yield row.replace(" | ", f" *({variant})* | ", 1)
        if "else" in condition:
            yield from _rows(condition["else"], schema, path)


def _covered(node: dict[str, Any], schema: Schema) -> str | None:
    """Return the shared definition all of whose keys a mapping has, if there is one."""
    keys = node.get("properties", {})
    for name, shared in schema.shared.items():
        if all(keys.get(key) == sub for key, sub in shared["properties"].items()):
            return name
    return None


def _anchor(title: str) -> str:
    return "".join(letter for letter in title if letter.isalnum())


def _target(node: dict[str, Any]) -> str:
    return str(node.get("$ref", "")).rsplit("/", 1)[-1]


def _link(name: str) -> str:
    title = f"keys of a {name.replace('_', ' ')}"
    return f"[{title}](#{title.replace(' ', '-')})"


def _row(path: str, sub: dict[str, Any], schema: Schema, *, needed: bool) -> str:
    node = schema.resolve(sub)
    if _target(sub) in schema.shared:
        values = _link(_target(sub))
    elif "enum" in node:
        values = ", ".join(f"`{json.dumps(value) if not isinstance(value, str) else value}`" for value in node["enum"])
    elif "oneOf" in node:
        values = "text or list"
    else:
        kinds = node.get("type", "object")
        values = kinds if isinstance(kinds, str) else " or ".join(kinds)
    default = f"`{json.dumps(node['default'])}`" if "default" in node else "required" if needed else ""
    return f"| `{path}` | {values} | {default} | {' '.join(node.get('description', '').split())} |"


def main(path: Path = REFERENCE) -> None:
    """Write the reference of the configuration."""
    write_text(path, configuration_page())


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(f"{__doc__}\nTakes no arguments.")
    main()
