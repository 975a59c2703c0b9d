"""Files, overrides, `extends` and shorthands."""

import shutil

import pytest
import yaml
from factories.configuration import CONFIG, edit, refusal

from elemflow.config.load import load


def test_numbers_of_the_command_line_are_numbers_or_told_how_to_be(project, root):
    assert load(CONFIG | {"scale": {"max_epochs": "3"}, "packing": {"runs": "2"}}, root).packing.runs == 2
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(batch_size="16"))
    assert 'found "16", expected integer. Inside mappings of --config it is text' in refusal(project)


def test_duplicate_id(project):
    (project / "config/datasets/kefe.yml").write_text((project / "config/datasets/kefe.yaml").read_text())
    assert "config/datasets/kefe.yml: the id 'kefe' is already taken by config/datasets/kefe.yaml" in refusal(project)


def test_duplicate_key_in_a_config_file_is_seen(project):
    path = project / "mine.yaml"
    path.write_text("studies: [brnet2023]\nstudies: [demo]\n")
    assert "mine.yaml, line 2: the key 'studies' stands twice" in refusal(project, CONFIG, [path])


def test_unknown_study_suggests_the_nearest(project):
    assert "Did you mean 'brnet2023'?" in refusal(project, {"studies": ["brnet2032"]})


def test_unknown_override_suggests_the_nearest(project):
    config = CONFIG | {"overrides": {"datasets": {"kfe": {}}}}
    assert "no file config/datasets/kfe.yaml. Did you mean 'kefe'?" in refusal(project, config)


def test_override_is_merged_and_validated(project):
    config = CONFIG | {"overrides": {"protocols": {"brnet2023": {"split": {"members": 1}}}}}
    split = load(config, project).protocols["brnet2023"].split
    assert (split.n_members, split.train) == (1, 0.81)
    config["overrides"]["protocols"]["brnet2023"]["split"]["members"] = -1
    assert "overrides.protocols.brnet2023" in refusal(project, config)


def test_changed_kind_replaces_the_whole_source(project):
    config = CONFIG | {"overrides": {"datasets": {"kefe": {"source": {"kind": "table", "path": "a.csv"}}}}}
    source = load(config, project).datasets["kefe"].source.options
    assert (source["path"], "name" in source) == ("a.csv", False)


def test_a_model_is_laid_over_the_one_it_extends(project):
    edit(project, "models/irnet17.yaml", lambda c: c.update(published={"model": "irnet", "depth": 17}))
    (project / "config/models/a.yaml").write_text("{title: A, extends: b, spec: {activation: {name: elu}}}")
    (project / "config/models/b.yaml").write_text("{title: B, extends: irnet17, spec: {shortcut: stack}}")
    config = CONFIG | {"overrides": {"models": {"irnet17": {"spec": {"batch_norm": {"momentum": 0.5}}}}}}
    model, base = (load(config, project).models[name].written for name in ("a", "irnet17"))
    assert model == {
        "title": "A",
        "kind": "network",
        "spec": base["spec"] | {"activation": {"name": "elu"}, "shortcut": "stack"},
    }
    assert model["spec"]["batch_norm"]["momentum"] == 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{title: A, extends: brnt}", "config/models/a.yaml: key 'extends': no model 'brnt'. Did you mean 'brnet'?"),
        ("{title: A, extends: a}", "config/models/a.yaml: key 'extends': a circle, a → a."),
        ("{extends: brnet}", "config/models/a.yaml (extends brnet): top level: the key 'title' is missing."),
        (
            "{title: A, extends: brnet, spec: {family: unet}}",
            "(extends brnet): key 'spec': the key 'widths' is missing.",
        ),
    ],
)
def test_a_wrong_extension(project, content, message):
    (project / "config/models/a.yaml").write_text(content)
    assert message in refusal(project)


def test_a_protocol_is_laid_over_the_one_it_extends(project):
    (project / "config/protocols/a.yaml").write_text("{title: A, extends: demo, training: {batch_size: 77}}")
    protocols = load(CONFIG, project).protocols
    base = protocols["demo"].written
    assert protocols["a"].written == base | {"title": "A", "training": base["training"] | {"batch_size": 77}}
    (project / "config/protocols/a.yaml").write_text("{title: A, extends: dmo}")
    assert "config/protocols/a.yaml: key 'extends': no protocol 'dmo'. Did you mean 'demo'?" in refusal(project)


def test_nothing_is_called_all(project):
    (project / "config/studies/all.yaml").write_text("title: All")
    assert "config/studies/all.yaml: 'all' is the name of the overview" in refusal(project)


def test_words_of_the_command_line_are_read_as_yaml_reads_them(root):
    settings = load(CONFIG | {"keep_failed": "true", "data_folder": "null", "mirror": "null"}, root)
    assert settings.keep_failed is True
    assert settings.data_folder == load(CONFIG, root).data_folder


def test_missing_properties_are_set_aside_with_their_reason(project):
    edit(
        project,
        "datasets/kebg.yaml",
        lambda c: c["properties"].update(hull={"column": "h", "unit": "eV", "title": "Hull"}),
    )
    edit(project, "datasets/kebg.yaml", lambda c: c.update(missing_properties={"hull": "not in the copy"}))
    dataset = load(CONFIG, project).datasets["kebg"]
    assert list(dataset.properties) == ["band_gap"]
    assert dataset.missing_properties["hull"].reason == "not in the copy"
    assert dataset.missing_properties["hull"].title == "Hull"


def test_a_missing_property_must_be_declared(project):
    edit(project, "datasets/kebg.yaml", lambda c: c.update(missing_properties={"band_gip": "not in the copy"}))
    message = refusal(project)
    assert "config/datasets/kebg.yaml: key 'missing_properties.band_gip': no property 'band_gip'" in message
    assert "Did you mean 'band_gap'?" in message


def test_properties_of_another_dataset_are_set_aside(project):
    elsewhere = {"band_gap": {"dataset": "kefe", "property": "formation_energy"}}
    edit(
        project,
        "datasets/kebg.yaml",
        lambda c: (c.update(read_from=elsewhere), c["properties"]["band_gap"].update(unit="eV/atom")),
    )
    dataset = load(CONFIG, project).datasets["kebg"]
    assert dataset.properties == {}
    assert dataset.read_from["band_gap"].dataset == "kefe"
    assert dataset.read_from["band_gap"].title


def test_ensemble_none_takes_away_what_a_protocol_extends(project):
    folder = project / "config" / "protocols"
    base = folder / "brnet2023.yaml"
    base.write_text(base.read_text() + "ensemble: mean\n")
    alone = {"title": "alone", "extends": "brnet2023", "split": {"members": 1}, "ensemble": "none"}
    (folder / "alone.yaml").write_text(yaml.safe_dump(alone))
    shared = {"split": {"members": 5, "split_per_member": False}}
    protocols = load(CONFIG | {"overrides": {"protocols": {"brnet2023": shared}}}, project).protocols
    assert protocols["brnet2023"].ensemble == "mean"
    assert protocols["alone"].ensemble is None
    assert "ensemble" not in protocols["alone"].written


def test_a_dataset_may_extend_another(project):
    (project / "config/datasets/a.yaml").write_text("{title: A, extends: kefe, keep: {rule: first}}")
    datasets = load(CONFIG, project).datasets
    base = datasets["kefe"].written
    assert datasets["a"].written == base | {"title": "A", "keep": {"rule": "first"}, "published_size": {}}


def test_ids_are_ascii(project):
    shutil.copy(project / "config/datasets/kefe.yaml", project / "config/datasets/lücke.yaml")
    assert "use lower-case letters, digits and _ only" in refusal(project)
