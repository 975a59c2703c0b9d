"""Formulas read all at once have the amounts of formulas read one by one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.chemistry.composition import (
    LARGEST_AMOUNT,
    SYMBOLS,
    amounts,
    canonical,
    canonical_forms,
    parse_formula,
)
from elemflow.chemistry.formula_arrays import element_amounts, plain_forms, rows_with_others

WRITTEN = ["Fe₂O₃", "CuSO4·5H2O", "Li2O.2B2O3", "Al2O3.SiO2", "Bi2Sr2.2CaCu2O8", "Fe0.62C9e-05Cr0.38", "Ca3(PO4)2"]
FORMULAS = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 99), min_size=1, max_size=5).map(
    lambda held: canonical("".join(f"{symbol}{number}" for symbol, number in held.items()))
) | st.sampled_from(WRITTEN).map(canonical)


@given(st.lists(FORMULAS, min_size=1, max_size=8))
def test_amounts_are_those_of_the_single_formula(formulas):
    found = element_amounts(formulas)
    expected = [(row, symbol, number) for row, name in enumerate(formulas) for symbol, number in amounts(name).items()]
    symbols = [SYMBOLS[number - 1] for number in found.numbers]
    assert list(zip(found.rows.tolist(), symbols, found.values.tolist(), strict=True)) == expected
    assert not found.reasons


@given(st.text(alphabet="FeONaCl0123456789.·()", max_size=12))
def test_what_the_parser_reads_has_the_same_fractions_in_the_arrays(text):
    forms, _ = canonical_forms([text])
    for form in forms.values():
        exact = parse_formula(text)
        found = element_amounts([form])
        shares = {SYMBOLS[number - 1]: value for number, value in zip(found.numbers, found.values, strict=True)}
        assert shares.keys() == exact.keys()
        for symbol, amount in exact.items():
            expected = float(amount / sum(exact.values()))
            # Canonical forms are rounded to millionths of the atoms.
            assert shares[symbol] / sum(shares.values()) == pytest.approx(expected, abs=5e-6)


ANY = st.text(alphabet="FeONaClHJ0123456789.·() \nⅣ₂é", max_size=9)
PLAIN = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(1, 2_000_000)), min_size=1, max_size=6)


@given(st.lists(ANY | PLAIN.map(lambda held: "".join(f"{symbol}{number}" for symbol, number in held)), max_size=8))
def test_forms_of_plain_formulas_are_those_of_one_after_the_other(texts):
    forms, _ = canonical_forms(texts)
    found = plain_forms(texts)
    assert found == {text: forms[text] for text in texts if text in found}
    assert {text for text in texts if text in forms and _is_plain(text)} <= found.keys()


def _is_plain(text: str) -> bool:
    """Return whether a readable text has each element once, in whole amounts that are not too large."""
    names = re.findall(r"([A-Z][a-z]?)([0-9]*)", text)
    large = any(int(number or 1) > LARGEST_AMOUNT for _, number in names)
    return "".join(map("".join, names)) == text and len(dict(names)) == len(names) and not large


NOT_PLAIN = [
    *("", "Fe02", "H0", "fe", "Fea", "2Fe", "Fe-O", "FeO\n", "Xx2", "D2O", "FeFe", "CH3OH"),
    *(f"H{'9' * 400}", "H2O" * 334),
]


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_parser(text):
    assert plain_forms(["Na2Cl2", text, "OH2"]) == {"Na2Cl2": "ClNa", "OH2": "H2O"}


def test_amounts_of_millions_and_long_formulas_are_read():
    longest = "".join(f"{symbol}{number}" for number, symbol in enumerate(SYMBOLS, 100_000))[:999]
    assert plain_forms([longest, "Fe1000000O3"]) == canonical_forms([longest, "Fe1000000O3"])[0]
    assert plain_forms([]) == {}


def test_formulas_with_other_elements_are_found():
    found = rows_with_others(["Fe2O3", "NaCl", "FeH2O2", "FeD", "O"], {"Fe", "O", "Cl"})
    assert found.tolist() == [1, 2, 3]
    assert rows_with_others([], {"Fe"}).tolist() == []
