"""POSCAR and extended XYZ files, compared with what pymatgen reads and writes."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.crystal import Crystal
from elemflow.chemistry.extxyz import from_extxyz
from elemflow.chemistry.poscar import from_poscar
from elemflow.chemistry.structure_text import READERS

POSCAR = """CsCl
2.0
2.06 0 0
0.1 2.06 0
0 0 2.06
Cs_sv Cl
1 1
Selective dynamics
Direct
0 0 0 T T F
0.5 0.5 0.5 F F F Cl
"""
EXTXYZ = """2
Lattice="4.12 0 0 0.2 4.12 0 0 0 4.12" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.5 pbc="T T T"
Cs 0 0 0 0.1 0 0
Cl 2.16 2.06 2.06 0 0 0
"""
LATTICE = [[4.12, 0, 0], [0.2, 4.12, 0], [0, 0, 4.12]]


def check(crystal: Crystal) -> None:
    assert crystal.species == ("Cs", "Cl")
    np.testing.assert_allclose(crystal.lattice, LATTICE, atol=1e-12)
    np.testing.assert_allclose(crystal.coordinates, [[0, 0, 0], [0.5, 0.5, 0.5]], atol=1e-12)


def test_a_poscar() -> None:
    check(from_poscar(POSCAR))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n2.0\n", "\n-69.934528\n"),  # the volume
        ("\n2.0\n", "\n2.0 2.0 2.0\n"),
        ("Cs_sv Cl", "Cs/0a1b2c Cl/3d4e5f"),
        ("Selective dynamics\n", ""),
        ("Direct", "direct configuration"),
        ("Direct\n0 0 0 T T F\n0.5 0.5 0.5", "Cartesian\n0 0 0 T T F\n1.08 1.03 1.03"),
        ("\n", "\r\n"),
        ("CsCl\n", "\n"),  # an empty comment
        ("CsCl\n", "\n\nCsCl\n"),
        ("CsCl\n", "\n1 CsCl\n"),
    ],
)
def test_ways_to_write_a_poscar(old: str, new: str) -> None:
    check(from_poscar(POSCAR.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('pbc="T T T"', ""),
        ('pbc="T T T"', "pbc=T"),
        ('Lattice="', 'lattice = "'),
        ("Cl 2.16 2.06 2.06 0 0 0\n", "Cl 2.16 2.06 2.06 0 0 0\n\n"),
        ("Cs 0 0 0 0.1", "Cs  0\t0  0 0.1"),
    ],
)
def test_ways_to_write_an_extxyz(old: str, new: str) -> None:
    check(from_extxyz(EXTXYZ.replace(old, new)))


def test_columns_of_an_extxyz_may_come_in_any_order() -> None:
    text = EXTXYZ.replace("species:S:1:pos:R:3:forces:R:3", "id:I:1:pos:R:3:species:S:1")
    head = text.splitlines()[:2]
    check(from_extxyz("\n".join([*head, "1 0 0 0 Cs", "2 2.16 2.06 2.06 Cl"])))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_pymatgen_writes_and_reads(data: st.DataObject) -> None:
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.vasp import Poscar

    species = data.draw(st.lists(st.sampled_from(["Fe", "O", "Na"]), min_size=1, max_size=6))
    places = data.draw(st.lists(st.tuples(*[st.floats(0, 0.99)] * 3), min_size=len(species), max_size=len(species)))
    lattice = Lattice.from_parameters(*data.draw(st.tuples(*[st.floats(3, 9)] * 3, *[st.floats(70, 110)] * 3)))
    structure = Structure(lattice, species, places)
    text = Poscar(structure).get_str(direct=data.draw(st.booleans()), significant_figures=12)
    crystal, expected = from_poscar(text), Poscar.from_str(text).structure
    assert list(crystal.species) == [site.specie.symbol for site in expected]
    np.testing.assert_allclose(crystal.lattice, expected.lattice.matrix, atol=1e-9)
    np.testing.assert_allclose(crystal.coordinates, expected.frac_coords, atol=1e-9)


BROKEN = [
    ("poscar", "", "0 lines"),
    ("poscar", POSCAR.replace("Cs_sv Cl\n", ""), "line 6, '1 1', does not name the elements"),
    ("poscar", POSCAR.replace("Cs_sv", "Qq"), "line 6, 'Qq Cl', does not name"),
    ("poscar", POSCAR.replace("\n1 1\n", "\n1\n"), "line 7, '1', does not count the atoms of 2"),
    ("poscar", POSCAR.rpartition("0.5 0.5 0.5")[0], "1 coordinates for 2 atoms; it is cut off"),
    ("poscar", POSCAR.replace("\n1 1\n", "\n1 999999999999\n"), "line 7, '1 999999999999', counts more atoms than the"),
    ("poscar", POSCAR.replace("2.06 0 0", "2,06 0 0"), "line 3, a cell vector, is '2,06 0 0', not numbers"),
    ("poscar", POSCAR.replace("2.06 0 0", "2.06 0"), "line 3, a cell vector, is '2.06 0', not three numbers"),
    ("poscar", POSCAR.replace("2.06 0 0\n", "0 0 0\n", 1), "no volume"),
    ("poscar", POSCAR.replace("\n2.0\n", "\n0\n"), "neither one scale nor three"),
    ("poscar", POSCAR.replace("Direct", "Indirect"), "line 9 says neither Direct nor Cartesian"),
    ("poscar", POSCAR.replace("0.5 0.5 0.5", "0.5 nan 0.5"), "not a finite number"),
    ("extxyz", "", "not the number of atoms"),
    ("extxyz", POSCAR, "not the number of atoms"),
    ("extxyz", EXTXYZ + EXTXYZ, "keep one frame"),
    ("extxyz", EXTXYZ.rpartition("Cl")[0], "1 of its 2 atoms"),
    ("extxyz", "1\nwater\nO 0 0 0\n", "no Lattice of nine numbers"),
    ("extxyz", EXTXYZ.replace("T T T", "T T F"), "pbc is 'T T F'"),
    ("extxyz", EXTXYZ.replace("species:S", "type:I"), "no 'species'"),
    ("extxyz", EXTXYZ.replace("Cl 2", "X 2"), "'X' is not an element"),
    ("extxyz", EXTXYZ.replace("2.16", "2,16"), "a position is '2,16 2.06 2.06', not numbers"),
    ("extxyz", EXTXYZ.replace("4.12 0 0 0.2", "0 0 0 0.2"), "no volume"),
    ("extxyz", EXTXYZ.replace("Cl 2.16 2.06 2.06 0 0 0", "Cl"), "fewer than three"),
]


@pytest.mark.parametrize(("form", "text", "reason"), BROKEN, ids=[f"{form}-{reason}" for form, _, reason in BROKEN])
def test_a_file_that_cannot_be_read_says_why(form: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        READERS[form](text)


@given(
    st.sampled_from(["poscar", "extxyz"]),
    st.text(alphabet='0123456789.- \nCsClTF=:"', max_size=30),
    st.integers(0, 160),
)
def test_any_damage_is_a_reason(form: str, garbage: str, place: int) -> None:
    whole = {"poscar": POSCAR, "extxyz": EXTXYZ}[form]
    with suppress(ValueError):
        READERS[form](whole[:place] + garbage + whole[place:])
