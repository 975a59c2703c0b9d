import pyarrow as pa
import pytest

from elemflow.chemistry import material_id


@pytest.mark.parametrize("entry_id", [None, "7", "mp-1#a"])
def test_the_composition_of_an_id_is_the_one_it_was_made_of(entry_id):
    assert material_id.composition_of(material_id.make("Fe2O3", entry_id)) == "Fe2O3"


def test_ids_of_a_column_are_those_of_its_rows():
    made = material_id.make_all(pa.array(["Fe2O3", "ClNa"]), pa.array(["7", "8"]))
    assert made.to_pylist() == [material_id.make("Fe2O3", "7"), material_id.make("ClNa", "8")]
