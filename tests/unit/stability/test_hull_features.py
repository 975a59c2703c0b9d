"""Features of the known hull: substitutions by hand, and that no compound sees its own energy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.composition import amounts, canonical
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.exchanges import LABELS as EXCHANGE_LABELS
from elemflow.stability.hull_features import LABELS, KnownHull, hull_features
from elemflow.stability.substitutions import LABELS as SUBSTITUTION_LABELS
from elemflow.stability.substitutions import Substitutions

FORMULAS = [canonical(each) for each in ("NaCl", "KCl", "LiCl", "NaBr", "Na2O", "K2O", "NaClO3", "KClO3", "Li2O")]


def features(formulas, energies, active=None):
    energies = np.asarray(energies, dtype=float)
    competition = Competition(Compositions.of(formulas))
    known = KnownHull.of(competition, energies, np.ones(len(energies), bool) if active is None else active)
    found, mixtures = hull_features(competition, known, np.arange(len(formulas)))
    return found, mixtures, known


def test_substitutions_have_one_element_exchanged_at_the_same_stoichiometry():
    phases = Compositions.of(FORMULAS)
    values = np.linspace(-0.4, 0.4, len(FORMULAS))
    lookup = Substitutions(phases, values, np.arange(len(FORMULAS)))
    found = dict(zip(SUBSTITUTION_LABELS, lookup.features(phases, np.array([0]))[0], strict=True))
    partners = [values[1], values[2], values[3]]  # KCl, LiCl and NaBr for NaCl; not Na2O
    assert found["substitutions"] == 3
    assert found["substitution_mean"] == pytest.approx(np.mean(partners))
    assert found["substitution_lowest"] == min(partners)
    assert found["substitution_share_stable"] == pytest.approx(np.mean(np.array(partners) <= 0))


def test_the_nearest_substitution_is_by_a_neighbour_in_the_periodic_table():
    phases = Compositions.of([canonical(each) for each in ("KCl", "CuCl", "NaCl")])
    lookup = Substitutions(phases, np.array([-0.3, 0.5, np.nan]), np.array([0, 1]))
    found = dict(zip(SUBSTITUTION_LABELS, lookup.features(phases, np.array([2]))[0], strict=True))
    assert found["substitution_nearest"] == -0.3
    assert -0.3 < found["substitution_weighted_mean"] < 0.1


def test_without_substitutions_there_is_nothing():
    phases = Compositions.of(FORMULAS)
    lookup = Substitutions(phases, np.zeros(len(FORMULAS)), np.arange(len(FORMULAS)))
    lonely = Compositions.of([canonical("Fe7W3")])
    found = lookup.features(lonely, np.array([0]))[0]
    assert found[0] == 0
    assert np.isnan(found[1:]).all()


@settings(deadline=None, max_examples=15)
@given(st.integers(0, len(FORMULAS) - 1), st.integers(0, 100))
def test_no_compound_sees_its_own_energy(row, seed):
    energies = np.random.default_rng(seed).normal(-1, 0.4, len(FORMULAS))
    other = energies.copy()
    other[row] -= 0.7
    first, second = features(FORMULAS, energies)[0], features(FORMULAS, other)[0]
    learned = np.isin(LABELS, EXCHANGE_LABELS)  # means over pairs of other compounds, some of which compete with it
    np.testing.assert_array_equal(first[row, ~learned], second[row, ~learned])


def test_unknown_compounds_enter_no_feature():
    energies = np.random.default_rng(1).normal(-1, 0.4, len(FORMULAS))
    active = np.arange(len(FORMULAS)) != 3
    other = np.where(active, energies, -9.0)
    np.testing.assert_array_equal(features(FORMULAS, energies, active)[0], features(FORMULAS, other, active)[0])


def test_a_compound_may_have_more_elements_than_any_known_phase():
    known = Compositions.of(FORMULAS[:5])  # of two elements each
    energies = np.linspace(-2, -1, 5)
    hull = KnownHull.of(Competition(known), energies, np.ones(5, bool))
    targets = Compositions.of([canonical(each) for each in ("LiKNaCl3Br", "NaKCl2")])
    found, _ = hull_features(Competition(targets, known), hull, np.arange(2))
    wider = Compositions.of([*FORMULAS[:5], canonical("FeNiCoCrMn")])  # no rival of either
    more = np.append(energies, -9.0)
    same = KnownHull.of(Competition(wider), more, np.ones(6, bool))
    np.testing.assert_array_equal(found, hull_features(Competition(targets, wider), same, np.arange(2))[0])


def test_columns_are_those_of_the_labels():
    energies = np.full(len(FORMULAS), -1.0)
    found, mixtures, known = features(FORMULAS, energies)
    assert found.shape == (len(FORMULAS), len(LABELS))
    np.testing.assert_array_equal(found[:, LABELS.index("hull_energy")], mixtures.hull_energy)
    np.testing.assert_allclose(known.decomposition, energies - mixtures.hull_energy)
    row = FORMULAS.index(canonical("NaClO3"))
    assert found[row, LABELS.index("phases_of_system")] == 0
    assert found[row, LABELS.index("competing_phases")] == 2  # NaCl and Na2O
    assert found[row, LABELS.index("depth_of_system")] == pytest.approx(0)


def test_fractions_of_the_elements_are_features():
    formulas = sorted(map(canonical, ["Li2O", "LiMnO2", "Am2O3"]))
    competition = Competition(Compositions.of(formulas))
    known = KnownHull.of(competition, np.full(3, -1.0), np.ones(3, dtype=bool))
    columns, _ = hull_features(competition, known, np.arange(3))
    fractions = columns[:, LABELS.index("fraction_H") :]
    assert fractions.shape[1] == 94
    for row, formula in enumerate(formulas):
        parts = amounts(formula)
        for element in ("Li", "Mn", "O"):
            share = parts.get(element, 0) / sum(parts.values())
            assert columns[row, LABELS.index(f"fraction_{element}")] == pytest.approx(share)
    assert fractions[formulas.index(canonical("Am2O3"))].sum() == pytest.approx(0.6)  # an element beyond the last
