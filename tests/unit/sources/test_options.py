"""The typed options of every kind of source, and the schema of dataset files."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from elemflow.config.dataset import Source
from elemflow.config.kinds import SOURCES
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.errors import ConfigError
from elemflow.sources.options import SourceOptions


def options_of(kind: str) -> type[SourceOptions]:
    found: type[SourceOptions] = import_module(SOURCES[kind]).Options
    return found


def resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the definition that it refers to."""
    return schema | definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


@pytest.mark.parametrize("kind", SOURCES)
def test_the_schema_has_the_options_of_the_module(root: Path, kind: str) -> None:
    definitions = read_yaml(root / "workflow/schemas/dataset.schema.yaml")["$defs"]
    declared = {key: resolve(item, definitions) for key, item in definitions[kind]["properties"].items()}
    fields = options_of(kind).model_fields
    assert declared.keys() - {"kind"} == fields.keys()
    required = {name for name, field in fields.items() if field.is_required()}
    assert set(definitions[kind].get("required", ())) == required
    for name, field in fields.items():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        if not field.is_required() and default is not None:
            assert declared[name]["default"] == default
        assert field.description


@pytest.mark.parametrize("kind", SOURCES)
def test_an_unknown_key_is_named(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options_of(kind).of("demo", Source.model_validate({"kind": kind, "nmae": "x"}))
    assert "Dataset demo: key 'source." in str(caught.value)
