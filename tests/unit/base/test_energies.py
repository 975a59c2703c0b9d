"""Energies of a base against those of a hull: differences by element, and which property predicts."""

import numpy as np
import pytest

from elemflow.base.energies import BaseEnergies, Difference
from elemflow.chemistry.composition import amounts, canonical
from elemflow.core.errors import DataError
from elemflow.stability.phases import Phases

FORMULAS = sorted(map(canonical, ["NaCl", "Na2O", "MgO", "MgCl2", "Na2S", "MgS", "NaMgCl3", "Na2MgO2"]))


class Shifted:
    """Predicts the energies of the phases, with another reference for one element."""

    def __init__(self, phases):
        self._energies = dict(zip(phases.compositions.formulas, phases.energies, strict=True))

    def energies(self, formulas):
        shares = [amounts(each).get("O", 0) / sum(amounts(each).values()) for each in formulas]
        return np.array([self._energies[each] for each in formulas]) + 0.4 * np.array(shares)


@pytest.fixture
def phases():
    return Phases.of(FORMULAS, -np.linspace(1, 2, len(FORMULAS)), "here")


def test_the_element_with_another_reference_is_named(phases):
    found = Difference.of(Shifted(phases), phases, ["Na", "Mg", "Cl", "O"])
    assert found.n == 6
    oxygen = [each for each in FORMULAS if "O" in amounts(each)]
    shares = [amounts(each)["O"] / sum(amounts(each).values()) for each in oxygen]
    assert found.by_element["O"] == pytest.approx(0.4 * np.mean(shares))
    assert found.by_element["Cl"] == pytest.approx(0)
    assert found.mean == pytest.approx(found.absolute) == pytest.approx(0.4 * np.sum(shares) / 6)
    text = found.describe()
    assert text.startswith("on the 6 known phases")
    assert f"O by {found.by_element['O']:+.3f}" in text
    assert "Cl" not in text


def test_all_phases_are_compared_without_elements_and_none_where_none_is_known(phases):
    assert Difference.of(Shifted(phases), phases).n == len(phases)
    assert Difference.of(Shifted(phases), phases, ["Fe", "O"]) is None


def test_a_base_predicts_one_formation_energy():
    predictor = BaseEnergies()
    assert (predictor.property_id, predictor.unit) == ("mp_formation_energy", "eV/atom")
    low, high = predictor.energies(["NaCl", "Ne"])
    assert low < -1
    assert np.isfinite(high) or np.isnan(high)
    with pytest.raises(DataError, match="is a group"):
        BaseEnergies(property_id="formation_energy")
    with pytest.raises(DataError, match="no property"):
        BaseEnergies(property_id="mp_formation_enrgy")
