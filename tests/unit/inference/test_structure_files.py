"""Files of crystal structures, by the representation of their composition."""

from pathlib import Path

import pytest
from factories.predicting import write_run

from elemflow.core.errors import DataError
from elemflow.inference.predictor import Predictor
from elemflow.inference.structure_files import batches_of_structures
from elemflow.inference.structure_names import structure_format

POSCAR = """FeO
1.0
3.0 0 0
0 3.0 0
0 0 3.0
Fe O
1 1
direct
0 0 0
0.5 0.5 0.5
"""
XYZ = """2
Lattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 pbc="T T T"
Co 0 0 0
S 1.5 1.5 1.5
"""


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor(write_run(tmp_path_factory.mktemp("project")))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, text in (("POSCAR_1", POSCAR), ("a.extxyz", XYZ), ("bad.cif", "no cif")):
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in ("POSCAR_1", "bad.cif", "a.extxyz", "none.vasp")]


def test_structures_are_predicted_by_their_composition(predictor: Predictor, files: list[str]) -> None:
    [batch] = batches_of_structures(predictor, files, skip=True)
    assert batch.labels["file"] == files
    assert batch.labels["composition"] == ["FeO", None, "CoS", None]
    assert [reason is None for reason in batch.reasons] == [True, False, True, False]
    assert batch.reasons[3] == "no such file"
    table = predictor.table(batch, predictor.schema(["file", "formula", "composition", "reason"])).to_pylist()
    assert table[0]["y_pred"] == predictor.predict(["FeO"])[0]
    assert table[2]["y_pred"] == predictor.predict(["CoS"])[0]
    assert table[1]["y_pred"] is None


def test_a_file_that_cannot_be_read_is_named(predictor: Predictor, files: list[str]) -> None:
    with pytest.raises(DataError, match=r"bad\.cif"):
        list(batches_of_structures(predictor, files, skip=False))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("x/a.CIF", "cif"),
        ("POSCAR", "poscar"),
        ("run/CONTCAR.1", "poscar"),
        ("a.xyz", "extxyz"),
        ("a.csv", None),
        ("FeO", None),
    ],
)
def test_formats_by_name(name: str, form: str | None) -> None:
    assert structure_format(name) == form


CIF = """data_a
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Fe1 0 0 0
O1 0.5 0.5 0.5
"""


def test_a_cif_of_several_structures_is_refused_and_a_byte_order_mark_is_none(
    predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "one.cif").write_text("data_global\n_journal_name x\n" + CIF, encoding="utf-8-sig")
    (tmp_path / "two.cif").write_text(CIF + CIF.replace("data_a", "data_b").replace("O1", "S1"))
    [batch] = batches_of_structures(predictor, [str(tmp_path / f"{name}.cif") for name in ("one", "two")], skip=True)
    assert batch.labels["composition"] == ["FeO", None]
    assert batch.reasons == [None, "it has 2 structures (blocks data_ with atoms); keep one per file"]
