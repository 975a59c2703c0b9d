"""What tables and figures of runs show."""

import pytest
from factories.planning import build, settings, table

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.plan.published import PublishedValue, Question, read_published, read_published_quantities

PUBLISHED = {
    Question("mine", "T5", "d1", "gap", "ef", "brnet"): (
        PublishedValue(0.5, "0.50", "eV", "first", 17, None, "mine T5", ""),
    ),
    Question("mine", "T6", "d1", "gap", "ef", "brnet"): (
        PublishedValue(500, "500", "meV", "x", 17, None, "mine T6", ""),
    ),
}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"published_table": "T5"}, 0.5),
        ({"published_table": "T5", "metric": "rmse"}, None),  # what is printed is the mean absolute error
        ({"published_table": "T5", "metric": "p90_abs_error", "published_row": "first"}, None),
        ({"published_table": "T55"}, "key 'published_table': no values of table 'T55' of mine. Known: T5, T6. Did you mean 'T5'"),
        ({"published_table": "T5", "published_study": "mien"}, "key 'published_study': no values of 'mien' are known. Did you mean 'mine'"),
        ({"published_table": "T5", "published_row": "frist"}, "key 'published_row': table 'T5' of mine has no row 'frist'. Known: first. Did you mean 'first'"),
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


def test_a_cell_may_stand_beside_another_model(root):
    published = read_published(root / "resources/published/published_mae.csv")
    item = table(rows=[{"dataset": "d1", "property": "gap", "published_model": "peer"}], published_table="T")
    entry = next(found for found in published.values() if found[0].unit == "eV")
    found = build(settings({"t": item}), {("mine", "T", "d1", "gap", "", "peer"): entry[:1]})
    assert {cell.published_text for cell in found.tables["mine", "t"].cells} == {entry[0].text}
