"""Declarations: YAML files read strictly, laid over each other and checked against their JSON schemas.

Every mistake is named by file and key, with what was found and what is allowed.
"""

import difflib
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from elemflow.config.class_schema import add_models, network_section, source_section, split_section
from elemflow.config.hostile import check_texts
from elemflow.config.kinds import FIGURE_KINDS, TABLE_KINDS, ClaimKindText, FigureKind, TableKind, read_claim_kinds
from elemflow.core.errors import ConfigError, nearest

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
SHOWN_CHARACTERS = 60  # of a wrong value in a message
LARGEST_SHOWN = 1e15  # from here on, not every whole number is exact
SWITCH_KEYS = ("kind", "family", "scheme", "rule")  # keys that decide which others a mapping may have
TEXT_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
TIMESTAMP = "tag:yaml.org,2002:timestamp"
DEEPEST = 100  # mappings and lists inside of each other
_KINDS: Mapping[str, Mapping[str, FigureKind | TableKind | ClaimKindText]] = {
    "figures": FIGURE_KINDS,
    "tables": TABLE_KINDS,
    "claims": read_claim_kinds(),
}
_SECTIONS = {"split": split_section, "network": network_section, "source": source_section}
EITHER_KEYS = ({"column", "computed"}, {"path", "url"})


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Load YAML and refuse a key that stands twice in one mapping (plain YAML keeps the last silently)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key_node.tag not in TEXT_KEYS:
                mark = key_node.start_mark
                raise ConfigError(
                    f"{mark.name}, line {mark.line + 1}: the key {key} is read as no text; write it in quotes."
                )
            if key in seen:
                mark = key_node.start_mark
                raise ConfigError(
                    f"{mark.name}, line {mark.line + 1}: the key '{key}' stands twice; keep one of the two."
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            # Such as `!!int abc`, or a number of thousands of digits.
            mark = node.start_mark
            raise ConfigError(
                f"{mark.name}, line {mark.line + 1}: {_shown(node.value)} is no value of the kind that YAML takes it "
                "for; write it in quotes."
            ) from None


_StrictLoader.add_constructor(TIMESTAMP, yaml.SafeLoader.construct_yaml_str)  # no setting is a date


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: The file.

    Returns:
        Its content; an empty file gives an empty mapping.

    Raises:
        ConfigError: The file is absent, is no valid YAML, holds a key twice, is nested too deep, refers to itself or is
            no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _check_brackets(text, path)
        # As a stream with a name, which the marks of mistakes show.
        stream = io.StringIO(text)
        stream.name = str(path)
        content = yaml.load(stream, Loader=_StrictLoader)  # noqa: S506  a SafeLoader underneath
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file.") from None
    except (yaml.YAMLError, UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ConfigError(f"{path}: not valid YAML. {error}") from None
    except RecursionError:
        raise _too_deep(path) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    _check_depth(content, path, 0, set())
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys and values at the top, found {_shown(content)}.")
    return content


def _check_brackets(text: str, path: Path) -> None:
    """Refuse a text that may be nested so deep that the parser, which is written in C, overflows its stack."""
    signs = re.finditer(r"[\[{\]}]", text)
    flow = max(accumulate(1 if sign.group() in "[{" else -1 for sign in signs), default=0)
    block = max((len(start.group()) for start in re.finditer(r"^[ ?-]+", text, re.MULTILINE)), default=0)
    if flow <= DEEPEST and block <= DEEPEST:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_StrictLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _too_deep(path)


def _check_depth(content: Any, path: Path, depth: int, seen: set[int]) -> None:
    """Refuse what is nested too deep; a value that refers to itself is."""
    if not isinstance(content, dict | list) or id(content) in seen:
        return
    if depth > DEEPEST:
        raise _too_deep(path)
    for each in content.values() if isinstance(content, dict) else content:
        _check_depth(each, path, depth + 1, seen)
    seen.add(id(content))


def _too_deep(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: more than {DEEPEST} mappings and lists inside of each other, or an alias (*) inside of what it "
        "names. No setting is nested so deep; correct the file."
    )


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` laid over it, key by key.

    Lists are replaced. A mapping is replaced as a whole if `changes` gives it another `kind`, `family`, `scheme` or
    `rule`, since the other keys belong to the old one. Of `column` and `computed`, and of `path` and `url`, the one
    that `changes` names takes the place of the other.
    """
    switched = any(key in changes and key in base and changes[key] != base[key] for key in SWITCH_KEYS)
    merged: dict[str, Any] = {} if switched else deepcopy(dict(base))
    for keys in EITHER_KEYS:
        if keys & changes.keys():
            merged = {key: value for key, value in merged.items() if key not in keys - changes.keys()}
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else deepcopy(value)
    return merged


def check(value: Any, schema_name: str, where: str) -> None:
    """Validate a declaration against `workflow/schemas/<schema_name>.schema.yaml` and fill in its defaults.

    Args:
        value: The declaration; defaults are filled in place.
        schema_name: Name of the schema.
        where: How messages call the file.

    Raises:
        ConfigError: Names the file and, for every mistake, the key path, what was found and what is allowed.
    """
    errors = sorted(_validator(schema_name).iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path])
    errors = _without_consequences(errors)
    if errors:
        raise ConfigError("\n".join(f"{where}: {line}" for error in errors for line in _messages(error)))
    check_texts(value, where)


def _without_consequences(errors: Sequence[Any]) -> list[Any]:
    """Leave out what is wrong by each variant of a mapping that lacks the key which decides on the variant."""
    undecided = [error for error in errors if error.validator == "required"
                 and any(f"'{key}'" in error.message for key in SWITCH_KEYS)]  # fmt: skip
    return [error for error in errors if error in undecided or not any(_follows(error, cause) for cause in undecided)]


def _follows(error: Any, cause: Any) -> bool:
    """Return whether an error lies in a variant of the mapping that lacks a key."""
    place, above = list(error.absolute_path), list(cause.absolute_path)
    rule, shared = list(error.absolute_schema_path), list(cause.absolute_schema_path)[:-1]
    inside = place[: len(above)] == above and rule[: len(shared)] == shared
    return inside and not {"then", "else"}.isdisjoint(map(str, rule[len(shared) :]))


def read_schema(name: str) -> dict[str, Any]:
    """Read a JSON schema; the kinds of figures and of tables that it refers to are those that modules declare.

    A key `kinds: figures`, `tables` or `claims` becomes `enum`, and what each kind shows follows the description. A key
    `section: split`, `network` or `source` becomes what the classes of split schemes, of network families and of source
    kinds declare.
    """
    schema = read_yaml(SCHEMAS / f"{name}.schema.yaml")
    if name == "model":
        add_models(schema)
    for node in _nodes(schema):
        if node.get("kinds") in _KINDS:
            kinds = _KINDS[node.pop("kinds")]
            shown = "; ".join(f"{kind}: {declared.description.rstrip('.')}" for kind, declared in kinds.items())
            node |= {"enum": list(kinds), "description": f"{node['description']} {shown}."}
        elif node.get("section") in _SECTIONS:
            node.update(_SECTIONS[node.pop("section")]())
    return schema


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


@cache
def _validator(schema_name: str) -> Any:
    schema = read_schema(schema_name)
    plain = jsonschema.Draft202012Validator
    check_properties = plain.VALIDATORS["properties"]

    def fill_defaults(validator: Any, properties: dict[str, Any], instance: Any, parent: dict[str, Any]) -> Any:
        if isinstance(instance, dict):
            for key, sub in properties.items():
                shared = schema["$defs"][sub["$ref"].rsplit("/", 1)[-1]] if "$ref" in sub else {}
                for declared in (sub, shared):
                    if "default" in declared:
                        instance.setdefault(key, deepcopy(declared["default"]))
        yield from check_properties(validator, properties, instance, parent)

    # A seed of 1.0 would give another split than 1; NaN and infinity are no settings.
    types = plain.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    types = types.redefine("number", lambda _, value: _is_finite(value))
    return jsonschema.validators.extend(plain, {"properties": fill_defaults}, type_checker=types)(schema)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _messages(error: Any) -> list[str]:  # noqa: PLR0911  one return per kind of mistake
    """Say one schema violation in the words of a user."""
    path = key_path(error.absolute_path)
    schema = error.schema if isinstance(error.schema, dict) else {}
    at = f"key '{path}'" if path else "top level"
    if error.validator == "additionalProperties":
        allowed = list(schema.get("properties", {}))
        unknown = [key for key in error.instance if key not in allowed]
        return [f"{at}: unknown key '{key}'. Allowed: {', '.join(allowed)}.{nearest(key, allowed)}" for key in unknown]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]

        def spelled(key: str) -> str:
            alike = difflib.get_close_matches(key.casefold(), map(str.casefold, error.instance), n=1, cutoff=0.8)
            found = [other for other in error.instance if other.casefold() in alike]
            return f" Is it spelled '{found[0]}'?" if found else ""

        return [f"{at}: the key '{key}' is missing.{spelled(key)}" for key in missing
                if f"'{key}'" in error.message]  # fmt: skip
    if error.validator == "enum":
        allowed = [json.dumps(v) if not isinstance(v, str) else v for v in error.validator_value]
        hint = _hint_quotes(error.instance) or nearest(error.instance, allowed)
        return [f"{at}: found {_shown(error.instance)}. Allowed: {', '.join(allowed)}.{hint}"]
    if error.validator == "type":
        kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        hint = _hint_text(error.instance, kinds) or (_hint_quotes(error.instance) if "string" in kinds else "")
        return [f"{at}: found {_shown(error.instance)}, expected {' or '.join(kinds)}.{hint} {_help(schema)}".rstrip()]
    if error.validator in {"oneOf", "anyOf"}:
        needed = [r for option in error.validator_value for r in option.get("required", [])]
        if needed:
            amount = "exactly one" if error.validator == "oneOf" else "at least one"
            return [f"{at}: give {amount} of the keys {', '.join(needed)}."]
        return [f"{at}: found {_shown(error.instance)}, expected a text or a list of different texts."]
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        return [f"{at}: the id {_shown(error.instance)} must match {error.validator_value}."]
    return [f"{at}: {error.message}. {_help(schema)}".rstrip()]


def _hint_text(value: Any, kinds: Sequence[str]) -> str:
    """Say how a value is given that arrives as text: YAML wants a dot before an exponent, Snakemake hands text on."""
    if not isinstance(value, str):
        return ""
    given = " Inside mappings of --config it is text; write it into a file and name that with --configfile."
    if "boolean" in kinds and value in ("true", "false"):
        return given
    try:
        number = float(value)
    except ValueError:
        return ""
    if not {"number", "integer"} & set(kinds) or not math.isfinite(number):
        return ""
    if "e" not in value.lower():
        return given
    whole = "number" not in kinds and number.is_integer() and abs(number) < LARGEST_SHOWN
    return f" YAML reads it as text; write {int(number) if whole else _spelled(number)}."


def _spelled(number: float) -> str:
    """Return a number with a dot before its exponent, without which YAML reads text."""
    mantissa, _, exponent = f"{number:.15e}".partition("e")
    digits = mantissa.rstrip("0")
    return f"{digits}0e{exponent}" if digits.endswith(".") else f"{digits}e{exponent}"


def _hint_quotes(value: Any) -> str:
    """Say how a text is given that YAML reads as something else."""
    if isinstance(value, bool):
        return " YAML reads yes, no, on, off, true and false as true or false; write the text in quotes."
    if isinstance(value, int | float):
        return " YAML reads it as a number; write the text in quotes."
    return " YAML reads null, ~ and nothing as no value; write the text in quotes." if value is None else ""


def _help(schema: Mapping[str, Any]) -> str:
    return f"({schema['description']})" if "description" in schema else ""


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def key_path(parts: Iterable[Any]) -> str:
    """Write a path of keys and list positions as in `tables.table5.rows[0].dataset`."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
