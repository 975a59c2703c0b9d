"""Rows and columns crossed into runs that exist and whose keys fit."""

import pytest
from factories.configuration import NETWORK, PROTOCOL
from factories.planning import build, property_of, settings, table

from elemflow.core.errors import ConfigError
from elemflow.plan.published import read_published


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": [{"model": "brnte"}]}, "key 'tables.t', row 1, column 1: unknown model 'brnte'. Known: brnet, rf. Did you mean 'brnet'?"),
        ({"rows": [{"dataset": "d3", "property": "gap"}]}, "unknown dataset 'd3'"),
        ({"rows": [{"dataset": "d1", "property": "gaps"}]}, "dataset 'd1' has no property 'gaps'. Known: gap, volume. Did you mean 'gap'?"),
        ({"defaults": {"representation": "eff", "protocol": "validated"}}, "representation 'eff': unknown part 'eff'. Known: "),
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
