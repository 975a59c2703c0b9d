"""Volume, density and symmetry of crystals whose values are known."""

import numpy as np
import pytest

from elemflow.chemistry.crystal import Crystal, formula_of, make_crystal
from elemflow.chemistry.crystal_properties import (
    COMPUTED,
    density,
    n_sites,
    spacegroup,
    volume,
    volume_per_atom,
)

FACES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


@pytest.fixture
def salt() -> Crystal:
    """NaCl with its measured lattice constant, 5.6402 Å."""
    positions = [*FACES, *(np.add(FACES, [0.5, 0, 0]) % 1)]
    return make_crystal(np.eye(3) * 5.6402, ["Na"] * 4 + ["Cl"] * 4, positions)


def test_rock_salt(salt: Crystal) -> None:
    assert volume(salt) == pytest.approx(179.43, abs=0.01)
    assert volume_per_atom(salt) == pytest.approx(22.43, abs=0.01)
    assert density(salt) == pytest.approx(2.165, abs=0.005)  # handbooks: 2.16 to 2.17 g/cm³
    assert (n_sites(salt), spacegroup(salt)) == (8, 225)
    assert formula_of(salt.species) == "Na4Cl4"
    assert set(COMPUTED) == {"volume_per_atom", "volume", "density", "n_sites", "spacegroup"}


def test_left_handed_cells_have_a_positive_volume(salt: Crystal) -> None:
    assert volume(salt._replace(lattice=salt.lattice[[1, 0, 2]])) == pytest.approx(volume(salt))


def test_symmetry_is_found_in_any_cell_and_lost_with_a_shift(salt: Crystal) -> None:
    primitive = make_crystal(np.array(FACES[1:]) * 5.6402, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert spacegroup(primitive) == 225
    shifted = salt.coordinates + np.outer(np.arange(8) == 3, [0.06, 0.03, 0.01])
    assert spacegroup(salt._replace(coordinates=shifted)) < 225
    assert np.isnan(spacegroup(salt._replace(coordinates=np.zeros((8, 3)))))


def test_shared_and_partly_empty_sites(salt: Crystal) -> None:
    half = salt._replace(species=("Na0.5",) * 4 + ("Cl0.25Br0.25",) * 4)
    assert formula_of(half.species) == "(Na0.5)4(Cl0.25Br0.25)4"
    assert volume_per_atom(half) == pytest.approx(2 * volume_per_atom(salt))
    assert density(half) == pytest.approx(
        (0.5 * 22.990 + 0.25 * 35.45 + 0.25 * 79.904) * 4 * 1.66054 / volume(salt), 1e-4
    )
