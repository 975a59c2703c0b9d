"""Keys of one declaration that do not fit each other, or other declarations."""

from pathlib import Path

import pytest
from factories.configuration import CONFIG, DATASET, edit, make_protocol, refusal

from elemflow.config.checks import check_datasets, check_nested, check_order
from elemflow.config.dataset import Dataset
from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.networks.spec import SizeDependentWidth


def test_filter_of_an_unknown_property(project):
    edit(project, "datasets/kefe.yaml", lambda c: c["filters"][0].update(property="formation_enery"))
    message = refusal(project)
    assert "key 'filters[0].property': no property 'formation_enery'" in message
    assert "Did you mean 'formation_energy'?" in message


def test_two_equal_columns_are_refused(project):
    def double(study):
        table = next(iter(study["tables"].values()))
        table["columns"].append(dict(table["columns"][0]))

    edit(project, "studies/brnet2023.yaml", double)
    message = refusal(project)
    assert "config/studies/brnet2023.yaml" in message
    assert "columns" in message


def test_an_empty_unit_is_refused(project):
    edit(project, "datasets/kefe.yaml", lambda c: c["properties"]["formation_energy"].update(unit=""))
    assert "key 'properties.formation_energy.unit'" in refusal(project)


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


def test_branches_must_fill_their_stack(project):
    edit(project, "models/brnet.yaml", lambda c: c["spec"]["stacks"][0].update(branches=[2, 1]))
    message = refusal(project)
    assert "config/models/brnet.yaml" in message
    assert "branches" in message


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
    ("split", "allowed"),
    [
        ({"scheme": "k_fold", "folds": 5}, True),
        ({"scheme": "k_fold_validation", "folds": 5, "test": 0.1}, True),
        ({"scheme": "k_fold_pairs", "folds": 5}, False),
        ({"scheme": "leave_systems_out", "folds": 5}, False),
        ({"scheme": "leave_elements_out", "elements": ["Li"]}, False),
        ({"scheme": "named_systems", "systems": ["Mg-O"]}, False),
        ({"scheme": "highest_values"}, False),
    ],
    ids=lambda value: value["scheme"] if isinstance(value, dict) else "",
)
def test_no_element_is_held_out_where_related_materials_leave_training_together(project, split, allowed):
    whole = split | {"seed": 1, "hold_out": {"element": "Mg", "train_fraction": 0.5}}
    edit(project, "protocols/brnet2023.yaml", lambda c: c.update(split=whole))
    if allowed:
        load(CONFIG, project)
        return
    expected = f"key 'split.hold_out': the scheme {split['scheme']} keeps from training what is related to the test set"
    assert expected in refusal(project)


def test_nested_runs_hold_no_element_out():
    folds = {"scheme": "k_fold", "folds": 5, "seed": 1}
    pairs = {"b": make_protocol(folds | {"scheme": "k_fold_pairs"})}
    check_nested(make_protocol(folds, nested="b"), "a.yaml", pairs)
    held = make_protocol(folds | {"hold_out": {"element": "Mg", "train_fraction": 0.5}}, nested="b")
    with pytest.raises(ConfigError, match=r"a.yaml: key 'split.hold_out': the nested runs of protocol 'b' would be"):
        check_nested(held, "a.yaml", pairs)


@pytest.mark.parametrize("scheme", ["highest_values", "latest"])
@pytest.mark.parametrize(("validation", "test", "fits"), [(0.5, 0.5, False), (0.7, 0.6, False), (0.5, 0.4, True)])
def test_the_end_of_an_order_must_leave_a_training_set(project, scheme, validation, test, fits):
    column = {"column": "year"} if scheme == "latest" else {}
    split = {"scheme": scheme, "seed": 1, "validation": validation, "test": test} | column
    edit(project, "protocols/brnet2023.yaml", lambda c: c.update(split=split))
    if fits:
        load(CONFIG, project)
        return
    expected = f"brnet2023.yaml: key 'split.validation': {validation} in the validation set and {test} tested leave no"
    assert expected in refusal(project)


@pytest.mark.parametrize(
    ("split", "key", "found"),
    [
        ({"scheme": "leave_elements_out", "elements": ["O", "Fee"]}, "elements", "'Fee' is no element. Did you mean"),
        ({"scheme": "named_systems", "systems": ["Li-Fee-O"]}, "systems", "'Li-Fee-O': 'Fee' is no element. Did you"),
    ],
)
def test_a_misspelled_element_of_a_split_is_refused_by_file_and_key(project, split, key, found):
    edit(project, "protocols/brnet2023.yaml", lambda c: c.update(split=split | {"seed": 1}))
    assert refusal(project).startswith(f"config/protocols/brnet2023.yaml: key 'split.{key}': {found}")


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


def test_divisions_need_members_that_share_them(project):
    edit(project, "protocols/demo.yaml", lambda c: c["split"].update(splits=3))
    assert "key 'split.splits': under `split_per_member: true` every member has its own split" in refusal(project)


def test_scaling_of_an_unknown_part(project):
    edit(project, "protocols/demo.yaml", lambda c: c.update(scaling={"ef": "standard", "pq": "none"}))
    message = refusal(project)
    assert "key 'scaling.pq': no such part" in message
    assert " ef, pa," in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": [{"kind": "elements", "allowed": ["FE", "O"]}]}, "key 'filters[0].allowed': 'FE' is not the symbol of an element. Did you mean 'Fe'?"),
        ({"filters": [{"kind": "range", "property": "band_gap", "minimum": 2, "maximum": 1.5}]}, "key 'filters[0].minimum': 2 is above the maximum, 1.5"),
        ({"properties": {"composition": {"column": "gap", "unit": "eV", "title": "Gap"}}}, "key 'properties.composition': materials have a column of that name"),
        ({"properties": {"code": {"column": "gap", "unit": "eV", "title": "Gap"}}}, "key 'properties.code': materials have a column of that name"),
    ],
)  # fmt: skip
def test_names_of_a_dataset_are_elements_and_are_free(project, change, message):
    assert message in refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": change}}})


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
        (
            {"columns": {"structure": {"column": "cif", "format": "xyz"}}},
            "Allowed: pymatgen, jarvis, cif, poscar, extxyz.",
        ),
        ({"properties": None}, "found null, expected"),
        ({"columns": {"elements": {"Fe": "fe"}}}, "'columns.elements': the formulas have a column already"),
        ({"columns": {"balance": "Fe"}}, "'columns.balance': it is the element among"),
        ({"columns": {"formula": None, "elements": {"fe": "fe"}}}, "'columns.elements': 'fe' is not the symbol"),
        (
            {"columns": {"formula": None, "elements": {"Fe": "fe"}, "balance": "Fe"}},
            "'columns.balance': it is the element among",
        ),
        ({"columns": {"formula": None}}, "'columns.formula': name the column of the formulas"),
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
    assert dataset.written["keep"] == {"rule": "structures", "property": "band_gap", "volume": None}
    assert dataset.columns.structure_type is None


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
        assert load(config, project).protocols["brnet2023"].uncertainty is True


@pytest.mark.parametrize("name", ["band_gap", "entry_id"])
def test_a_split_column_must_not_hide_another(project, name):
    change = {"columns": {"splits": [name]}}
    message = refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": change}}})
    assert f"key 'columns.splits': the name '{name}' is taken by" in message


UNLABELLED = """
title: New compounds
source: {kind: table, path: new.csv}
columns: {formula: formula}
properties: {}
keep: {rule: %s}
"""


def test_a_dataset_may_have_no_properties(project):
    (project / "config/datasets/new.yaml").write_text(UNLABELLED % "all")
    settings = load(CONFIG, project)
    assert settings.datasets["new"].properties == {}
    (project / "config/datasets/new.yaml").write_text(UNLABELLED % "lowest, property: gap")
    assert "new.yaml: key 'keep.property': no property 'gap' in this dataset. Known: none." in refusal(project)


def test_entries_by_training_size_out_of_order_are_refused():
    entries = [SizeDependentWidth(above=above, width_factor=1) for above in (1, 2)]
    check_order(entries, "here")
    with pytest.raises(ConfigError, match="here: found `above` 2, 2"):
        check_order([entries[1], entries[1]], "here")


@pytest.mark.parametrize(
    ("columns", "keep", "reason"),
    [
        ({}, {"rule": "first"}, "the formulas are those of the structures"),
        ({"formula": "f"}, {"rule": "structures", "property": "formation_energy"}, "needs the space group of each"),
    ],
)
def test_structures_that_are_needed_cannot_be_optional(project, columns, keep, reason):
    structure = {"structure": {"column": "cif", "format": "cif", "required": False}}
    edit(project, "datasets/kefe.yaml", lambda c: c.update(columns=columns | structure, keep=keep))
    message = refusal(project)
    assert "config/datasets/kefe.yaml: key 'columns.structure.required'" in message
    assert reason in message


def test_a_joined_table_is_local_where_it_is_or_where_a_folder_should_hold_it(tmp_path, monkeypatch):
    source = {"kind": "table", "path": "t.parquet", "joined": True, "sha256": "0" * 64}
    dataset = Dataset.read(DATASET | {"source": source})
    monkeypatch.chdir(tmp_path)
    assert dataset.is_joined
    assert dataset.local_file(Path()) is None
    assert dataset.local_file(Path("copies")) == "copies/t.parquet"
    (tmp_path / "t.parquet").touch()
    assert dataset.local_file(Path()) == "t.parquet"
    assert Dataset.read(DATASET | {"source": source | {"joined": False}}).local_file(Path()) == "t.parquet"


def test_local_files_are_found_from_the_data_folder(tmp_path):
    source = {"kind": "table", "path": "t/ids.csv", "structures": "cifs/{id}.cif"}
    found = Dataset.read(DATASET | {"source": source}).with_local_files(tmp_path).source.options
    assert found["path"] == f"{tmp_path}/t/ids.csv"
    assert found["structures"] == f"{tmp_path}/cifs/{{id}}.cif"


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"kind": "miedema", "elements": ["Cu", "Zirconium"], "fractions": [0.5]}, "elements"),
        ({"kind": "prototypes", "prototype": "B2", "sites": {"A": ["Cu"], "B": ["Zz"]}}, "sites.B"),
    ],
)
def test_compounds_are_computed_of_elements(source, key):
    dataset = Dataset.read(DATASET | {"source": source})
    with pytest.raises(ConfigError, match=rf"^d\.yaml: key 'source\.{key}': 'Z.*' is not the symbol of an element"):
        check_datasets({"d": dataset}, {"d": "d.yaml"})


@pytest.mark.parametrize(
    "keep",
    [
        {"rule": "lowest", "property": "band_gap"},
        {"rule": "first"},
        {"rule": "all"},
        {"rule": "structures", "property": "band_gap"},
    ],
)
def test_rows_of_a_long_table_are_joined_by_the_median_alone(keep):
    source = {"kind": "table", "path": "long.csv", "long": {"name": "property", "value": "value"}}
    gap = {"column": "gap", "unit": "eV"}
    columns = {"formula": "formula", "structure_type": "group"}
    long = DATASET | {"source": source, "columns": columns, "properties": {"band_gap": gap}}
    check_datasets({"long": Dataset.model_validate(long | {"keep": {"rule": "median"}})}, {"long": "long.yaml"})
    with pytest.raises(ConfigError, match=r"long\.yaml: key 'keep\.rule': .*Write 'keep: \{rule: median\}'"):
        check_datasets({"long": Dataset.model_validate(long | {"keep": keep})}, {"long": "long.yaml"})


def test_has_of_a_long_table_with_several_properties_would_drop_the_others():
    source = {"kind": "table", "path": "long.csv", "long": {"name": "property", "value": "value"}}
    columns = {"formula": "formula"}
    one = {"band_gap": {"column": "Eg", "unit": "eV"}}
    two = one | {"energy": {"column": "E", "unit": "eV"}}
    filters = [{"kind": "min_elements", "n": 2}, {"kind": "has", "property": "band_gap"}]
    long = DATASET | {"source": source, "columns": columns, "keep": {"rule": "median"}, "filters": filters}
    check_datasets({"long": Dataset.model_validate(long | {"properties": one})}, {"long": "long.yaml"})
    with pytest.raises(ConfigError, match=r"long\.yaml: key 'filters\[1\]': found 'has', but with 'source\.long'"):
        check_datasets({"long": Dataset.model_validate(long | {"properties": two})}, {"long": "long.yaml"})
