import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.splits.schemes.registry import read_split
from elemflow.splits.write import write_split

FRACTIONS = {
    "scheme": "fractions", "train": 0.7, "validation": 0.1, "test": 0.2, "seed": 7, "members": 3, "split_per_member": True,
}  # fmt: skip
FOLDS = {"scheme": "k_fold", "folds": 3, "repeats": 1, "validation": 0.1, "seed": 7}


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    path = tmp_path_factory.mktemp("materials") / "materials.parquet"
    metals, others = ("Ag", "Ba", "Ca", "Mg"), range(1, 51)
    compositions = sorted(f"{metal}O{n}" for metal in metals for n in others)
    pq.write_table(pa.table({"material_id": compositions, "composition": compositions, "gap": [1.0] * 200}), path)
    return path


def sets(materials, folder, split):
    """Return the materials of each (member, role)."""
    output = folder / "split.parquet"
    write_split(materials, "gap", read_split(split), output, where="here")
    table = pq.read_table(output).to_pandas()
    assert table.equals(table.sort_values(["member", "material_id"], ignore_index=True))
    return {key: set(rows["material_id"]) for key, rows in table.groupby(["member", "role"], observed=True)}


def whole(materials, folder, split):
    write_split(materials, "gap", read_split(split), folder / "whole.parquet", where="here")
    table = pq.read_table(folder / "whole.parquet").to_pandas()
    return {key: set(rows["material_id"]) for key, rows in table.groupby(["member", "role"], observed=True)}


@pytest.mark.parametrize("split", [FRACTIONS, FOLDS])
def test_fewer_training_rows_are_a_subset_and_the_other_sets_stay(materials, tmp_path, split):
    found = {rows: sets(materials, tmp_path, split | {"train_rows": rows}) for rows in (1, 20, 100)}
    full = whole(materials, tmp_path, split)
    for member in range(3):
        trained = [found[rows][member, "train"] for rows in (1, 20, 100)]
        assert [len(rows) for rows in trained] == [1, 20, 100]
        assert trained[0] < trained[1] < trained[2] < full[member, "train"]
        for role in ("validation", "test"):
            assert all(parts[member, role] == full[member, role] for parts in found.values())


def test_each_split_draws_its_own_rows_and_its_members_share_them(materials, tmp_path):
    parts = sets(materials, tmp_path, FRACTIONS | {"train_rows": 20})
    assert len(parts[0, "train"] & parts[1, "train"]) < 15
    shared = sets(materials, tmp_path, FRACTIONS | {"train_rows": 20, "split_per_member": False})
    assert shared[0, "train"] == shared[1, "train"] == shared[2, "train"]


def test_too_many_rows_are_refused_with_the_number_there_is(materials, tmp_path):
    with pytest.raises(DataError, match=r"here, member 0: .*'split.train_rows' requests 141 .*there are 140"):
        sets(materials, tmp_path, FRACTIONS | {"train_rows": 141})
    assert not (tmp_path / "split.parquet").exists()


def held(train_fraction, test=0.2, element="Mg"):
    return {"hold_out": {"element": element, "train_fraction": train_fraction, "test_fraction": test}}


def with_mg(names):
    return {name for name in names if name.startswith("Mg")}


@pytest.mark.parametrize("split", [FRACTIONS, FOLDS])
def test_the_tested_materials_stay_and_more_are_given_back(materials, tmp_path, split):
    found = {share: sets(materials, tmp_path, split | held(share)) for share in (0, 0.1, 0.5, 0.8)}
    full = whole(materials, tmp_path, split)
    for member in range(3):
        tested = [with_mg(parts[member, "test"]) for parts in found.values()]
        assert len(tested[0]) == 10
        assert all(names == tested[0] for names in tested)
        trained = [with_mg(parts[member, "train"]) for parts in found.values()]
        assert [len(names) for names in trained] == [0, 5, 25, 40]
        assert trained[0] <= trained[1] <= trained[2] <= trained[3]
        assert not trained[3] & tested[0]
        for parts in found.values():
            assert not with_mg(parts[member, "validation"])
            for role in ("train", "validation", "test"):
                assert parts[member, role] - with_mg(parts[member, role]) == {
                    name for name in full[member, role] if not name.startswith("Mg")
                }


def test_a_common_test_set_has_the_same_materials_of_the_element(materials, tmp_path):
    folds = {"scheme": "k_fold_validation", "test": 0.2, "folds": 4, "seed": FRACTIONS["seed"]}
    found = sets(materials, tmp_path, folds | held(0.5))
    assert len(with_mg(found[0, "test"])) == 10
    assert found[0, "test"] == found[1, "test"] == found[2, "test"] == found[3, "test"]
    one = {"scheme": "fractions", "train": 0.7, "validation": 0.1, "test": 0.2, "seed": FRACTIONS["seed"]}
    assert sets(materials, tmp_path, one | held(0.5))[0, "test"] == found[0, "test"], "of one name of test sets"


def test_an_element_without_materials_is_refused(materials, tmp_path):
    with pytest.raises(DataError, match="names Fe, and none of the 200 materials"):
        sets(materials, tmp_path, FRACTIONS | held(0, element="Fe"))


def test_a_share_without_test_materials_is_refused(materials, tmp_path):
    with pytest.raises(DataError, match=r"of the 50 materials with Mg the share 0\.001 leaves none"):
        sets(materials, tmp_path, FRACTIONS | held(0, test=0.001))


def test_an_element_in_every_material_is_refused(materials, tmp_path):
    with pytest.raises(DataError, match="member 0: the train set is empty"):
        sets(materials, tmp_path, FRACTIONS | held(0, element="O"))


def test_the_symbol_is_compared_and_not_the_text(tmp_path):
    """Carbon is no part of calcium."""
    names = sorted([f"CaO{n}" for n in range(1, 40)] + [f"CO{n}" for n in range(1, 40)])
    pq.write_table(pa.table({"material_id": names, "composition": names, "gap": [1.0] * 78}), tmp_path / "m.parquet")
    parts = sets(tmp_path / "m.parquet", tmp_path, FRACTIONS | held(0, element="C"))
    assert all(name.startswith("Ca") for name in parts[0, "train"])


def test_polymorphs_stay_together(tmp_path):
    compositions = [f"MgO{n // 4 + 1}" for n in range(60)] + [f"CaO{n // 4 + 1}" for n in range(200)]
    ids = [f"{name}#{n:03}" for n, name in enumerate(compositions)]
    table = pa.table({"material_id": ids, "composition": compositions, "gap": np.ones(260)}).sort_by("material_id")
    pq.write_table(table, tmp_path / "m.parquet")
    parts = sets(tmp_path / "m.parquet", tmp_path, FRACTIONS | held(0.5))
    roles = {}
    for (member, role), names in parts.items():
        for name in names:
            roles.setdefault((member, name.partition("#")[0]), set()).add(role)
    assert all(len(found) == 1 for found in roles.values())


def test_equal_inputs_give_equal_bytes(materials, tmp_path):
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        sets(materials, tmp_path / name, FRACTIONS | held(0.3) | {"train_rows": 50})
        digests.add(sha256_file(tmp_path / name / "split.parquet"))
    assert len(digests) == 1


@given(train_fraction=st.floats(0, 0.8), rows=st.integers(1, 90))
def test_sets_never_share_a_material(materials, tmp_path_factory, train_fraction, rows):
    folder = tmp_path_factory.mktemp("any")
    parts = sets(materials, folder, FRACTIONS | held(train_fraction) | {"members": 1, "train_rows": rows})
    assert len(parts[0, "train"]) == rows
    assert sum(map(len, parts.values())) == len(set.union(*parts.values()))
