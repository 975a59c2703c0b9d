import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.errors import DataError
from elemflow.files import sha256_file
from elemflow.splits import ROLES, divide, write_split

FRACTIONS = {
    "scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1, "seed": 7, "members": 3, "resplit": True,
}  # fmt: skip
FOLDS = {"scheme": "k_fold", "folds": 5, "repeats": 2, "validation": 0.1, "seed": 7}
INNER = {"scheme": "k_fold_validation", "test": 0.1, "folds": 5, "seed": 7}
TRAIN, VALIDATION, TEST = range(3)


def names(n):
    return [f"M{i}" for i in range(n)]


@pytest.mark.parametrize("n", [20, 213, 2135])
def test_fractions_have_the_asked_sizes(n):
    for roles in divide(names(n), FRACTIONS):
        assert (roles == TEST).sum() == round(0.1 * n)
        assert abs((roles == VALIDATION).sum() - 0.09 * n) <= 1
        assert set(roles) == {TRAIN, VALIDATION, TEST}


def test_members_differ_with_resplit_and_share_one_division_without():
    first, second, _ = divide(names(100), FRACTIONS)
    assert (first != second).any()
    first, second, _ = divide(names(100), FRACTIONS | {"resplit": False})
    assert (first == second).all()


def test_test_part_stays_when_the_validation_share_changes():
    one = next(divide(names(500), FRACTIONS))
    other = next(divide(names(500), FRACTIONS | {"validation": 0.2, "train": 0.7}))
    assert ((one == TEST) == (other == TEST)).all()


def test_every_fold_is_the_test_part_once_per_repeat():
    roles = np.array(list(divide(names(103), FOLDS)))
    assert roles.shape == (10, 103)
    for repeat in (roles[:5], roles[5:]):
        assert ((repeat == TEST).sum(axis=0) == 1).all()
    assert ((roles[0] == TEST) != (roles[5] == TEST)).any()


def test_inner_folds_share_the_test_part_of_fractions():
    roles = np.array(list(divide(names(103), INNER)))
    assert ((roles == TEST) == (next(divide(names(103), FRACTIONS)) == TEST)).all()
    assert set((roles == VALIDATION).sum(axis=0)[roles[0] != TEST]) == {1}
    assert set((roles == VALIDATION).sum(axis=1)) <= {18, 19}


def test_five_times_two_halves():
    roles = list(divide(names(100), FOLDS | {"folds": 2, "repeats": 5}))
    assert len(roles) == 10
    assert all((r == TEST).sum() == 50 and (r == VALIDATION).sum() == 5 for r in roles)


@given(
    st.lists(st.sampled_from("ABCDEFGHIJKLMNOPQRST"), min_size=5, max_size=60),
    st.sampled_from([FRACTIONS, FOLDS, INNER]),
)
def test_one_composition_is_never_in_two_parts(compositions, split):
    for roles in divide(compositions, split):
        for composition in set(compositions):
            assert len({role for c, role in zip(compositions, roles, strict=True) if c == composition}) == 1


@given(st.permutations(names(40)))
def test_row_order_does_not_matter(order):
    expected = dict(zip(names(40), next(divide(names(40), FRACTIONS)), strict=True))
    assert dict(zip(order, next(divide(order, FRACTIONS)), strict=True)) == expected


def test_division_is_fixed_for_all_time():
    roles = next(divide(names(20), FRACTIONS))
    assert "".join(ROLES[r][1] for r in roles) == "raerrrrrrrrerrrarrrr"  # second letters: r, a, e


@pytest.fixture
def materials(tmp_path):
    ids = names(30)
    gaps = [None if i % 10 == 0 else float(i) for i in range(30)]
    path = tmp_path / "materials.parquet"
    pq.write_table(pa.table({"material_id": ids, "composition": ids, "band_gap": gaps}), path)
    return path


def test_materials_without_a_value_are_left_out(materials, tmp_path):
    output = tmp_path / "split.parquet"
    write_split(materials, "band_gap", FRACTIONS, output, where="here")
    table = pq.read_table(output).to_pandas()
    assert "M10" not in set(table["material_id"])
    assert len(table) == 3 * 27
    assert set(table["role"]) == set(ROLES)


def test_equal_inputs_give_equal_bytes(materials, tmp_path):
    for name in ("a", "b"):
        write_split(materials, "band_gap", FOLDS, tmp_path / name, where="here")
    assert sha256_file(tmp_path / "a") == sha256_file(tmp_path / "b")


def test_empty_part_is_refused_by_name(materials, tmp_path):
    tiny = FRACTIONS | {"validation": 0.01, "train": 0.89}
    with pytest.raises(DataError, match="split of x: the validation part of member 0 is empty \\(27 materials"):
        write_split(materials, "band_gap", tiny, tmp_path / "split.parquet", where="split of x")
    assert not (tmp_path / "split.parquet").exists()


def test_the_drawn_sample_is_fixed_and_shared_by_all_members(materials, tmp_path):
    for name, most in (("some", 12), ("all", 100)):
        write_split(materials, "band_gap", FRACTIONS | {"max_materials": most}, tmp_path / name, where="here")
    some, whole = (pq.read_table(tmp_path / name).to_pandas() for name in ("some", "all"))
    assert some.groupby("member")["material_id"].nunique().tolist() == [12] * 3
    assert some["material_id"].nunique() == 12
    assert whole["material_id"].nunique() == 27
