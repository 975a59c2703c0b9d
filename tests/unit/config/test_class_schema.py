"""Schemas of sections that classes declare."""

from elemflow.config.class_schema import add_models, network_section, source_section, split_section
from elemflow.config.kinds import SOURCES
from elemflow.config.yaml_schema import read_schema


def variant(section, key, name):
    [found] = [each["then"] for each in section["allOf"] if name in each["if"]["properties"][key]["enum"]]
    return found


def test_kinds_with_the_same_keys_share_a_variant():
    section = network_section()
    assert variant(section, "family", "unet") is variant(section, "family", "concatenated")
    assert variant(section, "family", "dense")["required"] == ["stacks", "order", "activation", "shortcut"]


def test_a_default_that_is_not_written_has_no_default():
    properties = variant(network_section(), "family", "dense")["properties"]
    assert "default" not in properties["by_training_size"]
    assert properties["width_factor"]["default"] == 1


def test_a_source_may_have_null_where_that_is_the_default():
    section = source_section()
    assert section["properties"]["kind"]["enum"] == list(SOURCES)
    table = variant(section, "kind", "table")
    assert table["properties"]["sha256"] | {"description": ""} == {
        "description": "", "type": ["string", "null"], "pattern": "^[0-9a-f]{64}$", "default": None,
    }  # fmt: skip
    assert None in table["properties"]["format"]["enum"]
    assert "default" not in table["properties"]["path"]


def test_a_split_that_only_the_plan_derives_cannot_be_declared():
    assert "pretraining" not in split_section()["properties"]["scheme"]["enum"]


def test_a_fitter_with_options_adds_a_kind_of_model(monkeypatch, tmp_path):
    folder = tmp_path / "training/fitters"
    folder.mkdir(parents=True)
    (folder / "average.py").write_text(
        "import absent\nfrom pydantic import Field\nfrom elemflow.config.model import ModelOptions\n\n\n"
        "class Options(ModelOptions):\n    names: tuple[str, ...] = Field(min_length=2)\n\n\nFITTER = None\n"
    )
    schema = read_schema("model")
    monkeypatch.setattr("elemflow.config.class_schema.PACKAGE", tmp_path)
    monkeypatch.setattr("elemflow.config.class_schema.FITTERS", {"average": "elemflow.training.fitters.average"})
    add_models(schema)
    assert schema["properties"]["kind"]["enum"][-1] == "average"
    added = schema["allOf"][-1]["then"]
    assert added["required"] == ["names"]
    assert {"title", "kind", "names"} <= added["properties"].keys()
