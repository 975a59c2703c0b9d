"""Reduced compositions of the sets of a split."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.errors import DataError
from elemflow.core.roles import EVALUATION_ROLES
from elemflow.splits.leakage import compositions_of, reduced


@pytest.fixture
def split(tmp_path):
    """Two members over the materials a to d; the second has no validation set."""
    roles = ["train", "validation", "test", "train", "train", "train", "train", "test"]
    rows = {"material_id": [*"abcd", *"abcd"], "member": [0] * 4 + [1] * 4, "role": roles}
    pq.write_table(pa.table(rows), tmp_path / "split.parquet")
    materials = {"material_id": list("abcd"), "composition": ["Fe4O6", "O3Fe2", "NaCl", "KCl"]}
    pq.write_table(pa.table(materials), tmp_path / "materials.parquet")
    return tmp_path / "split.parquet", tmp_path / "materials.parquet"


def test_compositions_are_those_of_the_roles_in_reduced_form(split):
    assert compositions_of(*split, EVALUATION_ROLES) == {0: {"Fe2O3", "ClNa"}, 1: {"ClK"}}
    assert compositions_of(*split) == {member: {"Fe2O3", "ClNa", "ClK"} for member in (0, 1)}
    assert compositions_of(*split, ["validation"]) == {0: {"Fe2O3"}, 1: set()}


def test_a_text_that_is_no_formula_is_named_with_its_file():
    with pytest.raises(DataError, match=r"m\.parquet: column 'composition': 'Fe2Q'"):
        reduced(["Fe2O3", "Fe2Q"], "m.parquet")
