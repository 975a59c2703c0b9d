"""Mistakes in one file, named by file and key."""

import re

import pytest
import yaml
from factories.configuration import CONFIG, edit, refusal

from elemflow.config.yaml_schema import key_path, merge, read_yaml
from elemflow.core.errors import ConfigError


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


def test_duplicate_key_in_yaml_names_the_line(project):
    path = project / "config/studies/brnet2023.yaml"
    path.write_text(path.read_text() + "tables: {}\n")
    assert re.search(r"brnet2023\.yaml, line \d+: the key 'tables' stands twice", refusal(project))


def test_broken_yaml(project):
    (project / "config/models/brnet.yaml").write_text("a: [1,\n")
    assert "brnet.yaml: not valid YAML" in refusal(project)


def test_table_source_needs_one_place(project):
    config = CONFIG | {"overrides": {"datasets": {"kefe": {"source": {"kind": "table"}}}}}
    assert "give exactly one of the keys path, url" in refusal(project, config)


@pytest.mark.parametrize("separator", ['"', "\n", ";\n", ";;", ""])
def test_a_separator_is_one_character_that_can_separate(project, separator):
    source = {"kind": "table", "path": "a.csv", "separator": separator}
    assert "key 'source.separator': " in refusal(
        project, CONFIG | {"overrides": {"datasets": {"kefe": {"source": source}}}}
    )


def test_optimizers_have_their_own_keys(project):
    edit(project, "protocols/brnet2023.yaml", lambda c: c["training"]["optimizer"].update(momentum=0.9))
    assert "key 'training.optimizer': unknown key 'momentum'. Allowed: name, learning_rate, epsilon." in refusal(
        project
    )


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
        ("fcunet", {"width": [8]}, "key 'spec': unknown key 'width'. Allowed: family, widths, activation, batch_norm, width_factor, by_training_size. Did you mean 'widths'?"),
        ("fcmnr", {"family": "merge_and_ran"}, "key 'spec.family': found \"merge_and_ran\". Allowed: concatenated, "),
        ("irnet17", {"projection": "none"}, "spec.stacks[1].width: the shortcut would lead from width 1024 to 512"),
    ],
)  # fmt: skip
def test_every_family_has_its_own_keys(project, model, change, message):
    edit(project, f"models/{model}.yaml", lambda c: c["spec"].update(change))
    shown = refusal(project)
    assert f"config/models/{model}.yaml" in shown
    assert message in shown


def test_a_key_is_a_text(tmp_path):
    (tmp_path / "a.yaml").write_text("base: &b {x: 1}\nown: {<<: *b, y: 2}\n2020: {z: 3}")
    with pytest.raises(ConfigError, match=r"a\.yaml, line 3: the key 2020 is read as no text; write it in quotes"):
        read_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("base: &b {x: 1}\nown: {<<: *b, y: 2}")
    assert read_yaml(tmp_path / "a.yaml")["own"] == {"x": 1, "y": 2}


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


def test_key_path():
    assert key_path(["tables", "t5", "rows", 0, "dataset"]) == "tables.t5.rows[0].dataset"


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


@pytest.mark.parametrize(
    "text",
    ["a: !!float abc", "a: !!int abc", "a: !!bool maybe", f"a: {'9' * 5000}", "a: &r [*r]", "a: &r {b: *r}",
     "a: " + "[" * 100_000, "a: " + "{a: " * 500 + "1" + "}" * 500, "- " * 3000 + "1", 'a: "\\ud800"', "a: \x00"],
)  # fmt: skip
def test_hostile_yaml_is_one_message_with_the_file(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        read_yaml(tmp_path / "a.yaml")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        read_yaml(tmp_path / "a.yaml")


def test_many_brackets_that_do_not_nest_are_read(tmp_path):
    (tmp_path / "a.yaml").write_text(f"a: '{'[' * 500}'\n{' ' * 300}\nb: 1\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": "[" * 500, "b": 1}
    shared = "\n".join(["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))])
    (tmp_path / "a.yaml").write_text(shared)
    assert len(read_yaml(tmp_path / "a.yaml")) == 60


def test_a_date_is_a_text(tmp_path):
    (tmp_path / "a.yaml").write_text("version: 2021-02-30\nother: 2021-02-03 10:00:00\n")
    assert read_yaml(tmp_path / "a.yaml") == {"version": "2021-02-30", "other": "2021-02-03 10:00:00"}


@pytest.mark.parametrize(
    ("written", "file", "message"),
    [
        ("title: No", "datasets/kebg.yaml", "key 'title': found false, expected string. YAML reads yes, no, on"),
        ("version: 2021", "datasets/kebg.yaml", "key 'version': found 2021, expected string. YAML reads it as a number; write the text in quotes"),
        ("report: on", "protocols/demo.yaml", "key 'report': found true. Allowed: mean, best_on_test, ensemble. YAML reads yes, no, on"),
        ("training: {batch_size: 1e3}", "protocols/demo.yaml", "key 'training.batch_size': found \"1e3\", expected integer. YAML reads it as text; write 1000."),
        ("training: {optimizer: {learning_rate: 25e-5}}", "protocols/demo.yaml", "YAML reads it as text; write 2.5e-04."),
    ],
)  # fmt: skip
def test_what_yaml_reads_otherwise_is_told_how_to_be_written(project, written, file, message):
    edit(project, file, lambda content: content.update(merge(content, yaml.safe_load(written))))
    assert message in refusal(project, {"studies": ["demo"]})
