"""Tables of steels: amounts of many digits are compositions like others."""

import re
from pathlib import Path

import numpy as np
import pytest
from factories.curation import Outcome, run

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
