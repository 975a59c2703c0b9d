"""Errors of known compounds around a composition: means over exchanged elements and systems, never its own error."""

import numpy as np

from elemflow.chemistry.composition import canonical
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.residuals import LABELS, WIDE_LABELS, error_features, wide_error_features

FORMULAS = sorted(map(canonical, ["NaCl", "KCl", "LiCl", "Li2O", "LiO", "MgO"]))
PHASES = Competition(Compositions.of(FORMULAS))


def column(found, name):
    return found[:, LABELS.index(name)]


def rows(*formulas):
    return np.array(sorted(FORMULAS.index(canonical(each)) for each in formulas))


def test_the_means_are_those_of_compounds_with_one_element_exchanged():
    known = rows("NaCl", "KCl")
    errors = np.where(known == FORMULAS.index(canonical("NaCl")), 0.1, 0.3)
    found = error_features(PHASES, known, errors, rows("LiCl"))
    np.testing.assert_allclose(column(found, "error_substitution_mean"), 0.2)
    assert column(found, "error_substitutions")[0] == 2
    assert column(found, "error_compounds_of_system")[0] == 0
    assert np.isnan(column(found, "error_of_system"))[0]


def test_the_mean_of_the_system_leaves_out_the_compound_itself():
    known = rows("Li2O", "LiO")
    errors = np.array([0.5, -0.2])
    found = error_features(PHASES, known, errors, known)
    np.testing.assert_allclose(column(found, "error_of_system"), errors[::-1])
    np.testing.assert_array_equal(column(found, "error_compounds_of_system"), 1)


def test_the_own_error_changes_nothing():
    known = rows("NaCl", "KCl", "LiCl", "Li2O", "LiO")
    errors = np.linspace(-1, 1, len(known))
    first = error_features(PHASES, known, errors, known)
    for place in range(len(known)):
        other = errors.copy()
        other[place] += 7.0
        second = error_features(PHASES, known, other, known)
        np.testing.assert_allclose(first[place], second[place], atol=1e-12)


def test_a_new_composition_is_compared_as_a_known_one_is():
    known = rows("NaCl", "KCl", "LiCl", "Li2O", "LiO")
    errors = np.linspace(-1, 1, len(known))
    inside = error_features(PHASES, known, errors, np.arange(len(FORMULAS)))
    asked = Competition(Compositions.of([*FORMULAS, canonical("Li3O")]), PHASES.phases)
    outside = error_features(asked, known, errors, np.arange(len(FORMULAS) + 1))
    np.testing.assert_allclose(inside, outside[:-1])
    of_system = [errors[known.tolist().index(FORMULAS.index(canonical(each)))] for each in ("Li2O", "LiO")]
    np.testing.assert_allclose(column(outside, "error_of_system")[-1], np.mean(of_system))


def test_without_any_known_compound_there_is_nothing():
    found = error_features(PHASES, np.array([], dtype=np.int64), np.array([]), rows("MgO"))
    assert np.isnan(column(found, "error_substitution_mean"))[0]
    assert column(found, "error_substitutions")[0] == 0


def test_errors_of_all_known_compounds_are_features_too():
    known = rows("NaCl", "KCl", "LiCl", "Li2O", "LiO")
    errors = np.linspace(-1, 1, len(known))
    found = wide_error_features(PHASES, known, errors, np.arange(len(FORMULAS)))
    assert found.shape == (len(FORMULAS), len(WIDE_LABELS))
    np.testing.assert_array_equal(
        found[:, : len(LABELS)], error_features(PHASES, known, errors, np.arange(len(FORMULAS)))
    )
    asked = Competition(Compositions.of([*FORMULAS, canonical("NaBr")]), PHASES.phases)
    outside = wide_error_features(asked, known, errors, np.arange(len(FORMULAS) + 1))
    np.testing.assert_allclose(found, outside[:-1])
