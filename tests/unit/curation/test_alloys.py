"""Tables of steels: amounts of many digits are compositions like others."""

import re
from pathlib import Path

import numpy as np
import pytest
from factories.curation import Outcome, run

from elemflow.chemistry.composition import amounts
from elemflow.features import elemental_fractions, magpie, magpie_valence_fractions

STEELS = Path(__file__).parents[2] / "data" / "steels.csv"
STRENGTH = {"strength": {"column": "yield_strength", "unit": "MPa", "title": "Yield strength"}}
ELEMENT = re.compile(r"([A-Z][a-z]?)([0-9.]+(?:e-[0-9]+)?)")


def check_features(outcome: Outcome) -> None:
    compositions = outcome.materials["composition"].tolist()
    for part in (elemental_fractions, magpie, magpie_valence_fractions):
        matrix, reasons = part.featurize(compositions)
        assert not reasons
        assert np.isfinite(matrix).all()


def test_steels_lose_no_row_and_have_finite_features(tmp_path: Path) -> None:
    outcome = run(tmp_path, STEELS.read_bytes(), properties=STRENGTH, keep={"rule": "all"})
    assert outcome.report["steps"][0]["rows"] == len(outcome.materials) == 12
    assert outcome.rejected.empty
    check_features(outcome)
    fractions, _ = elemental_fractions.featurize(outcome.entries["composition"].tolist())
    for formula, row in zip(outcome.entries["formula"], fractions, strict=True):
        given = {symbol: float(amount) for symbol, amount in ELEMENT.findall(formula)}
        assert len(given) == (row > 0).sum()
        for symbol, amount in given.items():
            share = row[elemental_fractions.LABELS.index(symbol)]
            assert share == pytest.approx(amount / sum(given.values()), abs=1.5e-6)  # canonical forms hold millionths


BY_WEIGHT = "formula,yield_strength\nTi-6Al-4V,880\nFe74Cr18Ni8,215\nCu0.7Zn0.3,120\nFe-200Cr,1\nNiTi55,400\n"


def test_a_table_by_weight_has_atomic_materials(tmp_path: Path) -> None:
    columns = {"formula": "formula", "amounts": "weight"}
    outcome = run(tmp_path, BY_WEIGHT, columns=columns, properties=STRENGTH, keep={"rule": "first"})
    materials = outcome.materials.set_index("entry_id")["composition"]
    per_cent = {}
    for entry, composition in materials.items():
        held = amounts(composition)
        per_cent[entry] = {symbol: 100 * amount / sum(held.values()) for symbol, amount in held.items()}
    assert per_cent["0"] == pytest.approx({"Ti": 86.2, "Al": 10.2, "V": 3.6}, abs=0.05)
    assert per_cent["1"] == pytest.approx({"Fe": 73.3, "Cr": 19.2, "Ni": 7.5}, abs=0.05)
    assert per_cent["2"] == pytest.approx({"Cu": 70.6, "Zn": 29.4}, abs=0.05)
    assert outcome.rejected["reason"].tolist() == ["the additions leave nothing for Fe in 100 per cent by weight"]
    atomic = run(tmp_path, BY_WEIGHT, properties=STRENGTH, keep={"rule": "first"})
    assert atomic.rejected["reason"][0].startswith("looks like an alloy in weight per cent")
    assert atomic.materials["composition"].tolist()[0] == "Cr9Fe37Ni4"


@pytest.mark.real_data
def test_the_public_table_of_steels_loses_no_row(tmp_path: Path, real_data: Path) -> None:
    found = sorted(real_data.glob("matbench_steels*"))
    if not found:
        pytest.skip("matbench_steels is not among the real data")
    outcome = run(
        tmp_path,
        found[0].read_bytes(),
        name=found[0].name,
        columns={"formula": "composition"},
        properties={"strength": STRENGTH["strength"] | {"column": "yield strength"}},
        keep={"rule": "all"},
    )
    assert outcome.report["steps"][0]["rows"] == len(outcome.materials) == 312
    check_features(outcome)
