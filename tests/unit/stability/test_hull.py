"""Decomposition enthalpies: examples by hand, pymatgen as the oracle, and what holds for any set of phases."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.composition import amounts, canonical
from elemflow.core.errors import DataError
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.hull import above_hull, decompose

ELEMENTS = ("Li", "Mn", "O", "P", "Fe", "Ni", "F")


def decomposed(formulas, energies, **keys):
    competition = Competition(Compositions.of([canonical(each) for each in formulas]))
    return decompose(competition, np.asarray(energies, dtype=float), **keys)


def random_phases(n, seed, elements=ELEMENTS):
    rng = np.random.default_rng(seed)
    found = {}
    while len(found) < n:
        chosen = rng.choice(elements, rng.integers(2, min(len(elements), 7) + 1), replace=False)
        found[canonical("".join(f"{e}{rng.integers(1, 7)}" for e in chosen))] = rng.normal(-1.5, 1)
    return list(found), np.array(list(found.values()))


def by_pymatgen(formulas, energies):
    """Hull energy per atom of all other phases and the elements, at each formula."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
        from pymatgen.core import Composition
    entries = [
        PDEntry(Composition(formula), energy * Composition(formula).num_atoms)
        for formula, energy in zip(formulas, energies, strict=True)
    ]
    hull = []
    for formula, own in zip(formulas, entries, strict=True):
        space = set(amounts(formula))
        others = [entry for entry in entries if entry is not own and set(amounts(entry.name)) <= space]
        others += [PDEntry(Composition(element), 0.0) for element in space]
        hull.append(PhaseDiagram(others).get_hull_energy_per_atom(Composition(formula)))
    return np.array(hull)


def test_a_compound_on_a_tie_line_is_stable_whatever_its_rounding():
    formulas = ["AlNi", "NiTi", "Al4Ni5Ti"]  # four parts of the first and one of the second
    exact = []
    for first in range(100, 400, 3):
        energies = np.array([-first, -first - 5, -first - 1]) / 1000
        mixtures = decomposed(formulas, energies).hull_energy
        exact.append(energies[2] - mixtures[2])
        assert above_hull(energies, mixtures)[2] == 0
        assert above_hull(energies + 2e-9, mixtures)[2] > 0
    assert max(exact) > 0  # what rounding leaves would make some of them unstable


def test_a_compound_below_and_one_above_the_hull():
    found = decomposed(["LiO", "Li2O", "LiO2"], [-1.0, -2.0, -0.5])
    # 4 LiO are 2 Li2O and 2 O: 6 of 8 atoms are in Li2O.
    assert found.hull_energy[0] == pytest.approx(-1.5)
    assert dict(found.name_products(0, ["LiO", "Li2O", "LiO2"])) == pytest.approx({"Li2O": 0.75, "O": 0.25})
    assert found.hull_energy[2] == pytest.approx(-1.0)  # half of it is Li2O
    # Li2O against LiO and Li: it lies below the hull without it.
    assert -2.0 - found.hull_energy[1] == pytest.approx(-2.0 + 2 / 3)


def test_without_competing_phases_the_elements_are_the_products():
    found = decomposed(["Li2O", "NaCl"], [-2.0, -2.1])
    assert found.hull_energy.tolist() == [0, 0]
    assert found.n_competing.tolist() == [0, 0]
    assert found.name_products(1, []) == [("Cl", 0.5), ("Na", 0.5)]


@pytest.mark.parametrize("seed", range(3))
def test_pymatgen_finds_the_same_hull(seed):
    formulas, energies = random_phases(40, seed)
    found = decomposed(formulas, energies)
    np.testing.assert_allclose(found.hull_energy, by_pymatgen(formulas, energies), atol=1e-9)


def test_fractional_and_seven_element_compounds():
    formulas = [
        canonical(each) for each in ("Li0.5Mn0.5O1.333", "LiMnO2", "Li2MnO3", "MnO2", "LiMnFeNiPO4F", "LiFePO4")
    ]
    energies = np.array([-1.5, -1.8, -2.0, -1.7, -1.9, -2.3])
    found = decomposed(formulas, energies)
    assert amounts(formulas[4]).keys() == set(ELEMENTS)
    np.testing.assert_allclose(found.hull_energy, by_pymatgen(formulas, energies), atol=1e-9)


def test_systems_of_many_elements_are_searched_for_their_phases():
    alloy = canonical("LiMnFeNiCoCrVTiZrNbMo")
    found = decomposed([alloy, "FeNi", "CoV"], [-0.1, -0.2, -0.3])
    assert found.hull_energy[0] == pytest.approx((-0.2 * 2 - 0.3 * 2) / 11)
    assert found.n_competing.tolist() == [2, 0, 0]


def test_only_active_phases_compete():
    formulas, energies = random_phases(30, 4)
    active = np.arange(30) % 3 > 0
    found = decomposed(formulas, energies, active=active)
    kept = np.flatnonzero(active)
    alone = decomposed([formulas[i] for i in kept], energies[kept])
    np.testing.assert_allclose(found.hull_energy[kept], alone.hull_energy, atol=1e-12)
    some = decomposed(formulas, energies, active=active, rows=np.array([7, 2]))
    np.testing.assert_array_equal(some.hull_energy, found.hull_energy[[7, 2]])


def test_candidates_compete_with_known_phases_and_not_with_themselves():
    known = Compositions.of(["Li2O", "MnO2", "Li"])
    candidates = Competition(Compositions.of(["Li2MnO3", "MnO2", "LiZn"]), known)
    found = decompose(candidates, np.array([-2.0, -1.8, -9.0]))
    assert candidates.equal.tolist() == [-1, 1, -1]
    assert found.hull_energy == pytest.approx([(-2.0 * 3 - 1.8 * 3) / 6, 0, 0])  # elements of the hull have energy 0
    assert found.n_competing.tolist() == [2, 0, 0]


def test_an_energy_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="MnO2"):
        decomposed(["Li2O", "MnO2"], [-1.0, np.nan])


def test_no_compositions_at_all():
    assert len(decomposed([], []).hull_energy) == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(0, 10_000), st.booleans())
def test_products_add_up_and_touch_the_hull(n, seed, rounded):
    formulas, energies = random_phases(n, seed)
    if rounded:  # ties and phases on the connection of others
        energies = energies.round(0)
    found = decomposed(formulas, energies)
    assert (found.hull_energy <= 1e-12).all()
    by_name = dict(zip(formulas, energies, strict=True))
    for row, formula in enumerate(formulas):
        products = found.name_products(row, formulas)
        assert formula not in dict(products)
        atoms, energy = {}, 0.0
        for name, share in products:
            parts = amounts(name)
            energy += share * by_name.get(name, 0.0)
            for element, amount in parts.items():
                atoms[element] = atoms.get(element, 0.0) + share * amount / sum(parts.values())
        own = amounts(formula)
        assert atoms == pytest.approx({e: a / sum(own.values()) for e, a in own.items()}, abs=1e-5)
        assert energy == pytest.approx(found.hull_energy[row], abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(3, 30), st.integers(0, 10_000))
def test_the_order_of_the_phases_does_not_matter(n, seed):
    formulas, energies = random_phases(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    shuffled = decomposed([formulas[i] for i in order], energies[order])
    np.testing.assert_allclose(shuffled.hull_energy, decomposed(formulas, energies).hull_energy[order], atol=1e-10)
