"""What mistyped formulas may stand for."""

import re
from pathlib import Path

import pandas as pd
import pytest

from elemflow.chemistry.composition import parse_formula
from elemflow.chemistry.suggestions import did_you_mean, hint, suggestions, suspicious


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


@pytest.mark.parametrize(
    "text",
    [
        "Fe2(SO4)3·nH2O",
        "MgCl2·xH2O",
        "MgCl2.yH2O",
        "(C2H4)n",
        "MgZnCu C14",
        "Xx2O3",
        "aluminium",
        "",
        "x" * 200,
        "NaClNaClNaClNaClNaCl?",
    ],
)
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
    assert hint("Fe203") == "Fe203: did you mean Fe2O3?"
    assert hint("Fe2O3") is None


CHLORIDES = ["NaCl", "CaCl2", "FeCl3", "CsPbCl3", "NH4Cl", "BiOCl", "MgCl2(H2O)6", "LiCl·H2O", "Na0.5K0.5Cl", "CCl4"]


@pytest.mark.parametrize("meant", CHLORIDES)
def test_an_iodine_that_is_a_small_l(meant):
    formula = meant.replace("Cl", "CI")
    assert suspicious(formula) == meant
    assert (
        hint(formula)
        == f"{formula}: read as {', '.join(parse_formula(formula))}; did you mean {meant}, with a small l?"
    )


@pytest.mark.parametrize(
    "formula",
    ["NaCl", "CI", "CI4", "H3CI", "CIN", "CIF3", "YCI", "Zr6CI2", "Sc7CI12", "H6PbCI3N", "CIn3", "CIr", "NaI"],
)
def test_carbon_and_iodine_that_are_meant(formula):
    assert suspicious(formula) is None


def test_letters_of_unreadable_formulas_are_corrected_together():
    assert suggestions("AICI3") == ["AlCl3"]


@pytest.mark.real_data
def test_hardly_a_formula_of_real_tables_is_suspicious_for_its_iodine(real_data: Path):
    tables = [("mp_polymorphs.parquet", "pretty_formula"), ("jarvis_composition_long.parquet", "pretty_comp")]
    formulas = {str(text) for name, column in tables for text in pd.read_parquet(real_data / name)[column]}
    carbon_iodides = [text for text in formulas if re.search("CI(?![a-z])", text)]
    assert len(carbon_iodides) > 40
    assert sum(suspicious(text) is not None for text in carbon_iodides) <= 3
