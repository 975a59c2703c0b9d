"""Everything that is committed is valid, and defaults are filled in."""

from factories.configuration import CONFIG, edit

from elemflow.config.load import load
from elemflow.config.yaml_schema import read_yaml


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
