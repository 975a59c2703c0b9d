import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.core.roles import ROLES
from elemflow.splits.schemes.k_fold_rows import shuffled_folds
from elemflow.splits.schemes.registry import read_split
from elemflow.splits.write import write_split

FRACTIONS = {
    "scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1, "seed": 7, "members": 3, "split_per_member": True,
}  # fmt: skip
FOLDS = {"scheme": "k_fold", "folds": 5, "repeats": 2, "validation": 0.1, "seed": 7}
INNER = {"scheme": "k_fold_validation", "test": 0.1, "folds": 5, "seed": 7}
TRAIN, VALIDATION, TEST = range(3)


def names(n):
    return [f"M{i}" for i in range(n)]


def members(compositions, split):
    return read_split(split).members(compositions)


@pytest.mark.parametrize("n", [20, 213, 2135])
def test_fractions_have_the_declared_sizes(n):
    for roles in members(names(n), FRACTIONS):
        assert (roles == TEST).sum() == round(0.1 * n)
        assert abs((roles == VALIDATION).sum() - 0.09 * n) <= 1
        assert set(roles) == {TRAIN, VALIDATION, TEST}


def test_shared_splits_are_those_of_members_with_their_own():
    own = [roles.tolist() for roles in members(names(100), FRACTIONS)]
    shared = [
        roles.tolist()
        for roles in members(names(100), FRACTIONS | {"split_per_member": False, "members": 2, "splits": 3})
    ]
    assert shared == [own[0], own[0], own[1], own[1], own[2], own[2]]


def test_members_have_their_own_split_or_share_one():
    first, second, _ = members(names(100), FRACTIONS)
    assert (first != second).any()
    first, second, _ = members(names(100), FRACTIONS | {"split_per_member": False})
    assert (first == second).all()


def test_test_set_stays_when_the_validation_share_changes():
    one = next(members(names(500), FRACTIONS))
    other = next(members(names(500), FRACTIONS | {"validation": 0.2, "train": 0.7}))
    assert ((one == TEST) == (other == TEST)).all()


def test_every_fold_is_the_test_set_once_per_repeat():
    roles = np.array(list(members(names(103), FOLDS)))
    assert roles.shape == (10, 103)
    for repeat in (roles[:5], roles[5:]):
        assert ((repeat == TEST).sum(axis=0) == 1).all()
    assert ((roles[0] == TEST) != (roles[5] == TEST)).any()


def test_inner_folds_share_the_test_set_of_fractions():
    roles = np.array(list(members(names(103), INNER)))
    assert ((roles == TEST) == (next(members(names(103), FRACTIONS)) == TEST)).all()
    assert set((roles == VALIDATION).sum(axis=0)[roles[0] != TEST]) == {1}
    assert set((roles == VALIDATION).sum(axis=1)) <= {18, 19}


def test_five_times_two_halves():
    roles = list(members(names(100), FOLDS | {"folds": 2, "repeats": 5}))
    assert len(roles) == 10
    assert all((r == TEST).sum() == 50 and (r == VALIDATION).sum() == 5 for r in roles)


@given(
    st.lists(st.sampled_from("ABCDEFGHIJKLMNOPQRST"), min_size=5, max_size=60),
    st.sampled_from([FRACTIONS, FOLDS, INNER]),
)
def test_one_composition_is_never_in_two_sets(compositions, split):
    for roles in members(compositions, split):
        for composition in set(compositions):
            assert len({role for c, role in zip(compositions, roles, strict=True) if c == composition}) == 1


@given(st.permutations(names(40)))
def test_row_order_does_not_matter(order):
    expected = dict(zip(names(40), next(members(names(40), FRACTIONS)), strict=True))
    assert dict(zip(order, next(members(order, FRACTIONS)), strict=True)) == expected


def test_the_split_is_fixed_for_all_time():
    roles = next(members(names(20), FRACTIONS))
    assert "".join(ROLES[r][1] for r in roles) == "raerrrrrrrrerrrarrrr"  # second letters: r, a, e


@pytest.fixture
def materials(tmp_path):
    ids = names(30)
    gaps = [None if i % 10 == 0 else float(i) for i in range(30)]
    path = tmp_path / "materials.parquet"
    pq.write_table(pa.table({"material_id": ids, "composition": ids, "band_gap": gaps}), path)
    return path


def test_materials_without_a_value_are_dropped(materials, tmp_path):
    output = tmp_path / "split.parquet"
    write_split(materials, "band_gap", read_split(FRACTIONS), output, where="here")
    table = pq.read_table(output).to_pandas()
    assert "M10" not in set(table["material_id"])
    assert len(table) == 3 * 27
    assert set(table["role"]) == set(ROLES)


def test_equal_inputs_give_equal_bytes(materials, tmp_path):
    for name in ("a", "b"):
        write_split(materials, "band_gap", read_split(FOLDS), tmp_path / name, where="here")
    assert sha256_file(tmp_path / "a") == sha256_file(tmp_path / "b")


def test_empty_set_is_refused_by_name(materials, tmp_path):
    tiny = FRACTIONS | {"validation": 0.01, "train": 0.89}
    with pytest.raises(DataError, match="split of x: the validation set of member 0 is empty \\(27 materials"):
        write_split(materials, "band_gap", read_split(tiny), tmp_path / "split.parquet", where="split of x")
    assert not (tmp_path / "split.parquet").exists()


def test_the_drawn_sample_is_fixed_and_shared_by_all_members(materials, tmp_path):
    for name, most in (("some", 12), ("all", 100)):
        write_split(
            materials, "band_gap", read_split(FRACTIONS | {"max_materials": most}), tmp_path / name, where="here"
        )
    some, whole = (pq.read_table(tmp_path / name).to_pandas() for name in ("some", "all"))
    assert some.groupby("member")["material_id"].nunique().tolist() == [12] * 3
    assert some["material_id"].nunique() == 12
    assert whole["material_id"].nunique() == 27


ROWS = {"scheme": "k_fold_rows", "folds": 5, "seed": 18012019, "validation": 0, "rows": 103}


def test_seeds_within_a_fold_share_its_split():
    roles = np.array(list(members(names(103), FOLDS | {"members_per_fold": 3})))
    assert (roles[::3] == np.array(list(members(names(103), FOLDS)))).all()
    assert (roles[::3] == roles[2::3]).all()


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
        ([*range(50), *range(52, 103)], "2 of 103 rows of the source are no materials with a value, such as 50, 51"),
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


def test_an_unknown_label_is_refused_by_name(tmp_path):
    message = refused(rows_table(tmp_path, range(3), split=["train", "tets", "test"]), tmp_path, COLUMN)
    assert "column 'split': 'M1' has the label 'tets'." in message
    assert "Did you mean 'test'?" in message


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"fold_0": ["0", "1"], "fold_1": ["1", "2"]}', "listed twice: 1. An entry belongs to one set or fold"),
        ('{"train": ["0", "7"], "test": ["8"]}', "2 of 3 entries are no materials with a value, such as 7, 8."),
        ('{"trian": ["0"], "test": ["1"]}', "'0' has the label 'trian'. Allowed: train, val, valid, validation, test"),
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
