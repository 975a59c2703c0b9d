"""Predefined splits: columns of the source, lists of entries, and the folds of Matbench."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata
from elemflow.splits.schemes import file
from elemflow.splits.schemes.k_fold_rows import shuffled_folds
from elemflow.splits.schemes.registry import read_split
from elemflow.splits.write import write_split

ROWS = {"scheme": "k_fold_rows", "folds": 5, "seed": 18012019, "validation": 0, "rows": 103}


def rows_table(tmp_path, numbers, **columns):
    ids = [f"M{number}" for number in numbers]
    path = tmp_path / "rows.parquet"
    columns = {"material_id": ids, "composition": ids, "entry_id": [str(n) for n in numbers]} | columns
    pq.write_table(pa.table(columns | {"gap": [1.0] * len(ids)}), path)
    return path


def sets(path, member=0):
    table = pq.read_table(path).to_pandas().query("member == @member")
    return {role: sorted(rows["material_id"]) for role, rows in table.groupby("role", observed=True)}


def refused(table, tmp_path, split, listed=None):
    with pytest.raises(DataError) as caught:
        write_split(table, "gap", read_split(split), tmp_path / "s.parquet", where="split of x", listed=listed)
    return str(caught.value)


def test_row_folds_are_those_of_scikit_learn(tmp_path):
    model_selection = pytest.importorskip("sklearn.model_selection")
    order = np.random.default_rng(0).permutation(103)
    write_split(rows_table(tmp_path, order), "gap", read_split(ROWS), tmp_path / "s.parquet", where="here")
    folds = model_selection.KFold(5, shuffle=True, random_state=18012019).split(np.zeros(103))
    for member, (train, test) in enumerate(folds):
        found = sets(tmp_path / "s.parquet", member)
        assert found == {"train": sorted(f"M{n}" for n in train), "test": sorted(f"M{n}" for n in test)}


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([*range(50), *range(52, 103)], "2 of 103 rows of the source are no materials with a value, such as 51, 52"),
        (range(104), "the dataset has 104 rows with a value, key 'split.rows' says 103"),
    ],
)
def test_row_folds_need_every_row(tmp_path, numbers, message):
    assert message in refused(rows_table(tmp_path, numbers), tmp_path, ROWS)


COLUMN = {"scheme": "column", "column": "split", "roles": {"inferred": "train", "": "none"}}


def test_a_column_names_the_sets(tmp_path):
    table = rows_table(tmp_path, range(6), split=["train", "inferred", "val", "test", "", None])
    write_split(table, "gap", read_split(COLUMN | {"members_per_fold": 2}), tmp_path / "s.parquet", where="here")
    expected = {"train": ["M0", "M1"], "validation": ["M2"], "test": ["M3"]}
    assert sets(tmp_path / "s.parquet") == sets(tmp_path / "s.parquet", 1) == expected


def test_a_column_may_hold_folds(tmp_path):
    table = rows_table(tmp_path, range(5), split=["1", "2", "2", "10", "train"])
    write_split(table, "gap", read_split(COLUMN), tmp_path / "s.parquet", where="here")
    assert [sets(tmp_path / "s.parquet", member)["test"] for member in range(3)] == [["M0"], ["M1", "M2"], ["M3"]]
    assert sets(tmp_path / "s.parquet")["train"] == ["M1", "M2", "M3", "M4"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["train", "val", "test", ""])), max_size=12))
def test_compositions_in_more_than_one_set_are_counted(materials):
    materials = [*materials, ("x", "train"), ("y", "test")]
    compositions, labels = (list(column) for column in zip(*materials, strict=True))
    sets = {c: {label for of, label in materials if of == c and label} for c in compositions}
    expected = sum(len(found) > 1 for found in sets.values())
    with tempfile.TemporaryDirectory() as folder:
        table = rows_table(Path(folder), range(len(materials)), composition=compositions, split=labels)
        write_split(table, "gap", read_split(COLUMN | {"members_per_fold": 2}), Path(folder) / "s", where="here")
        notes = read_metadata(Path(folder) / "s")
    assert notes.get("shared_compositions", {"0": 0, "1": 0}) == {"0": expected, "1": expected}
    assert ("shared_compositions" in notes) == (expected > 0)


def test_a_split_that_leaks_is_named_in_a_warning(tmp_path, caplog):
    table = rows_table(tmp_path, range(5), composition=["A", "A", "B", "C", "D"], split=["0", "1", "1", "0", "2"])
    write_split(table, "gap", read_split(COLUMN), tmp_path / "s", where="split of x")
    assert read_metadata(tmp_path / "s")["shared_compositions"] == {"0": 1, "1": 1, "2": 0}
    assert "split of x: up to 1 of 4 compositions are in more than one set of a member, such as" in caplog.text
    assert "'A' (train, test of member 0)" in caplog.text


def test_an_unknown_label_is_refused_by_name(tmp_path):
    message = refused(rows_table(tmp_path, range(3), split=["train", "tets", "test"]), tmp_path, COLUMN)
    assert "column 'split': 'M1' has the label 'tets'." in message
    assert "Did you mean 'test'?" in message


def test_a_column_with_one_fold_is_refused_with_its_labels(tmp_path):
    message = refused(rows_table(tmp_path, range(3), split=["1", "1", "1"]), tmp_path, COLUMN)
    assert "the train set of member 0 is empty (3 materials have a value). The split is predefined, with" in message
    assert "the sets or folds 1 3 times." in message


LIST = {"scheme": "file", "path": "list.json", "roles": {}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", '{"train": {"0": 1.5, "1": 2}, "val": ["2"], "test": [3]}'),
        ("list.csv", "entry_id,role\n0,train\n1,train\n2,val\n3,test\n"),
    ],
)
def test_a_list_names_the_sets_and_drops_the_rest(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    write_split(
        rows_table(tmp_path, range(9)), "gap", read_split(LIST), tmp_path / "s", where="here", listed=tmp_path / name
    )
    assert sets(tmp_path / "s") == {"train": ["M0", "M1"], "validation": ["M2"], "test": ["M3"]}


@given(st.lists(st.sampled_from(["train", "val", "test", "fold_1", "a\u0301"]), min_size=1, max_size=6))
def test_a_list_in_json_loses_no_entry(keys):
    text = "{" + ", ".join(f'{json.dumps(key)}: ["{i}"]' for i, key in enumerate(keys)) + "}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.json"
        path.write_text(text, encoding="utf-8")
        if len(set(keys)) < len(keys):
            with pytest.raises(DataError, match="times in one object"):
                file._read_list(path, "here")
        else:
            assert len(file._read_list(path, "here")) == len(keys)


def test_a_list_says_how_many_materials_it_leaves_out(tmp_path, caplog):
    (tmp_path / "list.csv").write_text("entry_id,role\n0,train\n1,test\n2,none\n")
    with caplog.at_level("INFO"):
        write_split(
            rows_table(tmp_path, range(9)), "gap", read_split(LIST | {"roles": {"none": "none"}}), tmp_path / "s",
            where="here", listed=tmp_path / "list.csv",
        )  # fmt: skip
    assert "list.csv: 7 of 9 materials with a value are in no set." in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"fold_0": ["0", "1"], "fold_1": ["1", "2"]}', "listed twice: 1. An entry belongs to one set or fold"),
        ('{"train": ["0", "7"], "test": ["8"]}', "2 of 3 entries are no materials with a value, such as 7, 8."),
        ('{"trian": ["0"], "test": ["1"]}', "'0' has the label 'trian'. Allowed: train, val, valid, validation, test"),
        ('{"train": ["0"], "test": ["1"], "train": ["2"]}', "the key 'train' occurs 2 times in one object"),
        ('{"train": {"0": 1, "0": 2}, "test": ["1"]}', "the key '0' occurs 2 times in one object"),
        ('["0", "1"]', "cannot be read (AttributeError"),
        ('{"train": ["0"', "cannot be read (JSONDecodeError"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_by_name(tmp_path, text, message):
    (tmp_path / "list.json").write_text(text)
    shown = refused(rows_table(tmp_path, range(4)), tmp_path, LIST, tmp_path / "list.json")
    assert message in shown
    assert shown.startswith(f"split of x: {tmp_path}/list.json")


def test_a_cut_line_of_a_list_is_refused_by_name(tmp_path):
    (tmp_path / "list.csv").write_text("entry_id,role\n0,train\n1,test\n2\n")
    shown = refused(rows_table(tmp_path, range(4)), tmp_path, LIST, tmp_path / "list.csv")
    assert "'2' has the label ''" in shown


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "rows", "dummy"),
    [("matbench_expt_gap", 4_604, 1.1435), ("matbench_mp_e_form", 132_752, 1.0059), ("matbench_mp_gap", 106_113, 1.3272)],
)  # fmt: skip
def test_the_folds_of_matbench_give_the_dummy_errors_of_its_leaderboard(real_data, name, rows, dummy):
    """The leaderboard's dummy predicts the mean of the training rows; other folds would give another error."""
    y = np.loadtxt(real_data / f"{name}.csv.gz", delimiter=",", skiprows=1, usecols=1)
    folds = shuffled_folds(rows, 5, ROWS["seed"])
    errors = [np.abs(y[folds == fold] - y[folds != fold].mean()).mean() for fold in range(5)]
    assert np.mean(errors) == pytest.approx(dummy, abs=5e-5)
