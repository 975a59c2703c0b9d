import json
import subprocess
import sys

import pytest
from factories.configuration import DATASET, NETWORK, PROTOCOL, PlainSettings

from elemflow.config.load import Settings, load
from elemflow.core.errors import ConfigError
from elemflow.plan import build as plan
from elemflow.plan.items import PlannedFigure
from elemflow.plan.published import PublishedValue, read_published, read_published_quantities


def property_of(unit="eV"):
    return {"column": "x", "unit": unit, "title": "Gap"}


def settings(tables=None, figures=None, **study):
    dataset = DATASET | {"properties": {"gap": property_of(), "volume": property_of("1")}}
    return PlainSettings(
        datasets={"d1": dataset, "d2": dataset},
        models={
            "brnet": NETWORK | {"title": "BRNet", "published": {"model": "brnet", "depth": 17}},
            "rf": {"title": "RF", "kind": "estimator", "estimator": "random_forest", "parameters": {}},
        },
        protocols={"validated": PROTOCOL | {"title": "by validation"}},
        studies={"mine": {"title": "Mine", "reference": "", "tables": tables or {}, "figures": figures or {}, **study}},
    )


def build(chosen, published):
    return plan.build(chosen if isinstance(chosen, Settings) else chosen.typed(), published)


def table(**changes):
    rows, columns = [{"dataset": ["d1", "d2"], "property": "gap"}], [{"model": ["brnet", "rf"]}]
    defaults = {"representation": "ef", "protocol": "validated"}
    return {
        "title": "T",
        "note": "",
        "kind": "errors",
        "metric": "mae",
        "rows": rows,
        "columns": columns,
        "defaults": defaults,
    } | changes


def test_lists_in_a_grid_stand_for_one_entry_each():
    found = build(settings({"t": table()}), {})
    item = found.tables["mine", "t"]
    assert [row.label for row in item.rows] == ["D · Gap (eV)", "D · Gap (eV)"]
    assert [column.label for column in item.columns] == ["BRNet", "RF"]
    assert [(c.row, c.column, c.run) for c in item.cells] == [
        (0, 0, "d1/gap/ef/brnet/validated"),
        (0, 1, "d1/gap/ef/rf/validated"),
        (1, 0, "d2/gap/ef/brnet/validated"),
        (1, 1, "d2/gap/ef/rf/validated"),
    ]


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        ([{"model": "brnet", "protocol": "validated"}, {"model": "rf", "protocol": "other"}], ["BRNet", "RF"]),
        ([{"model": "brnet", "protocol": ["validated", "other"]}], ["BRNet · validated", "BRNet · other"]),
        ([{"protocol": ["validated", "other"], "model": "rf", "representation": "ef"}], ["RF · validated", "RF · other"]),
        ([{"model": ["brnet", "rf"], "representation": "ef"}, {"model": "rf", "representation": "pa"}],
         ["ef · BRNet", "ef · RF", "pa · RF"]),
        ([{"model": "brnet", "label": "net"}, {"model": "brnet", "protocol": "other"}], ["net", "BRNet"]),
        ([{"protocol": "other"}], ["other"]),
    ],
)  # fmt: skip
def test_representation_and_protocol_are_named_where_they_tell_entries_apart(columns, labels):
    defaults = {"representation": "ef", "protocol": "validated", "model": "rf"}
    chosen = settings(
        {"t": table(columns=columns, defaults=defaults)}, {"f": table(columns=columns, defaults=defaults, kind="bars")}
    )
    chosen.protocols["other"] = PROTOCOL | {"title": "otherwise"}
    found = build(chosen, {})
    assert [column.label for column in found.tables["mine", "t"].columns] == labels
    assert [series.label for series in found.figures["mine", "f"].panels[0].series] == labels


def test_a_run_named_by_several_items_is_one_run():
    figure = table(kind="bars")
    found = build(settings({"a": table(), "b": table()}, {"f": figure}), {})
    assert len(found.runs) == 4
    assert set(map(tuple, found.runs.values())) == {("mine/a", "mine/b", "mine/f")}
    assert len(found.runs_of(found.figures["mine", "f"])) == 4


def test_a_figure_knows_the_labels_of_the_figures_of_its_study():
    figures = {"f": table(kind="bars"), "g": table(kind="parity", columns=[{"model": "rf"}])}
    found = build(settings({}, figures), {})
    for figure in found.figures.values():
        assert figure.study_labels == [["BRNet", "RF"], ["RF"]]


def test_cells_override_rows_override_defaults():
    found = build(
        settings({"t": table(rows=[{"dataset": "d1", "property": "gap"}, {"dataset": "d1", "property": "volume"}])}), {}
    )
    assert found.tables["mine", "t"].rows[1].label == "D · Gap"  # unit 1 is not shown
    assert found.tables["mine", "t"].cells[2].property == "volume"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": [{"model": "brnte"}]}, "key 'tables.t', row 1, column 1: unknown model 'brnte'. Known: brnet, rf. Did you mean 'brnet'?"),
        ({"rows": [{"dataset": "d3", "property": "gap"}]}, "unknown dataset 'd3'"),
        ({"rows": [{"dataset": "d1", "property": "gaps"}]}, "dataset 'd1' has no property 'gaps'. Known: gap, volume. Did you mean 'gap'?"),
        ({"defaults": {"representation": "eff", "protocol": "validated"}}, "representation 'eff': unknown part 'eff'. Known: ef"),
        ({"defaults": {"representation": "ef+ef", "protocol": "validated"}}, "the part 'ef' stands twice"),
        ({"defaults": {"representation": "ef"}}, "no protocol is given"),
        ({"defaults": {"representation": "ef", "protocol": "honets"}}, "unknown protocol 'honets'"),
        ({"defaults": {"representation": ["ef"], "protocol": "validated"}}, "a list of representation values belongs in rows or columns"),
        ({"published_table": "T5", "defaults": {"representation": "ef", "protocol": "validated", "published_model": ["a", "b"]}}, "key 'published_model' is a list (a, b)"),
        ({"kind": "datasets", "rows": [{"label": "All"}], "columns": [{"label": "n"}], "defaults": {"dataset": ["d1", "d2"]}}, "key 'dataset' is a list (d1, d2)"),
        ({"kind": "datasets", "rows": [{"label": "All"}], "columns": [{"label": "n"}], "defaults": {"dataset": "d1", "property": ["gap", "volume"]}}, "key 'property' is a list (gap, volume)"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_exist_is_refused_with_its_place(change, message):
    with pytest.raises(ConfigError) as caught:
        build(settings({"t": table(**change)}), {})
    assert message in str(caught.value)
    assert "config/studies/mine.yaml" in str(caught.value)


PUBLISHED = {
    ("mine", "T5", "d1", "gap", "ef", "brnet"): (PublishedValue(0.5, "0.50", "eV", "first", 17, None, "mine T5", ""),),
    ("mine", "T6", "d1", "gap", "ef", "brnet"): (PublishedValue(500, "500", "meV", "x", 17, None, "mine T6", ""),),
}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"published_table": "T5"}, 0.5),
        ({"published_table": "T5", "metric": "rmse"}, None),  # what is printed is the mean absolute error
        ({"published_table": "T5", "metric": "p90_abs_error", "published_row": "first"}, None),
        ({"published_table": "T55"}, "key 'published_table': no values of table 'T55' of mine. Known: T5, T6. Did you mean 'T5'"),
        ({"published_table": "T5", "published_study": "mien"}, "key 'published_study': no values of 'mien' are known. Did you mean 'mine'"),
        ({"published_table": "T5", "published_row": "frist"}, "key 'published_row': table 'T5' of mine has no row 'frist'. Did you mean 'first'"),
        ({"published_table": "T6"}, "the value of mine T6 for d1/gap/ef/brnet/validated is in meV, property 'gap' of dataset 'd1' in eV"),
    ],
)  # fmt: skip
def test_a_published_value_is_the_same_quantity_in_the_same_unit(change, found):
    keys = {key: value for key, value in change.items() if key not in ("metric", "published_table")}
    row = {"dataset": "d1", "property": "gap", "model": "brnet"} | keys
    of_table = {key: value for key, value in change.items() if key not in keys}
    item = settings({"t": table(rows=[row], columns=[{"label": "a"}], **of_table)})
    if not isinstance(found, str):
        assert build(item, PUBLISHED).tables["mine", "t"].cells[0].published == found
        return
    with pytest.raises(ConfigError) as caught:
        build(item, PUBLISHED)
    assert f"config/studies/mine.yaml: {found}" in str(caught.value)


def test_published_values_of_brnet2023_table_5_are_found(root):
    published = read_published(root / "resources/published/published_mae.csv")
    found = build(load({"studies": ["brnet2023"]}, root), published)
    cells = found.tables["brnet2023", "table5"].cells
    assert [cell.published_text for cell in cells] == [
        "0.189", "0.129", "0.123", "0.103", "0.096", None, "0.464", "0.468", "0.493", "0.483", "0.460", None,
    ]  # fmt: skip


SPECS = {
    "dense": NETWORK["spec"],
    "recurrent": {"family": "recurrent", "max_elements": 4, "lstm_width": 5, "highway_layers": 2, "gate_bias": -1.0},
    "convolutional": {"family": "convolutional", "filters": [4], "kernel_size": 3, "widths": [8], "activation": {"name": "relu"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "representation", "scaling", "message"),
    [
        ("recurrent", "pa", {}, "a recurrent network takes elemental fractions apart, so representation 'pa' cannot be its input. Allowed: ef."),
        ("convolutional", "pa+ef", {}, "representation 'pa+ef' cannot"),
        ("recurrent", "ef", {"ef": "standard"}, "the protocol must leave them as they are. Remove its key 'scaling.ef'."),
        ("recurrent", "ef", {"ef": "none", "pa": "standard"}, None),
        ("dense", "pa", {"pa": "standard"}, None),
    ],
)  # fmt: skip
def test_networks_that_read_fractions_get_fractions(family, representation, scaling, message):
    study = settings({"t": table(defaults={"representation": representation, "protocol": "validated"})})
    study.models["brnet"] = study.models["brnet"] | {"spec": SPECS[family]}
    study.protocols["validated"] = PROTOCOL | {"scaling": scaling}
    if message is None:
        assert build(study, {}).runs
        return
    with pytest.raises(ConfigError) as caught:
        build(study, {})
    shown = str(caught.value)
    assert shown.startswith("config/studies/mine.yaml: key 'tables.t', row 1, column 1: model 'brnet': ")
    assert message in shown


def test_plan_rows_are_for_people():
    header, first, *_ = build(settings({"t": table()}), {}).rows()
    assert header == ["dataset", "property", "representation", "model", "protocol", "used_by"]
    assert first == ["d1", "gap", "ef", "brnet", "validated", "mine/t"]


def test_cfgs_are_plain_json():
    found = build(settings({"t": table()}, {"f": table(kind="bars")}), {})
    for item in found.items:
        assert json.loads(json.dumps(item.parameters())) == item.parameters()
        assert type(item).model_validate(item.parameters()) == item


def test_reading_the_plan_imports_nothing_heavy(root):
    code = (
        "import sys; from pathlib import Path; from elemflow.config import load as config; from elemflow.plan import build as plan, published; from elemflow.provenance import code_digest\n"
        f"root = Path({str(root)!r}); values = published.read_published(root / 'resources/published/published_mae.csv')\n"
        "plan.build(config.load({'studies': ['brnet2023']}, root), values)\n"
        "print(sorted({'tensorflow', 'keras', 'jax', 'matminer', 'pymatgen', 'sklearn', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cells_of_a_row_say_what_no_column_can():
    rows = [
        {"label": "first", "dataset": "d1", "property": "gap", "cells": [{"model": ["brnet", "rf"]}]},
        {"label": "second", "dataset": "d1", "property": "gap", "cells": [{"model": "rf"}, {"model": "brnet"}]},
    ]
    columns = [{"label": "A"}, {"label": "B"}]
    item = build(settings({"t": table(rows=rows, columns=columns)}), {}).tables["mine", "t"]
    assert [cell.model for cell in item.cells] == ["brnet", "rf", "rf", "brnet"]
    assert [column.label for column in item.columns] == ["A", "B"]
    rows[1]["cells"] = [{"model": "rf"}]
    with pytest.raises(ConfigError, match=r"rows\[1\]\.cells': found 1 cells for 2 columns"):
        build(settings({"t": table(rows=rows, columns=columns)}), {})


def test_a_cell_without_data_has_no_run_and_keeps_the_published_value(root):
    published = read_published(root / "resources/published/published_mae.csv")
    rows = [{"label": "Energy", "dataset": "d1", "property": "energy", "missing": "no energies"}]
    found = build(settings({"t": table(rows=rows)}, {"f": table(kind="bars", rows=rows)}), published)
    cells = found.tables["mine", "t"].cells
    assert [cell.missing for cell in cells] == ["no energies"] * 2
    assert not found.runs
    assert not found.runs_of(found.tables["mine", "t"])
    assert found.tables["mine", "t"].datasets == {}
    assert not found.runs_of(found.figures["mine", "f"])


def test_a_dataset_that_is_not_at_hand_leaves_its_cells_without_a_run():
    chosen = settings({"t": table()})
    chosen.datasets["d2"] = chosen.datasets["d2"] | {"missing": "not downloaded"}
    found = build(chosen, {})
    assert {run.dataset for run in found.runs} == {"d1"}
    assert [cell.missing for cell in found.tables["mine", "t"].cells] == ["", "", *["not downloaded"] * 2]


def test_a_property_that_the_source_lacks_leaves_its_cells_without_a_run():
    chosen = settings({"t": table(rows=[{"dataset": "d1", "property": ["gap", "energy"]}])})
    reason = {"energy": property_of("meV") | {"reason": "no energies there"}}
    chosen.datasets["d1"] = chosen.datasets["d1"] | {"missing_properties": reason}
    found = build(chosen, {})
    assert {run.property for run in found.runs} == {"gap"}
    cells = found.tables["mine", "t"].cells
    assert [(cell.missing, cell.unit) for cell in cells] == [("", "eV")] * 2 + [("no energies there", "meV")] * 2


def test_a_property_of_another_dataset_keeps_its_name_and_published_value(tmp_path):
    (tmp_path / "published_mae.csv").write_text(
        "study,table,dataset,property,unit,representation,model,depth,size,mae,row,protocol,note\nmine,T1,d1,energy,eV,ef,brnet,17,9,0.5,,\n"
    )
    chosen = settings({"t": table(rows=[{"dataset": "d1", "property": "energy"}], published_table="T1")})
    elsewhere = {"energy": property_of() | {"title": "Energy", "dataset": "d2", "property": "gap"}}
    chosen.datasets["d1"] = chosen.datasets["d1"] | {"read_from": elsewhere}
    chosen.datasets["d2"] = chosen.datasets["d2"] | {"title": "Other"}
    found = build(chosen, read_published(tmp_path / "published_mae.csv"))
    shown = found.tables["mine", "t"]
    assert {(run.dataset, run.property) for run in found.runs} == {("d2", "gap")}
    assert shown.cells[0].published == 0.5
    assert [row.label for row in shown.rows] == ["D · Energy (eV)"]
    assert {name: about.title for name, about in shown.datasets.items()} == {"d2": "Other"}


def test_data_of_another_dataset_may_be_missing():
    chosen = settings({"t": table(rows=[{"dataset": "d1", "property": "energy"}])})
    elsewhere = {"energy": property_of() | {"dataset": "d2", "property": "gap"}}
    chosen.datasets["d1"] = chosen.datasets["d1"] | {"read_from": elsewhere}
    chosen.datasets["d2"] = chosen.datasets["d2"] | {"missing": "not downloaded"}
    found = build(chosen, {})
    assert not found.runs
    assert {cell.missing for cell in found.tables["mine", "t"].cells} == {"not downloaded"}


def test_figures_of_data_follow_a_property_to_its_dataset():
    chosen = settings(figures={"f": data_figure()})
    chosen.datasets["d1"] = chosen.datasets["d1"] | {
        "title": "First",
        "properties": {},
        "read_from": {"gap": property_of() | {"dataset": "d2", "property": "gap"}},
    }
    series = build(chosen, {}).figures["mine", "f"].panels[0].series
    assert [(one.dataset, one.label) for one in series] == [("d2", "First"), ("d2", "D")]


def test_quantities_have_units_and_printed_values_of_their_own(tmp_path):
    (tmp_path / "other.csv").write_text(
        "study,table,row,dataset,property,unit,size,representation,model,depth,protocol,quantity,value,note\n"
        "mine,T1,,,,count,,ef,brnet,17,,parameters,4548385,\n"
        "mine,T1,,,,count,,ef,brnet,17,,batch_size,32,\n"
    )
    shown = [{"quantity": "parameters"}, {"quantity": "model_size"}]
    item = table(kind="quantities", rows=[{"dataset": "d1", "property": "gap", "model": "brnet"}], columns=shown)
    found = build(settings({"t": item | {"published_table": "T1"}}), read_published_quantities(tmp_path / "other.csv"))
    cells = found.tables["mine", "t"].cells
    assert [(cell.published, cell.unit) for cell in cells] == [(4548385, "1"), (None, "MB")]
    assert [row.label for row in found.tables["mine", "t"].rows] == ["D · Gap · BRNet"]


def test_a_cell_of_quantities_says_which():
    item = table(kind="quantities", columns=[{"model": "brnet", "quantity": "parameters"}, {"model": "rf"}])
    with pytest.raises(ConfigError, match=r"tables\.t', row 1, column 2: no quantity is given; name one of parameters"):
        build(settings({"t": item}), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "r2"}, r"metric': found r2. Allowed for a comparison: mae"),
        ({"columns": [{"model": "brnet"}]}, "a comparison needs two"),
        ({"rows": [{"property": "gap"}], "columns": [{"dataset": ["d1", "d2"], "model": "rf"}]}, "row 1: its runs differ in dataset"),
    ],
)  # fmt: skip
def test_a_comparison_compares_on_the_same_materials(change, message):
    with pytest.raises(ConfigError, match=message):
        build(settings({"t": table(kind="comparison", **change)}), {})


def data_figure(**changes):
    item = {"title": "F", "metric": "mae", "kind": "distribution", "rows": [{"property": "gap"}]}
    return item | {"columns": [{"dataset": ["d1", "d2"]}]} | changes


def test_a_table_of_datasets_has_printed_sizes_and_no_run():
    rows = [{"dataset": "d1"}, {"dataset": "d1", "property": "gap", "published_size": 7}]
    chosen = settings({"t": table(kind="datasets", rows=rows, columns=[{"label": "materials"}])})
    chosen.datasets["d1"] = chosen.datasets["d1"] | {"published_size": {"mine": 9}}
    found = build(chosen, {})
    item = found.tables["mine", "t"]
    assert [row.label for row in item.rows] == ["D", "D · Gap"]
    assert [cell.published_size for cell in item.cells] == [9, 7]
    assert not found.runs_of(item)
    assert found.datasets() == ["d1"]


def test_a_figure_of_datasets_needs_no_run():
    found = build(settings(figures={"f": data_figure()}), {})
    figure = found.figures["mine", "f"]
    assert not found.runs
    assert not found.runs_of(figure)
    assert found.datasets() == ["d1", "d2"]
    assert [series.label for series in figure.panels[0].series] == ["D", "D"]
    assert PlannedFigure.model_validate(json.loads(json.dumps(figure.parameters()))) == figure


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": [{"dataset": "d3"}]}, "key 'figures.f', row 1, column 1: unknown dataset 'd3'"),
        ({"rows": [{"property": "gaps"}]}, "has no property 'gaps'.*Did you mean 'gap'"),
        ({"rows": [{"label": "all"}]}, "no property is given"),
        ({"columns": [{"label": "all"}]}, "no dataset is given"),
    ],
)
def test_a_figure_of_datasets_names_what_exists(change, message):
    with pytest.raises(ConfigError, match=message):
        build(settings(figures={"f": data_figure(**change)}), {})


@pytest.mark.parametrize(
    ("protocol", "dataset", "message"),
    [
        ({"clip_predictions": True}, {}, "property 'gap' of dataset 'd1' declares no `minimum`"),
        ({"clip_predictions": True}, {"properties": {"gap": property_of() | {"minimum": 0}}}, None),
        ({"split": {"scheme": "column", "column": "splt"}}, {"columns": {"formula": "f", "splits": ["split"]}}, "does not keep. Kept (columns.splits): split. Did you mean 'split'?"),
        ({"split": {"scheme": "column", "column": "split"}}, {"columns": {"formula": "f", "splits": ["split"]}}, None),
    ],
)  # fmt: skip
def test_a_protocol_asks_of_a_dataset_only_what_it_has(protocol, dataset, message):
    study = settings({"t": table(rows=[{"dataset": "d1", "property": "gap"}])})
    study.protocols["validated"] |= protocol
    study.datasets["d1"] |= dataset
    if message is None:
        assert build(study, {}).runs
        return
    with pytest.raises(ConfigError) as caught:
        build(study, {})
    assert message in str(caught.value)
    assert str(caught.value).startswith(
        "config/studies/mine.yaml: key 'tables.t', row 1, column 1: protocol 'validated' "
    )


def test_a_figure_of_intervals_needs_protocols_that_compute_them():
    study = settings({}, {"f": table(kind="calibration")})
    with pytest.raises(
        ConfigError, match=r"key 'figures.f.kind': calibration shows what protocol 'validated' does not"
    ):
        build(study, {})
    study.protocols["validated"] |= {"uncertainty": True}
    assert build(study, {}).figures


def test_a_figure_of_an_element_held_out_needs_a_protocol_that_holds_one_out():
    study = settings({}, {"f": table(kind="hold_out")})
    with pytest.raises(ConfigError, match=r"Set its key 'split\.hold_out'"):
        build(study, {})
    held_out = {"hold_out": {"element": "Mg", "train_fraction": 0}}
    study.protocols["validated"] |= {"split": PROTOCOL["split"] | held_out}
    assert build(study, {}).figures


def test_a_cell_may_stand_beside_another_model(root):
    published = read_published(root / "resources/published/published_mae.csv")
    item = table(rows=[{"dataset": "d1", "property": "gap", "published_model": "peer"}], published_table="T")
    entry = next(found for found in published.values() if found[0].unit == "eV")
    found = build(settings({"t": item}), {("mine", "T", "d1", "gap", "", "peer"): entry[:1]})
    assert {cell.published_text for cell in found.tables["mine", "t"].cells} == {entry[0].text}
