"""Curation of entries with crystal structures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from factories.curation import (
    COLUMNS,
    COMPUTED,
    energy,
    records,
    salt,
)

from elemflow.chemistry.crystal import decode
from elemflow.core.errors import DataError
from elemflow.features import voronoi
from elemflow.features.store import featurize_chunk


def test_structures_are_kept(tmp_path: Path) -> None:
    properties = {"energy": energy(), "volume": COMPUTED, "sites": COMPUTED | {"computed": "n_sites"}}
    rows = [("a", "NaCl", -1, salt()), ("b", "KCl", -2, salt(6.29, ("K", "Cl"))), ("c", "NaCl", -3, salt(5.7))]
    outcome = records(tmp_path, rows, properties=properties)
    assert outcome.materials["entry_id"].tolist() == ["b", "c"]
    kept = [decode(code) for code in outcome.materials["structure"]]
    assert [crystal.species for crystal in kept] == [("K", "Cl"), ("Na", "Cl")]
    assert kept[1].lattice[0].tolist() == [0, 2.85, 2.85]
    assert kept[1].coordinates.tolist() == [[0, 0, 0], [0.5, 0.5, 0.5]]
    assert outcome.materials["volume"].to_numpy() == pytest.approx([6.29**3 / 8, 5.7**3 / 8])
    assert outcome.materials["sites"].tolist() == [2, 2]
    assert len(outcome.entries["structure"]) == 3
    assert pq.read_schema(tmp_path / "materials.parquet").names[-1] == "structure"


def test_structures_that_cannot_be_used_are_rejected(tmp_path: Path) -> None:
    bad = {
        "": "missing",
        "{": "no valid JSON",
        salt(0.0): "no volume",
        salt(elements=("Na", "Br")): "holds BrNa, the formula says ClNa",
        salt(elements=("Na", "X")): "'X' is not an element",
        salt(coords=[[0, 0, 0]]): "coordinates are needed",
        salt(lattice_mat=[[1, 0, 0], [0, 1, 0], [0, 0, "x"]]): "x",
    }
    rows = [(str(i), "NaCl", -9, text) for i, text in enumerate(bad)]
    rows += [("null", "NaCl", -9, None), ("2-Feb", "2-Feb", -9, salt()), ("good", "ClNa", -1, salt())]
    outcome = records(tmp_path, rows)
    assert outcome.materials["entry_id"].tolist() == ["good"]
    assert [step["rows"] for step in outcome.report["steps"]] == [10, 9, 1, 1]
    assert outcome.rejected["stage"].tolist() == ["formula", *["structure"] * 8]
    for reason, part in zip(outcome.rejected["reason"][1:], [*bad.values(), "missing"], strict=True):
        assert part in reason
    with pytest.raises(DataError, match=r"no row has a formula and a structure that can be read.*is missing"):
        records(tmp_path, [("a", "NaCl", 1, None)])


@pytest.mark.parametrize("formula", ["Na3Cl2Br", "Na2ClBr", "NaBr", "Na3ClBr2"])
def test_a_disordered_structure_fits_its_formula_but_for_rounding(tmp_path: Path, formula: str) -> None:
    species = [{"Na": 1}, {"Cl": 0.667, "Br": 0.333}]
    sites = [
        {"species": [{"element": symbol, "occu": share} for symbol, share in held.items()], "abc": place}
        for held, place in zip(species, ([0, 0, 0], [0.5, 0.5, 0.5]), strict=True)
    ]
    text = json.dumps({"lattice": {"matrix": json.loads(salt())["lattice_mat"]}, "sites": sites})
    columns = COLUMNS | {"structure": {"column": "atoms", "format": "pymatgen"}}
    ordered = json.dumps(
        {"lattice": json.loads(text)["lattice"], "sites": [{"species": sites[0]["species"], "abc": [0, 0, 0]}]}
    )
    outcome = records(tmp_path, [("a", formula, 1, text), ("b", "Na", 1, ordered)], columns=columns)
    assert outcome.materials["entry_id"].tolist() == (["a", "b"] if formula == "Na3Cl2Br" else ["b"])


def test_cif_and_pymatgen_structures(tmp_path: Path) -> None:
    from elemflow.chemistry.crystal import from_jarvis

    crystal = from_jarvis(json.loads(salt()))
    sites = [
        {"species": [{"element": name, "occu": 1}], "abc": place.tolist()}
        for name, place in zip(crystal.species, crystal.coordinates, strict=True)
    ]
    cif = (
        "data_salt\n_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\n_symmetry_space_group_name_H-M 'Fm-3m'\nloop_\n_atom_site_label\n"
        "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nA Na 0 0 0\nB Cl .5 .5 .5\n"
    )
    texts = {"pymatgen": json.dumps({"lattice": {"matrix": crystal.lattice.tolist()}, "sites": sites}), "cif": cif}
    for form, text in texts.items():
        columns = COLUMNS | {"structure": {"column": "atoms", "format": form}}
        rows = [("a", "NaCl", 1, text), ("b", "NaCl", 0, "broken")]
        properties = {"energy": energy(), "volume": COMPUTED, "group": COMPUTED | {"computed": "spacegroup"}}
        outcome = records(tmp_path, rows, columns=columns, properties=properties)
        assert outcome.materials[["entry_id", "group"]].to_numpy().tolist() == [["a", 225]]
        assert outcome.materials["volume"][0] == pytest.approx(5.64**3 / 8)
        assert outcome.rejected["entry_id"].tolist() == ["b"]


def test_occupancies_of_a_cif_column_are_read_as_they_are_meant(tmp_path: Path) -> None:
    def cif(*sites: str) -> str:
        cell = "".join(f"_cell_length_{axis} 4.12\n" for axis in "abc")
        cell += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
        keys = "".join(f"_atom_site_{key}\n" for key in ("label", "fract_x", "fract_y", "fract_z", "occupancy"))
        return f"data_x\n{cell}loop_\n{keys}" + "".join(f"{site}\n" for site in sites)

    chlorine = "Cl1 0.5 0.5 0.5 1"
    rows = [
        ("unknown", "CsCl", -1, cif("Cs1 0 0 0 .", chlorine)),
        ("empty", "KCl", -1, cif("K1 0 0 0 1", chlorine, "Fe1 0.2 0.2 0.2 0")),
        ("rounded", "Fe2CoCl3", -1, cif("Fe1 0 0 0 0.67", "Co1 0 0 0 0.34", chlorine)),
        ("twice", "FeCoCl", -1, cif("Fe1 0 0 0 1", "Co1 0 0 0 1", chlorine)),
        ("name", "CsCl", -1, "CsCl.cif"),
    ]
    columns = COLUMNS | {"structure": {"column": "atoms", "format": "cif"}}
    outcome = records(tmp_path, rows, columns=columns, properties={"energy": energy(), "volume": COMPUTED})
    volumes = dict(zip(outcome.materials["entry_id"], outcome.materials["volume"], strict=True))
    assert volumes == pytest.approx(dict.fromkeys(["unknown", "empty", "rounded"], 4.12**3 / 2))
    assert outcome.rejected["entry_id"].tolist() == ["twice", "name"]
    assert "sum up to 2 (Fe 1, Co 1)" in outcome.rejected["reason"][0]
    assert "perhaps the name of a file" in outcome.rejected["reason"][1]


POSCAR = "salt\n1\n0 2.82 2.82\n2.82 0 2.82\n2.82 2.82 0\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
EXTXYZ = (
    '2\nLattice="0 2.82 2.82 2.82 0 2.82 2.82 2.82 0" Properties=species:S:1:pos:R:3\nNa 0 0 0\nCl 2.82 2.82 2.82\n'
)


@pytest.mark.parametrize(("form", "text"), [("jarvis", salt()), ("poscar", POSCAR), ("extxyz", EXTXYZ)])
def test_formulas_of_structures(tmp_path: Path, form: str, text: str) -> None:
    columns = {"entry_id": "id", "structure": {"column": "atoms", "format": form}}
    rows = [("a", "", 1, text), ("b", "Fe2O3", 2, text.replace("Na", "K")), ("c", "", 3, text[:50]), ("d", "", 4, None)]
    properties = {"energy": energy(), "volume": COMPUTED, "sites": COMPUTED | {"computed": "n_sites"}}
    outcome = records(tmp_path, rows, columns=columns, properties=properties)
    assert outcome.energies == {"ClNa": 1, "ClK": 2}
    assert outcome.entries["formula"].tolist() == ["ClNa", "ClK"]
    assert outcome.materials["volume"].tolist() == pytest.approx([5.64**3 / 8] * 2)
    kept = [decode(code) for code in outcome.materials["structure"]]
    assert kept[1].coordinates.ravel().tolist() == pytest.approx([0, 0, 0, 0.5, 0.5, 0.5])
    assert outcome.rejected["stage"].tolist() == ["structure"] * 2
    assert outcome.rejected["reason"][1] == "the structure is missing"
    assert [step["rows"] for step in outcome.report["steps"]] == [4, 4, 2, 2]


def test_formulas_of_structures_are_those_of_the_column(tmp_path: Path) -> None:
    columns = {"entry_id": "id", "structure": {"column": "atoms", "format": "jarvis"}}
    rows = [("a", "NaCl", -1, salt()), ("b", "KCl", -2, salt(6.29, ("K", "Cl")))]
    derived = records(tmp_path, rows, columns=columns).materials
    given = records(tmp_path, rows, columns=columns | {"formula": "formula"}).materials
    pd.testing.assert_frame_equal(derived, given)


@pytest.mark.parametrize("rule", ["first", "median", "all"])
def test_materials_without_properties(tmp_path: Path, rule: str) -> None:
    rows = [("a", "NaCl", None, salt()), ("b", "KCl", None, salt(6.29, ("K", "Cl"))), ("c", "KBr", None, "{")]
    outcome = records(tmp_path, rows, properties={}, keep={"rule": rule})
    assert outcome.materials["composition"].tolist() == ["ClK", "ClNa"]
    assert outcome.rejected["entry_id"].tolist() == ["c"]
    assert outcome.report["properties"] == {}
    matrix, reasons = voronoi.featurize([decode(code) for code in outcome.materials["structure"]])
    assert not reasons
    assert np.isfinite(matrix).all()


OPTIONAL = COLUMNS | {"structure": COLUMNS["structure"] | {"required": False}}


def test_entries_without_a_required_structure_stay_for_models_of_compositions(tmp_path: Path, caplog) -> None:
    rows = [("no", "KCl", -2, None), ("bad", "NaBr", -3, "{"), ("good", "NaCl", -1, salt())]
    rows += [("other", "LiF", -5, salt())]
    properties = {"energy": energy(), "volume": COMPUTED}
    outcome = records(tmp_path, rows, columns=OPTIONAL, properties=properties)
    found = outcome.materials.set_index("entry_id")
    assert set(found.index) == {"no", "bad", "good"}
    assert found["energy"].to_dict() == {"no": -2, "bad": -3, "good": -1}
    assert found["structure"].notna().to_dict() == {"no": False, "bad": False, "good": True}
    assert found["volume"].notna().to_dict() == {"no": False, "bad": False, "good": True}
    # A contradiction between structure and formula is one in any case.
    assert outcome.rejected[["entry_id", "stage"]].to_numpy().tolist() == [["other", "structure"]]
    assert outcome.report["without_structure"]["rows"] == 2
    assert "2 of 4 rows stay without a structure" in caplog.text

    for part, ids in (("ef", {"ClK1", "BrNa", "ClNa"}), ("st", {"ClNa"})):
        paths = tmp_path / f"{part}.parquet", tmp_path / f"{part}.rejected.parquet"
        featurize_chunk(part, tmp_path / "materials.parquet", *paths)
        assert len(pd.read_parquet(paths[0])) == len(ids)
        assert len(pd.read_parquet(paths[1])) == 3 - len(ids)


def test_lost_structures_name_the_key_that_keeps_their_rows(tmp_path: Path, caplog) -> None:
    records(tmp_path, [("no", "KCl", -2, None), ("good", "NaCl", -1, salt())])
    assert "1 of 2 rows lost, their structure is not understood" in caplog.text
    assert "columns.structure.required: false" in caplog.text


def test_structures_that_are_not_required_are_not_advised_to_be_so(tmp_path: Path, caplog) -> None:
    rows = [("other", "LiF", -5, salt()), ("good", "NaCl", -1, salt())]
    records(tmp_path, rows, columns=OPTIONAL)
    assert "1 of 2 rows lost, their structure is not understood" in caplog.text
    assert "required" not in caplog.text
