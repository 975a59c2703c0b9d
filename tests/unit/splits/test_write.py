"""Split files: rows with a value only, fixed bytes, no empty set."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.core.roles import ROLES
from elemflow.splits.schemes.registry import read_split
from elemflow.splits.write import write_split

FRACTIONS = {
    "scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1, "seed": 7, "members": 3, "split_per_member": True,
}  # fmt: skip


FOLDS = {"scheme": "k_fold", "folds": 5, "repeats": 2, "validation": 0.1, "seed": 7}


def names(n):
    return [f"M{i}" for i in range(n)]


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
