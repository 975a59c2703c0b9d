"""The base that ships: declared as in config, small, and able to predict and say what it has seen."""

import subprocess
import sys

import numpy as np
import pytest

from elemflow.base.predictor import SHIPPED, BasePredictor
from elemflow.config.load import load
from elemflow.core.archive import read_members

LARGEST = 15_000_000
COMPOUNDS = ["LiF", "ZrO2", "ZnS", "FeCl3", "SiC", "KNO3"]


@pytest.fixture(scope="module", name="predictor")
def _predictor(root):
    return BasePredictor(root / SHIPPED)


def test_it_is_what_the_configuration_declares(root, predictor):
    base = load({"studies": ["demo"]}, root).bases["elemflow"]
    facts = predictor.base.facts
    assert [head.id for head in facts.heads] == list(base.heads)
    assert [head.title for head in facts.heads] == [head.title for head in base.heads.values()]
    assert facts.network == base.network
    assert (facts.networks, facts.held_out) == (base.members, base.held_out)
    assert sum(path.stat().st_size for path in (root / SHIPPED).parent.iterdir()) < LARGEST


def test_it_knows_the_compounds_of_the_readme(predictor):
    frame = predictor.frame(COMPOUNDS)
    assert frame["reason"].isna().all()
    assert (frame["mp_formation_energy"] < 0.2).all()
    gaps = frame.set_index("formula")["mp_band_gap"]
    assert gaps["LiF"] > gaps["ZnS"] > gaps["FeCl3"] - 0.5
    for head in predictor.base.facts.heads:
        columns = frame[[f"{head.id}_lower", head.id, f"{head.id}_upper"]].to_numpy(float)
        assert np.isfinite(columns).all()
        assert (np.diff(columns, axis=1) >= 0).all()


def test_its_card_has_licence_and_error_of_every_source_and_property(root, predictor):
    _, members = read_members(root / SHIPPED, "README.md", "references.bib")
    card, bibliography = members["README.md"].decode(), members["references.bib"].decode()
    for part in (*(f"`{head.id}`" for head in predictor.base.facts.heads), "CC BY 4.0", "AFLOW", "saal2013"):
        assert part in card
    assert "saal2013" in bibliography
    documented = (root / "docs/results/base.md").read_text()
    for line in card.splitlines():
        if line.startswith("|") and " ± " in line:
            assert line in documented


def test_it_says_what_it_has_seen(predictor):
    masks = predictor.base.seen.masks(["Fe2O3", "Og2Lv3"])
    assert masks[1] == 0
    assert len(predictor.base.seen) > 300_000


def test_it_knows_the_values_of_its_sources(root):
    frame = BasePredictor(root / SHIPPED, ["band_gap"], known=True).frame(["SiO2", "O4Si2", "Og2Lv3"])
    assert frame["mp_band_gap_known"][0] == frame["mp_band_gap_known"][1]
    assert 5 < frame["mp_band_gap_known"][0] < 6
    assert frame["mp_band_gap_training"][0]
    assert frame.filter(like="_known").loc[2].isna().all()


def test_a_prediction_loads_no_training_library(root):
    code = (
        "import sys; from elemflow.base.predictor import BasePredictor; from pathlib import Path\n"
        f"BasePredictor(Path({str(root / SHIPPED)!r})).frame(['NaCl'])\n"
        "print(*sorted({'tensorflow', 'keras', 'jax', 'sklearn'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
