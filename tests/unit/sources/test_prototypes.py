import json

import numpy as np
import pandas as pd
import pytest

from elemflow.chemistry.crystal import from_jarvis
from elemflow.chemistry.crystal_properties import spacegroup
from elemflow.core.errors import ConfigError
from elemflow.core.files import sha256_file
from elemflow.sources.prototypes import Options, fetch, read

METALS = ["Ni", "Al", "Ti"]


def enumerate_candidates(folder, prototype, **sites):
    options = Options(prototype=prototype, sites=sites)
    folder.mkdir(exist_ok=True)
    fetch(options, folder)
    return pd.concat(read(options, folder), ignore_index=True)


@pytest.mark.parametrize(
    ("prototype", "sites", "number", "group", "atoms"),
    [
        ("B2", {"A": METALS, "B": METALS}, 3, 221, 2),
        ("L1_0", {"A": METALS, "B": METALS}, 3, 123, 2),
        ("GdFeO3", {"A": METALS, "B": METALS, "X": ["O"]}, 6, 62, 20),
    ],
)
def test_every_choice_has_the_symmetry_of_its_prototype(tmp_path, prototype, sites, number, group, atoms):
    table = enumerate_candidates(tmp_path, prototype, **sites)
    assert len(table) == len(set(table["entry_id"])) == number
    for row in table.itertuples():
        crystal = from_jarvis(json.loads(row.structure))
        assert (spacegroup(crystal), len(crystal.species)) == (group, atoms)
        volume = abs(np.linalg.det(crystal.lattice)) / atoms
        assert volume == pytest.approx(float(row.volume_per_atom), rel=1e-3)
        assert 5 < volume < 40


def test_volumes_are_near_those_of_crystals(tmp_path):
    """Measured: AlNi 12.0, GdFeO3 11.5 Å³/atom."""
    alni = enumerate_candidates(tmp_path / "a", "B2", A=["Al"], B=["Ni"])["volume_per_atom"].astype(float)
    perovskite = enumerate_candidates(tmp_path / "b", "GdFeO3", A=["Gd"], B=["Fe"], X=["O"])
    assert alni[0] == pytest.approx(12.0, rel=0.15)
    assert float(perovskite["volume_per_atom"][0]) == pytest.approx(11.5, rel=0.15)
    assert perovskite["formula"][0] == "FeGdO3"


def test_equal_lists_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        enumerate_candidates(tmp_path / name, "B2", A=METALS, B=["Cu"])
    assert sha256_file(tmp_path / "a/prototypes.csv") == sha256_file(tmp_path / "b/prototypes.csv")


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ({"A": ["Ni"], "B": ["Al"], "X": ["O"]}, "B2 has the sites A, B; found A, B, X"),
        ({"A": ["Ni"], "B": ["al"]}, "source.sites.B: 'al' is not the symbol of an element."),
        ({"A": ["Ni"], "B": ["He"]}, "source.sites.B: no atomic radius of He"),
    ],
)
def test_a_wrong_site_is_refused(tmp_path, sites, message):
    with pytest.raises(ConfigError) as caught:
        enumerate_candidates(tmp_path, "B2", **sites)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
