import importlib

import pytest

from elemflow.config.kinds import (
    DATA_FIGURES,
    FEATURES,
    FIGURE_KINDS,
    FIGURE_MODULES,
    FIGURES,
    FITTERS,
    SOURCES,
    TABLE_KINDS,
    TABLES,
    FigureKind,
    PartText,
    parts_of,
    read_kinds,
    read_modules,
    read_parts,
)
from elemflow.config.yaml_schema import read_schema
from elemflow.core.errors import ConfigError
from elemflow.networks.families.registry import network_families


def test_schemas_allow_exactly_the_registered_names():
    assert read_schema("dataset")["properties"]["source"]["properties"]["kind"]["enum"] == list(SOURCES)
    study = read_schema("study")["properties"]["figures"]["additionalProperties"]["properties"]
    assert set(study["kind"]["enum"]) == {*FIGURES, *DATA_FIGURES} == set(FIGURE_KINDS)
    tables = read_schema("study")["properties"]["tables"]["additionalProperties"]["properties"]
    assert tables["kind"]["enum"] == list(TABLE_KINDS)
    model = read_schema("model")
    assert set(model["properties"]["kind"]["enum"]) == set(FITTERS)
    spec = model["$defs"]["network"]["properties"]["spec"]["properties"]
    assert spec["family"]["enum"] == list(network_families())


@pytest.mark.parametrize(
    "module",
    [
        *SOURCES.values(),
        *FEATURES.values(),
        *FITTERS.values(),
        *FIGURES.values(),
        *DATA_FIGURES.values(),
        *TABLES.values(),
    ],
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


def write_kind(package, text, name="residuals"):
    folder = package / "reporting/figures/kinds"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / f"{name}.py").write_text(f"import matplotlib\n{text}\nEXPLANATION = ('x')\n")
    return package


@pytest.mark.parametrize(
    "text",
    [
        'KIND = FigureKind(description="D", inputs=("a.csv",))',
        'KIND = FigureKind(\n    description="D",\n    inputs=("a.csv",),\n)',
    ],
)
def test_a_kind_is_read_without_importing_its_module(tmp_path, text):
    package = write_kind(tmp_path, text)
    assert read_kinds(FIGURE_MODULES, FigureKind, package) == {"residuals": FigureKind("D", ("a.csv",))}


@pytest.mark.parametrize(
    "text", ["", "KIND = FigureKind(description=D)", 'KIND = FigureKind(text="D")', 'KIND = TableKind(description="D")']
)
def test_a_kind_that_cannot_be_read_is_named(tmp_path, text):
    with pytest.raises(ConfigError, match=r"residuals\.py: .*KIND = FigureKind"):
        read_kinds(FIGURE_MODULES, FigureKind, write_kind(tmp_path, text))


def test_the_declaration_of_a_module_is_what_was_read():
    for name, kind in {**FIGURE_KINDS, **TABLE_KINDS}.items():
        assert kind == importlib.import_module(({**FIGURES, **DATA_FIGURES, **TABLES})[name]).KIND


def test_a_part_is_read_without_importing_its_module(tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features/radii.py").write_text('import absent\n\nPART = "ra"\nSCALING = "standard"\n')
    (tmp_path / "features/store.py").write_text('import absent\n\nSCALING = "none"\n')
    assert read_parts(tmp_path) == {"ra": PartText("elemflow.features.radii", "standard")}


def test_modules_are_found_by_a_statement(tmp_path):
    (tmp_path / "training/fitters").mkdir(parents=True)
    (tmp_path / "training/fitters/common.py").write_text("import absent\n")
    (tmp_path / "training/fitters/average.py").write_text("import absent\n\nFITTER = None\n")
    found = read_modules("training/fitters", "\nFITTER = ", tmp_path)
    assert found == {"average": "elemflow.training.fitters.average"}
