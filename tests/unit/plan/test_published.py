from itertools import pairwise
from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.plan.published import Question, largest_sizes, lookup, read_published

HEADER = "study,table,row,dataset,property,unit,size,representation,model,depth,protocol,mae,note\n"
SHIPPED = Path(__file__).parents[3] / "resources" / "published" / "published_mae.csv"
CELL = {"dataset": "kefe", "property": "formation_energy", "representation": "ef"}


def find(index, study, table, *, model, depth=None, size=None, row=None, metric="mae", **cell):
    question = Question(study, table, model=model, **cell)
    return lookup(index, question, depth=depth, size=size, row=row, metric=metric)


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "published.csv"
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_lookup_keeps_printed_zeros_and_empty_depth(tmp_path):
    path = write(
        tmp_path,
        "b,T5,KEFE,kefe,formation_energy,eV/atom,2135,ef,brnet,17,p,0.070,",
        "b,T5,KEFE,kefe,formation_energy,eV/atom,,ef,automl,,p,0.114,rounded",
    )
    index = read_published(path)
    found = find(index, "b", "T5", **CELL, model="brnet", depth=17)
    assert (found.value, found.text, found.size, found.source) == (0.07, "0.070", 2135, "b T5")
    automl = find(index, "b", "T5", **CELL, model="automl")
    assert (automl.depth, automl.size, automl.note) == (None, None, "rounded")
    assert find(index, "b", "T5", **CELL, model="brnet", depth=48) is None
    assert find(index, "b", "T9", **CELL, model="brnet") is None


@pytest.mark.parametrize(
    ("printed", "ours"), [("A^3/atom", "Å³/atom"), ("g/cm^3", "g/cm³"), ("mu_B", "µB"), ("eV/atom", "eV/atom")]
)
def test_units_are_read_in_the_spelling_of_the_datasets(tmp_path, printed, ours):
    index = read_published(write(tmp_path, f"b,T5,KEFE,kefe,formation_energy,{printed},,ef,brnet,17,p,0.07,"))
    assert find(index, "b", "T5", **CELL, model="brnet", depth=17).unit == ours


def test_lookup_refuses_to_choose_between_rows(tmp_path):
    line = "b,T6,{row},kefe,formation_energy,eV/atom,2135,ef,brnet,17,p,{mae},"
    index = read_published(write(tmp_path, line.format(row="Top", mae=0.041), line.format(row="Bottom", mae=0.043)))
    with pytest.raises(DataError, match=r"2 published values.*row 'Top'.*row 'Bottom'"):
        find(index, "b", "T6", **CELL, model="brnet")
    assert find(index, "b", "T6", **CELL, model="brnet", row="Bottom").text == "0.043"


@pytest.mark.parametrize("mae", ["", "-", "nan", "inf", "0,041x"])
def test_bad_number_names_file_and_line(tmp_path, mae):
    mae = f'"{mae}"'
    good = 'b,T5,KEFE,kefe,formation_energy,eV/atom,1,ef,a,,p,0.1,"two\nlines"'
    path = write(tmp_path, good, f"b,T5,KEFE,kefe,formation_energy,eV/atom,1,ef,b,,p,{mae},")
    with pytest.raises(DataError, match=r"published\.csv, line 4: mae is"):
        read_published(path)


@pytest.mark.parametrize(("column", "size", "depth"), [("size", "2k", ""), ("depth", "1", "17.0")])
def test_bad_count_names_column(tmp_path, column, size, depth):
    with pytest.raises(DataError, match=f"line 2: {column} is"):
        read_published(write(tmp_path, f"b,T5,KEFE,kefe,formation_energy,eV/atom,{size},ef,a,{depth},p,0.1,"))


def test_duplicate_names_both_lines(tmp_path):
    line = "b,T5,KEFE,kefe,formation_energy,eV/atom,2135,ef,brnet,17,p,{},"
    with pytest.raises(DataError, match=r"line 3: .*already on line 2"):
        read_published(write(tmp_path, line.format(0.07), line.format(0.08)))


def test_missing_column(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("study,table\nb,T5\n")
    with pytest.raises(DataError, match=r"missing.*found study, table"):
        read_published(path)


def test_shipped_values_are_readable_and_unambiguous_in_main_tables():
    index = read_published(SHIPPED)
    assert sum(map(len, index.values())) == 520
    gap = {"dataset": "matbench_expt_gap_rows", "property": "band_gap", "representation": "ef+pa"}
    assert find(index, "matbench", "leaderboard", **gap, model="modnet").text == "0.3327"
    assert find(index, "brnet2023", "T5", **CELL, model="brnet").source == "brnet2023 T5"
    jarvis = {"dataset": "jarvis", "property": "formation_energy", "representation": "ef"}
    assert find(index, "brnet2023", "T2", **jarvis, model="brnet", depth=17, size=19994).text == "0.070"


def test_a_value_stands_beside_its_own_metric_only(tmp_path):
    path = tmp_path / "published.csv"
    line = "b,T5,KEFE,kefe,formation_energy,eV/atom,2135,ef,brnet,17,p,{},,{}\n"
    path.write_text(HEADER.rstrip("\n") + ",metric\n" + line.format("0.07", "") + line.format("0.15", "p90_abs_error"))
    found = [find(read_published(path), "b", "T5", **CELL, model="brnet", metric=m) for m in ("mae", "p90_abs_error")]
    assert [value.text for value in found] == ["0.07", "0.15"]
    assert find(read_published(path), "b", "T5", **CELL, model="brnet", metric="rmse") is None


def test_the_size_of_a_set_is_the_largest_that_is_printed_of_it(tmp_path):
    line = "b,{},KEFE,kefe,{},eV/atom,{},ef,brnet,17,p,0.07,"
    lines = [line.format("T5", "energy", 5), line.format("T6", "energy", 7), line.format("T6", "gap", "")]
    assert largest_sizes(read_published(write(tmp_path, *lines))) == {("b", "kefe", "energy"): 7}


def margins(tmp_path, *lines):
    index = read_published(write(tmp_path, *lines))
    return {(key.dataset, value.row, key.model): value.margin for key, values in index.items() for value in values}


def test_a_margin_is_a_share_of_the_value_or_half_the_gap_to_the_next_of_its_row(tmp_path):
    line = "b,T5,KEFE,{dataset},formation_energy,eV/atom,1,ef,{model},,p,{mae},"
    found = margins(
        tmp_path,
        line.format(dataset="kefe", model="a", mae="0.100"),
        line.format(dataset="kefe", model="b", mae="0.104"),
        line.format(dataset="kefe", model="c", mae="0.200"),
        line.format(dataset="mp", model="a", mae="0.1001"),
    )
    assert found["kefe", "KEFE", "a"] == pytest.approx(0.002)
    assert found["kefe", "KEFE", "b"] == pytest.approx(0.002)
    assert found["kefe", "KEFE", "c"] == pytest.approx(0.01)
    assert found["mp", "KEFE", "a"] == pytest.approx(0.05 * 0.1001)


def test_a_margin_knows_models_and_layouts_that_stand_in_rows(tmp_path):
    line = "b,T6,{row},{dataset},formation_energy,eV/atom,1,ef,brnet,,p,{mae},"
    found = margins(
        tmp_path,
        line.format(row="Top", dataset="mp", mae="0.106"),
        line.format(row="Bottom", dataset="mp", mae="0.108"),
        line.format(row="Top", dataset="oqmd", mae="0.1065"),
    )
    assert found["mp", "Top", "brnet"] == found["mp", "Bottom", "brnet"] == pytest.approx(0.001)
    assert found["oqmd", "Top", "brnet"] == pytest.approx(0.05 * 0.1065)


def test_equal_and_neighbouring_values_keep_half_a_unit_of_the_last_digit(tmp_path):
    line = "b,T5,KEFE,kefe,formation_energy,eV/atom,1,ef,{model},,p,{mae},"
    models = {"a": "0.047", "b": "0.047", "c": "0.048"}
    found = margins(tmp_path, *(line.format(model=model, mae=mae) for model, mae in models.items()))
    assert list(found.values()) == pytest.approx([0.0005] * 3)


def test_no_number_repeats_two_shipped_values_of_one_set():
    for values in _sets(read_published(SHIPPED)).values():
        for low, high in pairwise(values):
            if low.value < high.value:
                assert low.value + low.margin <= high.value - high.margin + 1e-12


def _sets(index):
    found = {}
    in_tables = ((key, value) for key, values in index.items() if key.table != "text" for value in values)
    for key, value in in_tables:
        found.setdefault((*key[:5], value.metric), []).append(value)
    return {key: sorted(values, key=lambda value: value.value) for key, values in found.items()}
