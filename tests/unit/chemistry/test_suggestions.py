"""What mistyped formulas may stand for."""

import pytest

from elemflow.chemistry.suggestions import did_you_mean, suggestions, suspicious


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Fe203", "Fe2O3"),
        ("nacl", "NaCl"),
        ("FE2O3", "Fe2O3"),
        ("AI2O3", "Al2O3"),
        ("A12O3", "Al2O3"),
        ("Na2,5Cl", "Na2.5Cl"),
        ("Mg(0H)2", "Mg(OH)2"),
        ("tio2", "TiO2"),
        ("Ba(Zr0.2Ti0.8)03", "Ba(Zr0.2Ti0.8)O3"),
    ],
)
def test_typos(text, meant):
    assert suggestions(text)[0] == meant
    assert did_you_mean(text).startswith(f" Did you mean {meant}")


def test_both_readings_are_proposed():
    assert set(suggestions("co2")) == {"CO2", "Co2"}


@pytest.mark.parametrize("text", ["Xx2O3", "aluminium", "", "x" * 200, "NaClNaClNaClNaClNaCl?"])
def test_no_suggestion(text):
    assert suggestions(text) == []
    assert did_you_mean(text) == ""


@pytest.mark.parametrize(
    "formula", ["Fe2O3", "C10H8", "Fe10", "Tb1503Fe8947", "Mg503Ag497", "Mg891Sm109", "Si0.5Ge0.5", "U308.5"]
)
def test_zeros_that_are_meant(formula):
    assert suspicious(formula) is None


def test_a_zero_that_is_an_oxygen():
    assert suspicious("Fe203") == "Fe2O3"
    assert suspicious("BaTi03") == "BaTiO3"
