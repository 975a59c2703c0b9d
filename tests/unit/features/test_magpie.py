"""Magpie attributes of compositions against matminer, which is where their definition lives."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.composition import SYMBOLS, canonical, canonical_forms
from elemflow.chemistry.formula_arrays import element_amounts
from elemflow.features import magpie, magpie_valence_fractions

RELATIVE, ABSOLUTE = 1e-6, 1e-9  # the second for values that are rounding errors of zero

FORMULAS = [
    "H", "Fe", "NaN", "NaCl", "CO", "Co", "Fe2O3", "Fe3O4", "SrTiO3", "Ca3(PO4)2", "(NH4)2[PtCl6]", "Hg0.7Cd0.3Te",
    "O0.555600Pr0.222200Pt0.222200", "XeF2", "KrF2", "AcH3", "PmCl3", "Pu2O3", "Cs2Th6F25", "AmO2", "HeO", "CfO", "Og",
    "AlCoCrCuFeMnNiTi", "La0.5Sr0.5Co0.8Fe0.2O2.95", "Mg0.9933Eu0.0067", "Li1000O", "TiZrHfVNbTaMoW",
]  # fmt: skip
COMPOSITIONS = [canonical(formula) for formula in FORMULAS]
composition = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 40), min_size=1, max_size=8)


def matminer_featurizer(props=("avg",)):
    from matminer.featurizers.base import MultipleFeaturizer
    from matminer.featurizers.composition import ElementProperty, IonProperty, Stoichiometry, ValenceOrbital

    return MultipleFeaturizer(
        [
            Stoichiometry(),
            ElementProperty.from_preset("magpie"),
            ValenceOrbital(props=list(props)),
            IonProperty(fast=True),
        ]
    )


def by_matminer(compositions, props=("avg",)) -> np.ndarray:
    from pymatgen.core import Composition

    featurizer = matminer_featurizer(props)
    return np.array([featurizer.featurize(Composition(text)) for text in compositions], dtype=float)


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    return by_matminer(COMPOSITIONS)


def test_labels_are_those_of_matminer():
    assert list(magpie.LABELS) == matminer_featurizer().feature_labels()
    assert list(magpie_valence_fractions.LABELS) == matminer_featurizer(["frac"]).feature_labels()
    assert len(magpie.LABELS) == 145
    assert len(magpie.UNITS) == len(magpie_valence_fractions.UNITS) == 145


def test_values_are_those_of_matminer(reference):
    matrix, reasons = magpie.attributes(COMPOSITIONS)
    assert not reasons
    np.testing.assert_allclose(matrix, reference, rtol=RELATIVE, atol=ABSOLUTE)
    stored, _ = magpie.featurize(COMPOSITIONS)
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, matrix.astype(np.float32))


def test_fractions_of_valence_electrons_are_those_of_matminer():
    matrix, _ = magpie_valence_fractions.attributes(COMPOSITIONS)
    np.testing.assert_allclose(matrix, by_matminer(COMPOSITIONS, ["frac"]), rtol=RELATIVE, atol=ABSOLUTE)


def test_missing_element_data_are_the_mean_of_the_others():
    from matminer.utils.data import MagpieData

    column = magpie.LABELS.index("MagpieData mean MeltingT")
    table = MagpieData(impute_nan=False).all_elemental_props["MeltingT"]
    assert np.isnan(table["He"])
    matrix, reasons = magpie.attributes(["He", "Fe"])
    assert not reasons
    assert matrix[0, column] == pytest.approx(np.nanmean(list(table.values())))
    assert matrix[1, column] == table["Fe"]


def test_rows_do_not_depend_on_their_neighbours():
    together, _ = magpie.attributes(COMPOSITIONS)
    alone = np.vstack([magpie.attributes([text])[0] for text in COMPOSITIONS])
    np.testing.assert_array_equal(together, alone)


def test_bad_input_gets_a_reason():
    matrix, reasons = magpie.featurize(["FeO", "", "D2O", "X2O", "FeO"])
    assert list(reasons) == [1, 2, 3]
    assert reasons[1] == "the composition is empty"
    assert "write H if D" in reasons[2]
    assert "no element" in reasons[3]
    np.testing.assert_array_equal(matrix[0], matrix[4])
    assert magpie.featurize([])[0].shape == (0, 145)


def test_amounts_of_formulas():
    rows, numbers, values, reasons = element_amounts(["Fe2O13", "H", "C123456Co"])
    assert rows.tolist() == [0, 0, 1, 2, 2]
    assert [SYMBOLS[number - 1] for number in numbers] == ["Fe", "O", "H", "C", "Co"]
    assert values.tolist() == [2, 13, 1, 123456, 1]
    assert not reasons


@given(composition)
@settings(max_examples=150, deadline=None)
def test_compound_possible_is_what_trying_every_state_gives(found):
    numbers = [SYMBOLS.index(symbol) + 1 for symbol in found]
    amounts = list(found.values())
    states = [magpie.element_table().oxidation_states[number] for number in numbers]
    tried = itertools.islice(itertools.product(*states), 50_000)
    expected = any(sum(map(int.__mul__, combination, amounts)) == 0 for combination in tried)
    if np.prod([len(own) for own in states]) <= 50_000:
        assert magpie.compound_possible(numbers, amounts) == (expected or len(found) == 1)


@given(st.lists(composition, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_compounds_are_possible_together_as_one_after_the_other(found):
    written = ["".join(f"{symbol}{amount}" for symbol, amount in held.items()) for held in found]
    numbers = [[SYMBOLS.index(symbol) + 1 for symbol in held] for held in found]
    expected = [magpie.compound_possible(z, [*held.values()]) for z, held in zip(numbers, found, strict=True)]
    column = magpie.LABELS.index("compound possible")
    assert magpie.featurize(written)[0][:, column].tolist() == expected


@given(composition, st.integers(2, 9), st.randoms())
@settings(max_examples=60, deadline=None)
def test_scaling_and_order_of_a_formula_change_nothing(found, factor, random):
    """Tolerance: sums in another order, 1e-12 relative."""
    plain = "".join(f"{symbol}{amount}" for symbol, amount in found.items())
    shuffled = random.sample(sorted(found), len(found))
    scaled = "".join(f"{symbol}{found[symbol] * factor}" for symbol in shuffled)
    assert canonical(plain) == canonical(scaled)
    matrix, _ = magpie.attributes([plain, scaled])
    np.testing.assert_allclose(matrix[0], matrix[1], rtol=1e-12, atol=1e-10)


@pytest.mark.real_data
def test_compositions_of_real_databases(real_data: Path):
    import pandas as pd

    compositions = set()
    for path in sorted(real_data.iterdir()):
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        elif path.name.endswith(".csv.gz"):
            frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
        else:
            continue
        name = next((name for name in ("formula", "composition", "pretty_comp") if name in frame), None)
        if name is None:
            continue
        formulas = frame[name].drop_duplicates()
        forms, _ = canonical_forms(formulas.sample(min(len(formulas), 60), random_state=0))
        compositions.update(forms.values())
    compositions = sorted(compositions)
    assert len(compositions) >= 700
    matrix, reasons = magpie.attributes(compositions)
    assert not reasons
    np.testing.assert_allclose(matrix, by_matminer(compositions), rtol=RELATIVE, atol=ABSOLUTE)
