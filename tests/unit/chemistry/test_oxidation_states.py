"""Neutral formulas of a chemical system."""

import itertools

import pytest

from elemflow.chemistry.composition import SYMBOLS, amounts, canonical
from elemflow.chemistry.oxidation_states import ELEMENTS, is_neutral, neutral_formulas
from elemflow.core.errors import DataError


def test_known_salts_are_found_and_others_are_not():
    found = set(neutral_formulas(["Fe", "O"], 8))
    assert {canonical("FeO"), canonical("Fe2O3")} <= found
    assert canonical("FeO2") not in found
    assert canonical("Li2MnO3") in set(neutral_formulas(["Li", "Mn", "O"], 6))
    assert list(neutral_formulas(["Na", "Cl"], 10)) == [canonical("NaCl")]


def test_each_formula_is_there_once_with_all_elements_and_few_atoms():
    found = list(neutral_formulas(["Li", "Mn", "Ni", "O"], 14))
    assert len(found) == len(set(found)) > 20
    for formula in found:
        assert amounts(formula).keys() == {"Li", "Mn", "Ni", "O"}
        assert sum(amounts(formula).values()) <= 14
    assert [sum(amounts(f).values()) for f in found] == sorted(sum(amounts(f).values()) for f in found)


def test_a_composition_is_neutral_exactly_if_its_system_has_it():
    for system in (["Fe", "O"], ["C", "I", "Na"], ["Mn", "Li", "O"]):
        found = set(neutral_formulas(system, 8))
        for counts in itertools.product(range(1, 5), repeat=len(system)):
            if sum(counts) <= 8:
                form = canonical("".join(f"{name}{n}" for name, n in zip(system, counts, strict=True)))
                assert is_neutral(amounts(form)) == (form in found)
    assert not is_neutral({"O": 2})
    assert not is_neutral({"He": 1, "O": 1})
    assert is_neutral({"C": 1, "O": 1})
    assert not is_neutral({"C": 1, "O": 1}, {"C": (4,), "O": (-2,)})


def test_metals_alone_have_no_neutral_formula():
    assert list(neutral_formulas(["Li", "Mg"], 20)) == []


@pytest.mark.parametrize(("elements", "named"), [(["Li", "Xx"], "Xx"), (["Li"], "Li"), (["He", "O"], "He")])
def test_what_is_no_system_is_refused(elements, named):
    with pytest.raises(DataError, match=named):
        list(neutral_formulas(elements, 5))


def test_the_table_is_that_of_elements():
    assert set(ELEMENTS) <= set(SYMBOLS)
    assert ELEMENTS["O"] == (3.44, (-2,))
