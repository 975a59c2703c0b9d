import importlib

import pytest
import yaml

from elemflow.config.kinds import (
    DATA_FIGURES,
    FEATURES,
    FIGURE_INPUTS,
    FIGURES,
    NETWORKS,
    SOURCES,
    TABLE_INPUTS,
    TABLES,
    parts_of,
)
from elemflow.config.yaml_schema import SCHEMAS
from elemflow.core.errors import ConfigError


def schema(name):
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())


def test_schemas_allow_exactly_the_registered_names():
    assert schema("dataset")["properties"]["source"]["properties"]["kind"]["enum"] == list(SOURCES)
    study = schema("study")["properties"]["figures"]["additionalProperties"]["properties"]
    assert study["kind"]["enum"] == [*FIGURES, *DATA_FIGURES]
    assert list(FIGURES) == list(FIGURE_INPUTS)
    tables = schema("study")["properties"]["tables"]["additionalProperties"]["properties"]
    assert tables["kind"]["enum"] == list(TABLES) == list(TABLE_INPUTS)
    spec = schema("model")["$defs"]["network"]["properties"]["spec"]["properties"]
    assert spec["family"]["enum"] == list(NETWORKS)


@pytest.mark.parametrize(
    "module", [*SOURCES.values(), *FEATURES.values(), *FIGURES.values(), *DATA_FIGURES.values(), *TABLES.values()]
)
def test_every_name_has_its_module(module):
    assert importlib.import_module(module)


def test_parts_keep_their_order():
    assert parts_of("ef") == ["ef"]


@pytest.mark.parametrize(
    ("representation", "message"),
    [("eff", "unknown part 'eff'.*Did you mean 'ef'"), ("ef+ef", "'ef' stands twice"), ("", "unknown part ''")],
)
def test_a_wrong_representation_is_refused(representation, message):
    with pytest.raises(ConfigError, match=message):
        parts_of(representation)
