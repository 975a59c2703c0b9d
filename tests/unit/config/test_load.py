"""Everything that is committed is valid, and defaults are filled in."""

import pytest
from factories.configuration import CONFIG, edit

from elemflow.config.load import load
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.errors import ConfigError


def test_every_committed_file_is_valid(root):
    studies = [path.stem for path in (root / "config/studies").glob("*.yaml")]
    settings = load({"studies": studies}, root)
    assert sorted(settings.studies) == sorted(studies)
    assert {"kefe", "kebg"} <= set(settings.datasets)


def test_defaults_are_filled_in(root):
    settings = load(CONFIG, root)
    assert settings.datasets["kebg"].written["properties"]["band_gap"]["parse"] == "strict"
    assert settings.protocols["brnet2023"].written["split"]["split_per_member"] is True


def test_every_overlay_fits_the_declarations(root):
    for path in (root / "config/overlays").glob("*.yaml"):
        load(CONFIG | read_yaml(path), root, [path])


def test_a_choice_among_models_reads_their_declarations(project):
    edit(project, "models/ridge.yaml", lambda c: c.update(max_rows=7))
    candidates = load(CONFIG, project).models["best_ml_irnet2019"].candidates
    assert candidates["ridge"].max_rows == 7
    assert candidates["random_forest_grid"].search.grid["max_depth"] == (10, 25)
    assert candidates["ridge"].title == ""


@pytest.mark.parametrize("key", ["parameters", "search.grid"])
def test_a_model_that_the_schema_lets_pass_is_refused_by_file_and_key(project, key):
    change = {"parameters": {1: 2}} if key == "parameters" else {"search": {"method": "grid", "grid": {1: [2]}}}
    with pytest.raises(ConfigError) as caught:
        load(CONFIG | {"overrides": {"models": {"ridge": change}}}, project)
    file = "config/models/ridge.yaml (with overrides.models.ridge of config)"
    assert str(caught.value) == f"{file}: key '{key}.1': the name of this key is no text; write it in quotes"
