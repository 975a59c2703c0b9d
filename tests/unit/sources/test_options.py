"""The typed options of every kind of source, and the schema of dataset files."""

from importlib import import_module

import pytest

from elemflow.config.dataset import Source
from elemflow.config.kinds import SOURCES
from elemflow.config.yaml_schema import read_schema
from elemflow.core.errors import ConfigError
from elemflow.sources.options import SourceOptions


def options_of(kind: str) -> type[SourceOptions]:
    found: type[SourceOptions] = import_module(SOURCES[kind]).Options
    return found


@pytest.mark.parametrize("kind", SOURCES)
def test_the_schema_has_the_options_of_the_module(kind: str) -> None:
    variants = read_schema("dataset")["properties"]["source"]["allOf"]
    [schema] = [each["then"] for each in variants if kind in each["if"]["properties"]["kind"]["enum"]]
    fields = options_of(kind).model_fields
    assert schema["properties"].keys() - {"kind"} == fields.keys()
    assert set(schema["required"]) == {name for name, field in fields.items() if field.is_required()}
    for name, field in fields.items():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        if not field.is_required() and default is not None:
            assert schema["properties"][name]["default"] == default
        assert schema["properties"][name]["description"]


@pytest.mark.parametrize("kind", SOURCES)
def test_an_unknown_key_is_named(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options_of(kind).of("demo", Source.model_validate({"kind": kind, "nmae": "x"}))
    assert "Dataset demo: key 'source." in str(caught.value)
