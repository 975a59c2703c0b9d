"""Compositions that miss a charge-neutral one by little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.base.neutrality import DEVIATION, find_nearly_neutral
from elemflow.base.predictor import BasePredictor
from elemflow.chemistry.composition import amounts, canonical


def find(*formulas, neutral=("O2Ti", "ClNa", "F2Mg", "BaO3Ti", "Al2O3", "CoLi3MnNiO6", "Co1Li3Mn1Ni1O6")):
    names = [canonical(formula) for formula in formulas]
    known = {canonical(name) for name in neutral}
    flags = np.array([name in known for name in names])
    found = find_nearly_neutral(names, flags, lambda others: np.array([name in known for name in others]))
    return {formulas[row]: name for row, name in found.items()}


def test_small_deviations_from_a_neutral_composition_are_found():
    assert find("TiO1.99", "Na0.999Cl", "Mg0.333F0.667", "BaTiO2.99", "TiO2", "NaCl") == {
        "TiO1.99": "O2Ti",
        "Na0.999Cl": "ClNa",
        "Mg0.333F0.667": "F2Mg",
        "BaTiO2.99": "BaO3Ti",
    }


@pytest.mark.parametrize("formula", ["TiO1.9", "Ti4O7", "Fe0.7Ni0.3", "Fe0.701Ni0.299", "Na", "Al1.8O3"])
def test_larger_deviations_simple_formulas_and_alloys_are_not(formula):
    assert not find(formula)


def test_without_rows_nothing_is_computed():
    assert find_nearly_neutral([], np.zeros(0, dtype=bool), lambda _: pytest.fail("called")) == {}


@given(
    st.dictionaries(st.sampled_from(["Ti", "O", "Na", "Cl", "Fe", "N"]), st.integers(1, 2000), min_size=2, max_size=5)
)
def test_what_is_found_is_as_near_as_said_and_simpler(parts):
    name = canonical("".join(f"{symbol}{amount}" for symbol, amount in parts.items()))
    found = find_nearly_neutral([name], np.array([False]), lambda others: np.ones(len(others), dtype=bool))
    if found:
        ours, near = amounts(name), amounts(found[0])
        assert ours.keys() == near.keys()
        for symbol, amount in ours.items():
            fraction = amount / sum(ours.values())
            assert abs(near[symbol] / sum(near.values()) / fraction - 1) <= DEVIATION + 1e-9
        assert canonical(found[0]) == found[0]


def test_the_base_that_ships_flags_them():
    frame = BasePredictor(properties=["mp_band_gap"]).frame(["TiO2", "TiO1.99", "Fe0.7Ni0.3"])
    assert frame["mp_band_gap_flag"].tolist() == ["inside", "far", "inside"]
    assert frame["mp_band_gap"][0] > 1
