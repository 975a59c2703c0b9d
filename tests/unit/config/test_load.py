import re
import shutil

import pytest
import yaml

from elemflow.config.load import load_plain as load
from elemflow.config.yaml_schema import key_path, merge, read_yaml
from elemflow.core.errors import ConfigError

CONFIG = {"studies": ["brnet2023"]}


def edit(project, file, change):
    path = project / "config" / file
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def refusal(project, config=None, files=()):
    with pytest.raises(ConfigError) as caught:
        load(config or CONFIG, project, files)
    return str(caught.value)


def test_every_committed_file_is_valid(root):
    studies = [path.stem for path in (root / "config/studies").glob("*.yaml")]
    settings = load({"studies": studies}, root)
    assert sorted(settings.studies) == sorted(studies)
    assert {"kefe", "kebg"} <= set(settings.datasets)


def test_defaults_are_filled_in(root):
    settings = load(CONFIG, root)
    assert settings.datasets["kebg"]["properties"]["band_gap"]["parse"] == "strict"
    assert settings.protocols["brnet2023"]["split"]["split_per_member"] is True


def test_unknown_key_names_file_path_and_nearest(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(batchsize=32))
    message = refusal(project)
    assert "config/protocols/brnet2023.yaml" in message
    assert "key 'training': unknown key 'batchsize'" in message
    assert "Did you mean 'batch_size'?" in message


def test_unknown_key_inside_a_source_of_its_kind(project):
    edit(project, "datasets/kefe.yaml", lambda c: c["source"].update(nam="x"))
    message = refusal(project)
    assert "key 'source': unknown key 'nam'" in message
    assert "Did you mean 'name'?" in message


def test_wrong_type_shows_what_was_found(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(batch_size="many"))
    message = refusal(project)
    assert re.search(r"key 'training.batch_size': found \"many\", expected integer", message)


def test_a_number_that_yaml_reads_as_text_is_told_how_to_be_written(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"]["optimizer"].update(learning_rate="1e-3"))
    assert 'found "1e-3", expected number. YAML reads it as text; write 1.0e-03.' in refusal(project)


def test_numbers_of_the_command_line_are_numbers_or_told_how_to_be(project, root):
    assert load(CONFIG | {"scale": {"max_epochs": "3"}, "packing": {"runs": "2"}}, root).packing["runs"] == 2
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(batch_size="16"))
    assert 'found "16", expected integer. Inside mappings of --config it is text' in refusal(project)


def test_value_outside_the_allowed_names(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(loss="maee"))
    message = refusal(project)
    assert "key 'training.loss': found \"maee\". Allowed: mae, mse, huber. Did you mean 'mae'?" in message


def test_missing_key(project):
    edit(project, "datasets/kefe.yaml", lambda c: c.pop("keep"))
    assert "config/datasets/kefe.yaml: top level: the key 'keep' is missing." in refusal(project)


@pytest.mark.parametrize(
    ("file", "place", "key"),
    [("models/brnet.yaml", (), "kind"), ("models/brnet.yaml", ("spec",), "family"),
     ("protocols/brnet2023.yaml", ("split",), "scheme"), ("datasets/kefe.yaml", ("source",), "kind")],
)  # fmt: skip
def test_without_the_key_that_decides_nothing_else_is_told(project, file, place, key):
    def take_away(content):
        for part in place:
            content = content[part]
        del content[key]

    edit(project, file, take_away)
    at = f"key '{'.'.join(place)}'" if place else "top level"
    assert refusal(project) == f"config/{file}: {at}: the key '{key}' is missing."


def test_a_misspelled_key_that_decides_is_found(project):
    edit(project, "datasets/kefe.yaml", lambda c: c["keep"].update(Rule=c["keep"].pop("rule")))
    assert refusal(project) == "config/datasets/kefe.yaml: key 'keep': the key 'rule' is missing. Is it spelled 'Rule'?"


def test_other_mistakes_beside_a_key_that_decides_are_told(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: (c["split"].pop("scheme"), c["training"].update(loss="maee")))
    assert len(refusal(project).splitlines()) == 2


def test_a_number_of_trees_is_a_number(project):
    edit(project, "models/random_forest.yaml", lambda c: c.update(parameters={"n_estimators": "many"}))
    assert "key 'parameters.n_estimators': found \"many\", expected integer" in refusal(project)


def test_several_mistakes_are_told_at_once(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(loss="maee", batch_size=0))
    assert len(refusal(project).splitlines()) == 2


def test_duplicate_id(project):
    (project / "config/datasets/kefe.yml").write_text((project / "config/datasets/kefe.yaml").read_text())
    assert "config/datasets/kefe.yml: the id 'kefe' is already taken by config/datasets/kefe.yaml" in refusal(project)


def test_duplicate_key_in_yaml_names_the_line(project):
    path = project / "config/studies/brnet2023.yaml"
    path.write_text(path.read_text() + "tables: {}\n")
    assert re.search(r"brnet2023\.yaml, line \d+: the key 'tables' stands twice", refusal(project))


def test_duplicate_key_in_a_config_file_is_seen(project):
    path = project / "mine.yaml"
    path.write_text("studies: [brnet2023]\nstudies: [demo]\n")
    assert "mine.yaml, line 2: the key 'studies' stands twice" in refusal(project, CONFIG, [path])


def test_broken_yaml(project):
    (project / "config/models/brnet.yaml").write_text("a: [1,\n")
    assert "brnet.yaml: not valid YAML" in refusal(project)


def test_unknown_study_suggests_the_nearest(project):
    assert "Did you mean 'brnet2023'?" in refusal(project, {"studies": ["brnet2032"]})


def test_unknown_override_suggests_the_nearest(project):
    config = CONFIG | {"overrides": {"datasets": {"kfe": {}}}}
    assert "no file config/datasets/kfe.yaml. Did you mean 'kefe'?" in refusal(project, config)


def test_override_is_merged_and_validated(project):
    config = CONFIG | {"overrides": {"protocols": {"brnet2023": {"split": {"members": 1}}}}}
    split = load(config, project).protocols["brnet2023"]["split"]
    assert (split["members"], split["train"]) == (1, 0.81)
    config["overrides"]["protocols"]["brnet2023"]["split"]["members"] = -1
    assert "overrides.protocols.brnet2023" in refusal(project, config)


def test_changed_kind_replaces_the_whole_source(project):
    config = CONFIG | {"overrides": {"datasets": {"kefe": {"source": {"kind": "table", "path": "a.csv"}}}}}
    source = load(config, project).datasets["kefe"]["source"]
    assert (source["path"], "name" in source) == ("a.csv", False)


def test_table_source_needs_one_place(project):
    config = CONFIG | {"overrides": {"datasets": {"kefe": {"source": {"kind": "table"}}}}}
    assert "give exactly one of the keys path, url" in refusal(project, config)


@pytest.mark.parametrize("separator", ['"', "\n", ";\n", ";;", ""])
def test_a_separator_is_one_character_that_can_separate(project, separator):
    source = {"kind": "table", "path": "a.csv", "separator": separator}
    assert "key 'source.separator': " in refusal(
        project, CONFIG | {"overrides": {"datasets": {"kefe": {"source": source}}}}
    )


def test_filter_of_an_unknown_property(project):
    edit(project, "datasets/kefe.yaml", lambda c: c["filters"][0].update(property="formation_enery"))
    message = refusal(project)
    assert "key 'filters[0].property': no property 'formation_enery'" in message
    assert "Did you mean 'formation_energy'?" in message


def test_shares_must_sum_to_one(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["split"].update(train=0.9))
    assert "key 'split': the shares sum to 1.09, not to 1" in refusal(project)


def test_stopping_on_validation_needs_a_validation_part(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["split"].update(train=0.9, validation=0))
    assert "key 'training.early_stopping.monitor'" in refusal(project)


def test_a_learning_rate_falls_by_what_is_monitored(project):
    def unmonitored(protocol):
        protocol["split"].update(train=0.9, validation=0)
        protocol["training"] |= {"early_stopping": None, "learning_rate_reduction": {"factor": 0.1, "patience": 45}}

    edit(project, "protocols/brnet2023.yaml", unmonitored)
    assert "key 'training.learning_rate_reduction': nothing is monitored" in refusal(project)


def test_two_ways_to_set_the_learning_rate_exclude_each_other(project):
    both = {"schedule": {"warmup": 0.1}, "learning_rate_reduction": {"factor": 0.1, "patience": 45}}
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"].update(both))
    assert "key 'training.schedule': both this and learning_rate_reduction set" in refusal(project)


def test_optimizers_have_their_own_keys(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"]["optimizer"].update(momentum=0.9))
    assert "key 'training.optimizer': unknown key 'momentum'. Allowed: name, learning_rate, epsilon." in refusal(
        project
    )


def test_branches_must_fill_their_stack(project):
    edit(project, "models/brnet.yaml", lambda c: c["spec"]["stacks"][0].update(branches=[2, 1]))
    message = refusal(project)
    assert "config/models/brnet.yaml" in message
    assert "branches" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stacks": [{"width": 0, "layers": 4}]}, "key 'spec.stacks[0].width'"),
        ({"stacks": [{"width": 8, "layers": 4, "branches": [4]}]}, "key 'spec.stacks[0].branches'"),
        ({"stacks": [{"width": 8, "layers": 1, "dropout": 1.0}]}, "key 'spec.stacks[0].dropout'"),
        ({"stacks": []}, "key 'spec.stacks'"),
        ({"order": ["activation", "dense"]}, 'key \'spec.order\': found ["activation", "dense"]. Allowed:'),
        ({"shortcut": "layers"}, "Did you mean 'layer'?"),
        ({"activation": {"name": "rellu"}}, "Did you mean 'relu'?"),
        ({"initialization": {"kernel_scale": 0}}, "key 'spec.initialization.kernel_scale'"),
    ],
)
def test_wrong_network(project, change, message):
    edit(project, "models/brnet.yaml", lambda c: c["spec"].update(change))
    shown = refusal(project)
    assert "config/models/brnet.yaml" in shown
    assert message in shown


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        ("rnn", {"max_elements": 0}, "key 'spec.max_elements': 0 is less than the minimum of 2"),
        ("cnn", {"stacks": []}, "key 'spec': unknown key 'stacks'. Allowed: family, filters, kernel_size, widths, activation."),
        ("fcunet", {"width": [8]}, "key 'spec': unknown key 'width'. Allowed: family, widths, width_factor, by_training_size, activation, batch_norm. Did you mean 'widths'?"),
        ("fcmnr", {"family": "merge_and_ran"}, "key 'spec.family': found \"merge_and_ran\". Allowed: dense, "),
        ("irnet17", {"projection": "none"}, "spec.stacks[1].width: the shortcut would lead from width 1024 to 512"),
    ],
)  # fmt: skip
def test_every_family_has_its_own_keys(project, model, change, message):
    edit(project, f"models/{model}.yaml", lambda c: c["spec"].update(change))
    shown = refusal(project)
    assert f"config/models/{model}.yaml" in shown
    assert message in shown


def test_a_model_is_laid_over_the_one_it_extends(project):
    edit(project, "models/irnet17.yaml", lambda c: c.update(published={"model": "irnet", "depth": 17}))
    (project / "config/models/a.yaml").write_text("{title: A, extends: b, spec: {activation: {name: elu}}}")
    (project / "config/models/b.yaml").write_text("{title: B, extends: irnet17, spec: {shortcut: stack}}")
    config = CONFIG | {"overrides": {"models": {"irnet17": {"spec": {"batch_norm": {"momentum": 0.5}}}}}}
    model, base = (load(config, project).models[name] for name in ("a", "irnet17"))
    assert model == {
        "title": "A",
        "kind": "network",
        "spec": base["spec"] | {"activation": {"name": "elu"}, "shortcut": "stack"},
    }
    assert model["spec"]["batch_norm"]["momentum"] == 0.5


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("{element: mg, train_fraction: 0}", "key 'split.hold_out.element': 'mg' is not the symbol of an element."),
        (
            "{element: Mg, train_fraction: 0.9}",
            "key 'split.hold_out.train_fraction': 0.9 in the training set and 0.2 tested are more",
        ),
        ("{element: Mg}", "key 'split.hold_out': the key 'train_fraction' is missing."),
    ],
)
def test_a_wrong_hold_out_is_refused(project, declared, message):
    text = f"{{title: A, extends: brnet2023, split: {{hold_out: {declared}}}}}"
    (project / "config/protocols/a.yaml").write_text(text)
    assert f"config/protocols/a.yaml (extends brnet2023): {message}" in refusal(project)


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


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        ("random_forest", {"estimator": "random_forst"}, "key 'estimator': no estimator 'random_forst'"),
        ("automl", {"estimators": ["ridge", "lightgmb"]}, "key 'estimators': no estimator 'lightgmb'"),
        ("automl", {"estimators": ["catboost"]}, "key 'estimators': engine optuna does not search 'catboost'"),
        ("random_forest", {"parameters": {"max_deph": 3}}, "key 'parameters.max_deph': random_forest has no such"),
        ("ridge", {"search": {"method": "grid", "grid": {"alhpa": [1]}}}, "key 'search.grid.alhpa': ridge has no such"),
        ("best_ml_irnet2019", {"models": ["ridge", "brnet"]}, "key 'models': no model of kind estimator 'brnet'"),
    ],
)
def test_unknown_estimator(project, model, change, message):
    edit(project, f"models/{model}.yaml", lambda c: c.update(change))
    assert f"config/models/{model}.yaml: {message}" in refusal(project)


def test_a_choice_among_models_reads_their_declarations(project):
    edit(project, "models/ridge.yaml", lambda c: c.update(max_rows=7))
    candidates = load(CONFIG, project).models["best_ml_irnet2019"]["candidates"]
    assert candidates["ridge"]["max_rows"] == 7
    assert candidates["random_forest_grid"]["search"]["grid"]["max_depth"] == [10, 25]
    assert "title" not in candidates["ridge"]


def test_a_protocol_is_laid_over_the_one_it_extends(project):
    (project / "config/protocols/a.yaml").write_text("{title: A, extends: demo, training: {batch_size: 77}}")
    protocols = load(CONFIG, project).protocols
    base = protocols["demo"]
    assert protocols["a"] == base | {"title": "A", "training": base["training"] | {"batch_size": 77}}
    (project / "config/protocols/a.yaml").write_text("{title: A, extends: dmo}")
    assert "config/protocols/a.yaml: key 'extends': no protocol 'dmo'. Did you mean 'demo'?" in refusal(project)


def test_divisions_need_members_that_share_them(project):
    edit(project, "protocols/demo.yaml", lambda c: c["split"].update(splits=3))
    assert "key 'split.splits': under `split_per_member: true` every member has its own split" in refusal(project)


def test_scaling_of_an_unknown_part(project):
    edit(project, "protocols/demo.yaml", lambda c: c.update(scaling={"ef": "standard", "pq": "none"}))
    assert "key 'scaling.pq': no such part. Known: ef, pa" in refusal(project)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": [{"kind": "elements", "allowed": ["FE", "O"]}]}, "key 'filters[0].allowed': 'FE' is not the symbol of an element. Did you mean 'Fe'?"),
        ({"properties": {"composition": {"column": "gap", "unit": "eV", "title": "Gap"}}}, "key 'properties.composition': materials have a column of that name"),
        ({"properties": {"code": {"column": "gap", "unit": "eV", "title": "Gap"}}}, "key 'properties.code': materials have a column of that name"),
    ],
)  # fmt: skip
def test_names_of_a_dataset_are_elements_and_are_free(project, change, message):
    assert message in refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": change}}})


def test_a_key_is_a_text(tmp_path):
    (tmp_path / "a.yaml").write_text("base: &b {x: 1}\nown: {<<: *b, y: 2}\n2020: {z: 3}")
    with pytest.raises(ConfigError, match=r"a\.yaml, line 3: the key 2020 is read as no text; write it in quotes"):
        read_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("base: &b {x: 1}\nown: {<<: *b, y: 2}")
    assert read_yaml(tmp_path / "a.yaml")["own"] == {"x": 1, "y": 2}


def test_nothing_is_called_all(project):
    (project / "config/studies/all.yaml").write_text("title: All")
    assert "config/studies/all.yaml: 'all' is the name of the overview" in refusal(project)


def test_words_of_the_command_line_are_read_as_yaml_reads_them(root):
    settings = load(CONFIG | {"keep_failed": "true", "data_folder": "null", "mirror": "null"}, root)
    assert settings.keep_failed is True
    assert settings.data_folder == load(CONFIG, root).data_folder


def test_empty_file_reads_as_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("")
    assert read_yaml(tmp_path / "a.yaml") == {}


def test_merge_leaves_its_arguments_alone():
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}


def test_merge_keeps_one_of_two_keys_that_exclude_each_other():
    assert merge({"computed": "density", "unit": "g/cm³"}, {"column": "rho"}) == {"unit": "g/cm³", "column": "rho"}
    assert merge({"kind": "table", "url": "http://a"}, {"path": "a.csv"}) == {"kind": "table", "path": "a.csv"}


def test_missing_properties_are_set_aside_with_their_reason(project):
    edit(
        project,
        "datasets/kebg.yaml",
        lambda c: c["properties"].update(hull={"column": "h", "unit": "eV", "title": "Hull"}),
    )
    edit(project, "datasets/kebg.yaml", lambda c: c.update(missing_properties={"hull": "not in the copy"}))
    dataset = load(CONFIG, project).datasets["kebg"]
    assert list(dataset["properties"]) == ["band_gap"]
    assert dataset["missing_properties"]["hull"]["reason"] == "not in the copy"
    assert dataset["missing_properties"]["hull"]["title"] == "Hull"


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
    assert dataset["properties"] == {}
    assert dataset["read_from"]["band_gap"]["dataset"] == "kefe"
    assert dataset["read_from"]["band_gap"]["title"]


@pytest.mark.parametrize(
    ("name", "origin", "message"),
    [
        ("band_gip", ("kefe", "formation_energy"), "key 'read_from.band_gip': no property 'band_gip' in this dataset"),
        ("band_gap", ("kef", "formation_energy"), "key 'read_from.band_gap.dataset': no file config/datasets/kef.yaml. Did"),
        ("band_gap", ("kefe", "energy"), "key 'read_from.band_gap.property': dataset 'kefe' has no property 'energy'"),
        ("band_gap", ("kefe", "formation_energy"), "'formation_energy' of dataset 'kefe' is in eV/atom, this property in eV"),
        ("band_gap", ("kebg", "band_gap"), "dataset 'kebg' has no property 'band_gap'"),
    ],
)  # fmt: skip
def test_a_property_of_another_dataset_must_be_there(project, name, origin, message):
    elsewhere = {name: dict(zip(("dataset", "property"), origin, strict=True))}
    edit(project, "datasets/kebg.yaml", lambda c: c.update(read_from=elsewhere))
    assert message in refusal(project)


def test_every_overlay_fits_the_declarations(root):
    for path in (root / "config/overlays").glob("*.yaml"):
        load(CONFIG | read_yaml(path), root, [path])


def test_key_path():
    assert key_path(["tables", "t5", "rows", 0, "dataset"]) == "tables.t5.rows[0].dataset"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"properties": {"volume": {"computed": "volume", "unit": "A", "title": "V"}}},
            "'properties.volume.computed': needs",
        ),
        ({"keep": {"rule": "structures", "property": "band_gap"}}, "'keep.rule': needs the structures"),
        (
            {
                "columns": {"structure_type": "group"},
                "keep": {"rule": "structures", "property": "band_gap", "volume": "v"},
            },
            "'keep.volume': no property 'v'",
        ),
        ({"columns": {"structure": {"column": "cif", "format": "xyz"}}}, "Allowed: pymatgen, jarvis, cif."),
        (
            {"properties": {"band_gap": {"column": "v", "computed": "volume"}}},
            "give exactly one of the keys column, computed",
        ),
        ({"keep": {"rule": "first", "property": "band_gap"}}, "unknown key 'property'"),
    ],
)
def test_structures_are_declared_where_they_are_needed(project, change, message):
    assert message in refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": change}}})


def test_structures_may_be_declared(project):
    change = {
        "columns": {"structure": {"column": "cif", "format": "cif"}},
        "properties": {"volume": {"computed": "volume_per_atom", "unit": "Å³/atom", "title": "Volume"}},
        "keep": {"rule": "structures", "property": "band_gap"},
    }
    dataset = load(CONFIG | {"overrides": {"datasets": {"kebg": change}}}, project).datasets["kebg"]
    assert dataset["keep"] == {"rule": "structures", "property": "band_gap", "volume": None}
    assert dataset["columns"]["structure_type"] is None


ENSEMBLE = {
    "split": {"members": 5, "split_per_member": False},
    "ensemble": "mean",
    "uncertainty": True,
    "report": "ensemble",
}
ROW_FOLDS = {"scheme": "k_fold_rows", "folds": 5, "seed": 18012019, "rows": 4604, "members_per_fold": 5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ENSEMBLE, None),
        (ENSEMBLE | {"split": ROW_FOLDS | {"validation": 0.1}}, None),
        (ENSEMBLE | {"split": ROW_FOLDS}, "key 'uncertainty': intervals are calibrated on validation rows"),
        (ENSEMBLE | {"split": {"members": 1, "split_per_member": False}}, "key 'ensemble': needs several members of one split"),
        (ENSEMBLE | {"split": {"members": 5}}, "key 'ensemble': needs several members of one split"),
        ({"split": {"members": 1}, "uncertainty": True}, "key 'uncertainty': needs several members of one split"),
        ({"split": ENSEMBLE["split"], "uncertainty": True}, "key 'uncertainty': needs the key 'ensemble'"),
        ({"report": "ensemble"}, "key 'report': needs the key 'ensemble'"),
        ({"target_scaling": {"center": "middle"}}, "key 'target_scaling.center': found \"middle\". Allowed: none, mean, median."),
        ({"scaling": {"pa": "unit_row"}}, "Did you mean 'unit_rows'?"),
        ({"split": {"scheme": "file"}}, "key 'split': the key 'path' is missing."),
    ],
)  # fmt: skip
def test_a_protocol_is_whole(project, change, message):
    stopping = {"training": {"early_stopping": None}}
    config = CONFIG | {"overrides": {"protocols": {"brnet2023": stopping | change}}}
    if message:
        assert message in refusal(project, config)
    else:
        assert load(config, project).protocols["brnet2023"]["uncertainty"] is True


def test_ensemble_none_takes_away_what_a_protocol_extends(project):
    folder = project / "config" / "protocols"
    base = folder / "brnet2023.yaml"
    base.write_text(base.read_text() + "ensemble: mean\n")
    alone = {"title": "alone", "extends": "brnet2023", "split": {"members": 1}, "ensemble": "none"}
    (folder / "alone.yaml").write_text(yaml.safe_dump(alone))
    shared = {"split": {"members": 5, "split_per_member": False}}
    protocols = load(CONFIG | {"overrides": {"protocols": {"brnet2023": shared}}}, project).protocols
    assert protocols["brnet2023"]["ensemble"] == "mean"
    assert "ensemble" not in protocols["alone"]


@pytest.mark.parametrize("name", ["band_gap", "entry_id"])
def test_a_split_column_must_not_hide_another(project, name):
    change = {"columns": {"splits": [name]}}
    message = refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": change}}})
    assert f"key 'columns.splits': the name '{name}' is taken by" in message


def test_a_dataset_may_extend_another(project):
    (project / "config/datasets/a.yaml").write_text("{title: A, extends: kefe, keep: {rule: first}}")
    datasets = load(CONFIG, project).datasets
    base = datasets["kefe"]
    assert datasets["a"] == base | {"title": "A", "keep": {"rule": "first"}, "published_size": {}}


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("protocols/brnet2023.yaml", lambda c: c["split"].update(seed=1.0), "key 'split.seed': found 1.0, expected integer"),
        ("protocols/brnet2023.yaml", lambda c: c["training"].update(batch_size=8.0), "found 8.0, expected integer"),
        ("protocols/brnet2023.yaml", lambda c: c["training"]["optimizer"].update(learning_rate=float("nan")), "found NaN, expected number"),
        ("datasets/kebg.yaml", lambda c: c["properties"]["band_gap"].update(minimum=float("inf")), "found Infinity, expected number"),
    ],
)  # fmt: skip
def test_numbers_are_finite_and_integers_are_integers(project, file, change, message):
    edit(project, file, change)
    assert message in refusal(project)


def test_ids_are_ascii(project):
    shutil.copy(project / "config/datasets/kefe.yaml", project / "config/datasets/lücke.yaml")
    assert "use lower-case letters, digits and _ only" in refusal(project)
