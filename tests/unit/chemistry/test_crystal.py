"""The binary form of crystal structures and its readers."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elemflow.chemistry.crystal import decode, encode, make_crystal
from elemflow.chemistry.structure_text import read_structure

LATTICE = [[4.1, 0, 0], [0.2, 4.2, 0], [0, 0, 5.0]]
PYMATGEN = {
    "lattice": {"matrix": LATTICE},
    "sites": [
        {"species": [{"element": "Na", "occu": 1, "oxidation_state": 1.0}], "abc": [0, 0, 0]},
        {"species": [{"element": "Cl", "occu": 0.5}, {"element": "Br", "occu": 0.5}], "abc": [0.5, 0.5, -0.0]},
    ],
}
number = st.floats(-1e6, 1e6, allow_nan=False)
crystals = st.integers(1, 12).flatmap(
    lambda n: st.builds(
        make_crystal,
        arrays(np.float64, (3, 3), elements=number),
        st.lists(st.sampled_from(["H", "Fe", "O", "Br0.5Cl0.5", "Uue"]), min_size=n, max_size=n),
        arrays(np.float64, (n, 3), elements=number),
    )
)


@given(crystals)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_on_the_way(crystal):
    back = decode(encode(crystal))
    np.testing.assert_array_equal(back.lattice, crystal.lattice)
    np.testing.assert_array_equal(back.coordinates, crystal.coordinates)
    assert back.species == crystal.species
    assert encode(back) == encode(crystal)


def test_bytes_are_small_and_do_not_know_the_sign_of_zero():
    one = make_crystal(LATTICE, ["Na", "Cl"], [[0.0, 0, 0], [0.5, 0.5, 0.5]])
    other = make_crystal(LATTICE, ["Na", "Cl"], [[-0.0, 0, 0], [0.5, 0.5, 0.5]])
    assert encode(one) == encode(other)
    assert len(encode(one)) == 9 + 5 + 2 * 2 + 8 * 15


@pytest.mark.parametrize(
    "data", [b"", b"abc", b"EF\x02" + bytes(200), encode(make_crystal(np.eye(3), ["H"], [[0] * 3]))[:-1]]
)
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="not an encoded structure"):
        decode(data)


@pytest.mark.parametrize("as_text", [False, True])
def test_pymatgen_dict(as_text):
    crystal = read_structure(json.dumps(PYMATGEN) if as_text else PYMATGEN)
    assert crystal.species == ("Na", "Br0.5Cl0.5")
    assert crystal.coordinates.tolist() == [[0, 0, 0], [0.5, 0.5, 0]]
    assert crystal.lattice.tolist() == LATTICE


def test_an_element_in_two_oxidation_states_is_whole():
    site = {"species": [{"element": "Fe", "occu": 0.5}, {"element": "Fe", "occu": 0.5}], "abc": [0, 0, 0]}
    assert read_structure(PYMATGEN | {"sites": [site]}).species == ("Fe",)


def test_what_a_site_holds_none_of_is_dropped():
    sites = [*PYMATGEN["sites"], {"species": [{"element": "Fe", "occu": 0}], "abc": [0.2, 0, 0]}]
    sites[0] = {"species": [*sites[0]["species"], {"element": "K", "occu": 0.0}], "abc": [0, 0, 0]}
    assert read_structure(PYMATGEN | {"sites": sites}).species == ("Na", "Br0.5Cl0.5")
    with pytest.raises(ValueError, match="negative"):
        read_structure(PYMATGEN | {"sites": [{"species": [{"element": "Fe", "occu": -0.5}], "abc": [0, 0, 0]}]})


def test_jarvis_dict():
    value = {"lattice_mat": LATTICE, "elements": ["Na", "Cl "], "coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    crystal = read_structure(value)
    assert crystal.species == ("Na", "Cl")
    cartesian = read_structure(value | {"coords": crystal.coordinates @ crystal.lattice, "cartesian": True})
    np.testing.assert_allclose(cartesian.coordinates, crystal.coordinates, atol=1e-12)


def test_cif():
    from pymatgen.core import Lattice, Structure

    given_structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na+", "Cl-"], [[0, 0, 0], [0.5] * 3])
    crystal = read_structure(given_structure.to(fmt="cif"))
    assert sorted(crystal.species) == ["Cl"] * 4 + ["Na"] * 4
    assert abs(np.linalg.det(crystal.lattice)) == pytest.approx(5.64**3)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("data_x\n_cell_length_a 3", "the CIF cannot be read"),
        ("data_x\n_cell_length_a 3\nloop_\n _atom_site_label\n _atom_site_frac", "the CIF cannot be read"),
        ("{", "no valid JSON"),
        ("{}", "neither CIF text nor"),
        ({"sites": [{"species": []}], "lattice": {}}, "pymatgen dict is incomplete"),
        ({"sites": [], "lattice": {"matrix": LATTICE}}, "no sites"),
        ({"lattice_mat": LATTICE}, "JARVIS dict is incomplete: KeyError"),
        ({"lattice_mat": LATTICE, "elements": ["H"], "coords": [[0, 0]]}, "coordinates are needed"),
        (
            {"lattice_mat": LATTICE, "elements": ["H", "H"], "coords": [[0, 0, 0], [0]]},
            "coordinates: no numbers in rows of three",
        ),
        (
            {"lattice_mat": [[1, None, "x"]] * 3, "elements": ["H"], "coords": [[0, 0, 0]]},
            "lattice: no numbers in rows of three",
        ),
        ({"lattice_mat": LATTICE, "elements": ["H"], "coords": [[0, 0, float("nan")]]}, "not a finite number"),
    ],
)
def test_damaged_structures_get_a_reason(value, reason):
    with pytest.raises(ValueError, match=reason):
        read_structure(value)
