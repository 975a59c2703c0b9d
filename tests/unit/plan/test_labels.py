"""Labels of rows, columns and series."""

import pytest
from factories.configuration import PROTOCOL
from factories.planning import build, settings, table


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


def test_cells_override_rows_override_defaults():
    found = build(
        settings({"t": table(rows=[{"dataset": "d1", "property": "gap"}, {"dataset": "d1", "property": "volume"}])}), {}
    )
    assert found.tables["mine", "t"].rows[1].label == "D · Gap"  # unit 1 is not shown
    assert found.tables["mine", "t"].cells[2].property == "volume"
