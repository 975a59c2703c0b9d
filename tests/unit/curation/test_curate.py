"""Curation on small tables in which everything that real databases do wrong occurs."""

import errno
import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.composition import SYMBOLS, canonical
from elemflow.chemistry.crystal import decode
from elemflow.config.dataset import Dataset, Source
from elemflow.config.load import load
from elemflow.core.errors import DataError
from elemflow.core.files import PARQUET_OPTIONS, read_json
from elemflow.curation import curate as curation
from elemflow.curation import entries
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.curation.polymorphs import SAME_VOLUME, distinct_structures
from elemflow.sources import table
from elemflow.sources.retrieve import retrieve

LOWEST = {"rule": "lowest", "property": "energy"}


@dataclass
class Outcome:
    entries: pd.DataFrame
    materials: pd.DataFrame
    rejected: pd.DataFrame
    report: dict[str, Any]
    files: dict[str, bytes]

    @property
    def energies(self) -> dict[str, float]:
        return dict(zip(self.materials["material_id"], self.materials["energy"], strict=True))


def energy(**options: Any) -> dict[str, Any]:
    return {"column": "e", "unit": "eV/atom", "title": "Energy", "parse": "strict", "missing": ["na"]} | options


def run(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Outcome:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return curated(folder, declared(folder / name, **options))


def declared(path: Path, **options: Any) -> dict[str, Any]:
    return {
        "source": {"kind": "table", "path": str(path)},
        "columns": {"formula": "formula", "entry_id": None},
        "properties": {"energy": energy()},
        "filters": [],
        "keep": LOWEST,
        "published_size": {"paper": 7},
    } | options


def curated(folder: Path, declaration: dict[str, Any]) -> Outcome:
    names = ("entries", "materials", "rejected")
    outputs = {part: folder / f"{part}.parquet" for part in names} | {"report": folder / "curation.json"}
    dataset = Dataset.model_validate(declaration)
    retrieve("demo", dataset.source, folder / "raw")
    curate(CurationJob("demo", dataset, folder / "raw", **outputs))
    frames = [pd.read_parquet(outputs[part]) for part in names]
    return Outcome(*frames, read_json(outputs["report"]), {key: path.read_bytes() for key, path in outputs.items()})


def test_spurious_energy_does_not_win(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e\nFe2O3,-98.0\nFe4O6,-6.5\nO3Fe2,-6.7\n",
        filters=[{"kind": "range", "property": "energy", "minimum": -20, "maximum": 5}],
    )
    assert outcome.energies == {"Fe2O3": -6.7}
    assert outcome.materials["entry_id"].tolist() == ["2"]
    assert outcome.materials["n_entries"].tolist() == [2]
    assert outcome.rejected.to_dict("records") == [
        {"entry_id": "0", "formula": "Fe2O3", "stage": "range energy", "reason": "energy is outside -20 to 5"}
    ]
    assert len(outcome.entries) == 3


def test_sodium_nitride_survives(tmp_path: Path) -> None:
    outcome = run(tmp_path, "formula,e\nNaN,-1.5\nNaCl,NaN\nKCl,na\n")
    assert outcome.entries["formula"].tolist() == ["NaN", "NaCl", "KCl"]
    assert outcome.materials["material_id"].tolist() == ["ClK", "ClNa", "NNa"]
    assert outcome.energies["NNa"] == -1.5
    assert outcome.materials["energy"].isna().sum() == 2


def test_ties_and_missing_energies(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,id\nFeO,,a\nFeO,-2,b\nFeO,-2,c\nNiO,,d\nNiO,,e\n",
        columns={"formula": "formula", "entry_id": "id"},
    )
    assert outcome.materials["entry_id"].tolist() == ["b", "d"]


def test_median_and_first(tmp_path: Path) -> None:
    content = "formula,e,gap\nFeO,1,\nFeO,5,2\nFeO,2,4\n"
    properties = {"energy": energy(), "gap": energy(column="gap", unit="eV")}
    median = run(tmp_path, content, properties=properties, keep={"rule": "median"}).materials
    assert median[["energy", "gap", "entry_id"]].to_numpy().tolist() == [[2.0, 3.0, "0"]]
    with pytest.raises(DataError, match="'gap' has no value"):
        run(tmp_path, content, properties=properties, keep={"rule": "first"})


def test_funnel_accounts_for_every_row(tmp_path: Path) -> None:
    rows = [("2-Feb", 1), ("Fe", 0), ("Fe0", 1), ("FePu", 3), ("Ca3(PO4)2", -3), ("Fe-2", 1), ("", 1), ("D2O", 1)]
    rows += [("Hg0.7Cd0.3Te", -1), ("HgTe", -1), ("TeHg", -2), ("FeO", 90), ("NiO", ""), *[("NaCl", 1)] * 40]
    outcome = run(
        tmp_path,
        "formula,e\n" + "".join(f"{formula},{value}\n" for formula, value in rows),
        filters=[
            {"kind": "has", "property": "energy"},
            {"kind": "sigma", "property": "energy", "n": 5},
            {"kind": "min_elements", "n": 2},
            {"kind": "elements", "allowed": [symbol for symbol in SYMBOLS if symbol != "Pu"]},
        ],
    )
    steps = {step["step"]: step for step in outcome.report["steps"]}
    assert list(steps) == [
        "rows read",
        "formula understood",
        "has energy",
        "sigma energy",
        "min_elements",
        "elements",
        "one per composition",
    ]
    assert [step["rows"] for step in steps.values()] == [53, 48, 47, 46, 45, 44, 4]
    for before, after in zip(list(steps.values())[:-1], list(steps.values())[1:], strict=True):
        assert before["rows"] - after["dropped"] == after["rows"]
    assert len(outcome.rejected) + outcome.materials["n_entries"].sum() == 53
    assert outcome.rejected["stage"].tolist() == [
        *["formula"] * 5,
        "has energy",
        "sigma energy",
        "min_elements",
        "elements",
    ]
    assert "spreadsheet" in outcome.rejected["reason"][0]
    assert steps["sigma energy"]["limits"][1] < 90
    assert outcome.energies == {"Ca3O8P2": -3.0, "Cd3Hg7Te10": -1.0, "ClNa": 1.0, "HgTe": -2.0}
    assert outcome.report["elements"] == 8
    assert outcome.report["entries"] == len(outcome.entries) == 48
    assert outcome.report["materials"] == 4
    assert outcome.report["properties"]["energy"] == {
        "unit": "eV/atom",
        "values": 4,
        "minimum": -3.0,
        "maximum": 1.0,
        "mean": -1.25,
        "unreadable": 0,
    }


def test_sigma_is_computed_over_the_rows_that_reach_it(tmp_path: Path) -> None:
    content = "formula,e\n" + "FeO,1\nFeO,2\n" * 20 + "NiO,4\nNiO,1000\n"
    sigma = {"kind": "sigma", "property": "energy", "n": 3}
    cut = {"kind": "range", "property": "energy", "maximum": 100}
    assert run(tmp_path, content, filters=[sigma]).energies["NiO"] == 4
    assert "NiO" not in run(tmp_path, content, filters=[cut, sigma]).energies


def test_limits_are_inclusive(tmp_path: Path) -> None:
    content = "formula,e\nFeO,1\nNiO,2\nMgO,3\n"
    sigma = run(tmp_path, content, filters=[{"kind": "sigma", "property": "energy", "n": 1}])
    assert sigma.report["steps"][2]["limits"] == [1.0, 3.0]  # the standard deviation of a sample is 1
    assert len(sigma.materials) == 3
    window = [{"kind": "range", "property": "energy", "minimum": 1, "maximum": 2}]
    assert sorted(run(tmp_path, content, filters=window).energies) == ["FeO", "NiO"]


@pytest.mark.parametrize("cell", ["abc", "inf", "-Infinity", "1e999", "12(3)", "1_0", "0x1F", "1 2"])
def test_text_in_a_number_column(tmp_path: Path, cell: str) -> None:
    content = f"formula,e\nFeO,1\nNiO,{cell}\n"
    with pytest.raises(DataError) as caught:
        run(tmp_path, content)
    for part in ("t.csv", "row 1 (counted from 0)", "'e'", repr(cell), "lenient"):
        assert part in str(caught.value)
    outcome = run(tmp_path, content, properties={"energy": energy(parse="lenient")})
    assert outcome.report["properties"]["energy"]["unreadable"] == 1
    assert outcome.materials["energy"].isna().tolist() == [False, True]


def test_infinity_in_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "source.parquet"
    pd.DataFrame({"formula": ["FeO", "NiO"], "e": [1.0, float("inf")]}).to_parquet(path)
    with pytest.raises(DataError, match="row 1 "):
        run(tmp_path, path.read_bytes(), name="t.parquet")
    outcome = run(tmp_path, path.read_bytes(), name="t.parquet", properties={"energy": energy(parse="lenient")})
    assert outcome.materials["energy"].isna().tolist() == [False, True]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_declared_missing_values_are_missing_in_every_format(tmp_path: Path, name: str) -> None:
    path, frame = tmp_path / "source", pd.DataFrame({"formula": ["FeO", "NiO"], "e": [-9999.0, 2.0]})
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
    marked = {"energy": energy(missing=["-9999", "-9999.0", "none"])}
    outcome = run(tmp_path, path.read_bytes(), name=name, properties=marked)
    assert outcome.materials["energy"].isna().tolist() == [True, False]


def test_rows_are_counted_over_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "CHUNK_ROWS", 2)
    content = "formula,e,id\nFeO,1,a\nNiO,2,b\nNaCl,3,c\nKCl,4,d\nLiF,5,e\n"
    assert run(tmp_path, content).entries["entry_id"].tolist() == ["0", "1", "2", "3", "4"]
    named = run(tmp_path, content, columns={"formula": "formula", "entry_id": "id"})
    assert named.entries["entry_id"].tolist() == ["a", "b", "c", "d", "e"]
    with pytest.raises(DataError, match="row 5 "):
        run(tmp_path, content + "MgO,x,f\n")


def test_missing_column(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path, "formula,energy_pa\nFeO,1\n", properties={"energy": energy(column="energy_p")})
    for part in ("t.csv", "'energy_p'", "properties.energy.column", "formula, energy_pa", "mean 'energy_pa'"):
        assert part in str(caught.value)


def test_a_key_that_whole_blocks_of_json_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "CHUNK_ROWS", 2)
    rows = [{"formula": "FeO"}, {"formula": "MgO"}, {"formula": "CaO", "e": 1.5}]
    options = {"keep": {"rule": "first"}}
    outcome = run(tmp_path, json.dumps(rows), "t.json", **options)
    assert outcome.materials["energy"].dropna().tolist() == [1.5]
    with pytest.raises(DataError, match=r"t\.json has no column 'f' .*Its columns are: formula, e\."):
        run(tmp_path, json.dumps(rows), "t.json", properties={"energy": energy(column="f")}, **options)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "cannot be read"),
        ("t.csv", b"formula,e\n", "hold no rows"),
        ("t.csv.gz", gzip.compress(b"formula,e\nFeO,1\n" * 50, mtime=0)[:-9], "cut off"),
        ("t.csv", b"formula,e\nFeO,\nNiO,na\n", "'energy' has no value in any of 2 rows"),
        ("t.csv", b"formula,e\n2-Feb,1\n", "spreadsheet"),
    ],
)
def test_useless_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, content, name=name)


def test_nothing_passes_a_filter(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no row passes the filter 'min_elements'.*fewer than 3 elements"):
        run(tmp_path, "formula,e\nFeO,1\n", filters=[{"kind": "min_elements", "n": 3}])


def test_values_below_the_physical_bound_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outcome = run(tmp_path, "formula,e\nFeO,-1\nNiO,1\n", properties={"energy": energy(minimum=0)})
    assert outcome.report["properties"]["energy"]["below_bound"] == 1
    assert "1 of 2 values of 'energy' are below its minimum, 0, down to -1 eV/atom; they stay" in caplog.text


def test_units_are_stored_and_bytes_repeat(tmp_path: Path) -> None:
    content = "formula,e\nTeHg,-1\n2-Feb,2\nFe2O3,-3\nFe4O6,-2\n"
    first, second = run(tmp_path, content), run(tmp_path, content)
    assert first.files == second.files
    for name in ("entries", "materials"):
        field = pq.read_schema(tmp_path / f"{name}.parquet").field("energy")
        assert field.metadata == {b"unit": b"eV/atom"}
        assert str(field.type) == "double"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["FeO", "OFe", "Fe2O2", "NaN", "2-Feb", "Fe", "D2O"]),
            st.one_of(st.none(), st.floats(-50, 50)),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_accounting_always_sums_up(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float | None]]
) -> None:
    cells = ["Fe2O3,0", *(f"{formula},{'' if value is None else repr(value)}" for formula, value in rows)]
    filters = [{"kind": "range", "property": "energy", "minimum": -20, "maximum": 5}, {"kind": "min_elements", "n": 2}]
    outcome = run(tmp_path_factory.mktemp("c"), "\n".join(["formula,e", *cells]) + "\n", filters=filters)
    assert len(outcome.rejected) + outcome.materials["n_entries"].sum() == len(cells)
    assert outcome.materials["material_id"].is_monotonic_increasing
    for formula, lowest in outcome.energies.items():
        found = [v for f, v in rows if f not in {"2-Feb", "D2O"} and canonical(f) == formula and v is not None]
        assert formula == "Fe2O3" or lowest == min((v for v in found if -20 <= v <= 5), default=None) or pd.isna(lowest)


STRUCTURE = {"column": "atoms", "format": "jarvis"}
COLUMNS = {"formula": "formula", "entry_id": "id", "structure": STRUCTURE}
COMPUTED = {"computed": "volume_per_atom", "unit": "Å³/atom", "title": "Volume"}


def salt(edge: float = 5.64, elements: tuple[str, str] = ("Na", "Cl"), **changes: Any) -> str:
    """Return a primitive cell of the rock-salt type as JSON; the atom in the middle may be moved."""
    half = edge / 2
    lattice = [[0, half, half], [half, 0, half], [half, half, 0]]
    atoms = {"lattice_mat": lattice, "coords": [[0, 0, 0], [0.5, 0.5, 0.5]], "elements": elements, "cartesian": False}
    return json.dumps(atoms | changes)


def records(folder: Path, rows: list[tuple[str, str, float | None, str | None]], **options: Any) -> Outcome:
    """Curate rows of id, formula, energy, structure."""
    content = json.dumps([dict(zip(("id", "formula", "e", "atoms"), row, strict=True)) for row in rows])
    return run(folder, content, name="t.json", **{"columns": COLUMNS} | options)


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


def test_one_material_per_structure(tmp_path: Path) -> None:
    moved = {"coords": [[0, 0, 0], [0.4, 0.5, 0.5]]}
    rows = [
        ("7", "NaCl", -1.0, salt(5.64)),
        ("8", "NaCl", -1.2, salt(5.65)),  # the same within 1 %, lower
        ("9", "NaCl", -1.1, salt(6.10)),  # another volume
        ("10", "ClNa", -2.0, salt(5.64, **moved)),  # another space group
        ("11", "NaCl", None, salt(5.64)),
        ("12", "KCl", -1.0, salt(6.29, ("K", "Cl"))),
    ]
    properties = {"energy": energy(), "volume": COMPUTED}
    keep = {"rule": "structures", "property": "energy", "volume": "volume"}
    outcome = records(tmp_path, rows, properties=properties, keep=keep)
    assert outcome.materials["material_id"].tolist() == ["ClK#12", "ClNa#10", "ClNa#8", "ClNa#9"]
    assert outcome.materials["composition"].tolist() == ["ClK", "ClNa", "ClNa", "ClNa"]
    assert outcome.materials["n_entries"].tolist() == [1, 1, 3, 1]
    assert outcome.materials["structure_type"].tolist()[2:] == ["225", "225"]
    assert [decode(code).lattice[0][1] for code in outcome.materials["structure"]] == [3.145, 2.82, 2.825, 3.05]
    assert outcome.report["steps"][-1] == {"step": "one per composition and structure", "rows": 4, "dropped": 2}
    alike = records(tmp_path, rows, properties=properties, keep=keep | {"volume": None})
    assert alike.materials["material_id"].tolist() == ["ClK#12", "ClNa#10", "ClNa#8"]


def test_structure_type_of_the_source(tmp_path: Path) -> None:
    content = "formula,e,proto,v\nFeO,1,rocksalt,10\nFeO,0,B8,11\nOFe,-1,rocksalt,\nFeO,2,rocksalt,\nFeO,2,,12\n"
    options = {
        "columns": {"formula": "formula", "structure_type": "proto"},
        "properties": {"energy": energy(), "v": energy(column="v")},
        "keep": {"rule": "structures", "property": "energy", "volume": "v"},
    }
    outcome = run(tmp_path, content, **options)
    assert outcome.materials[["material_id", "structure_type", "n_entries"]].to_numpy().tolist() == [
        ["FeO#0", "rocksalt", 1],
        ["FeO#1", "B8", 1],
        ["FeO#2", "rocksalt", 2],
        ["FeO#4", "", 1],
    ]
    options["columns"] |= {"entry_id": "e"}
    with pytest.raises(DataError, match=r"two entries would both be the material 'FeO#2'.*columns\.entry_id"):
        run(tmp_path, content + "FeO,2,NiAs,3\n", **options)


def test_a_material_does_not_depend_on_how_a_parquet_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "CHUNK_ROWS", 2)
    frame = pd.DataFrame({"formula": "FeO", "e": [0.0, 1, 2, 3], "group": pd.array([225, 225, None, 225], "Int64")})
    frame.to_parquet(tmp_path / "t.parquet")
    columns = {"formula": "formula", "structure_type": "group"}
    keep = {"rule": "structures", "property": "energy", "volume": None}
    outcome = curated(tmp_path, declared(tmp_path / "t.parquet", columns=columns, keep=keep))
    assert outcome.materials[["material_id", "structure_type", "n_entries"]].to_numpy().tolist() == [
        ["FeO#0", "225", 3],
        ["FeO#2", "", 1],
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([np.nan, 10, 10.05, 10.1, 10.2, 11, 0, -1])),
        min_size=1,
        max_size=30,
    )
)
def test_structures_are_distinguished_as_by_hand(rows: list[tuple[int, float]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    counts: dict[int, int] = {}
    for position, (group, own) in enumerate(rows):
        for leader in counts:
            same_group, volume = rows[leader][0] == group, rows[leader][1]
            if same_group and (abs(own - volume) <= SAME_VOLUME * abs(volume) or (np.isnan(own) and np.isnan(volume))):
                counts[leader] += 1
                break
        else:
            counts[position] = 1
    groups, volumes = np.array([r[0] for r in rows], int), np.array([r[1] for r in rows], float)
    positions, found = distinct_structures(groups, volumes)
    assert dict(zip(positions.tolist(), found.tolist(), strict=True)) == counts


def mixed_rows() -> list[tuple[str, str, float | None, str | None]]:
    formulas = ["NaCl", "ClNa", "Na2Cl2", "2-Feb", "KCl", "LiF", "NaF"]
    rows: list[tuple[str, str, float | None, str | None]] = []
    for i in range(40):
        formula = formulas[i % len(formulas)]
        elements = {"KCl": ("K", "Cl"), "LiF": ("Li", "F"), "NaF": ("Na", "F")}.get(formula, ("Na", "Cl"))
        text = None if i % 11 == 5 else salt(5 + i % 4 / 10, elements)
        rows.append((f"id-{i}", formula, None if i % 9 == 4 else -(i * 7 % 13) / 3 - (90 if i == 8 else 0), text))
    return rows


@pytest.mark.parametrize("rule", ["lowest", "median", "structures"])
def test_streaming_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    keep = {"rule": rule} | ({} if rule == "median" else {"property": "energy"})
    options = {
        "properties": {"energy": energy(), "volume": COMPUTED},
        "filters": [{"kind": "sigma", "property": "energy", "n": 5}, {"kind": "has", "property": "energy"}],
        "keep": keep,
    }
    whole = records(tmp_path, mixed_rows(), **options)
    assert {"formula", "structure", "sigma energy", "has energy"} == set(whole.rejected["stage"])
    assert len(whole.rejected) + whole.materials["n_entries"].sum() == 40
    for chunk in (1, 7):
        monkeypatch.setattr(table, "CHUNK_ROWS", chunk)
        monkeypatch.setattr(entries, "CACHED_FORMULAS", chunk - 1)
        assert records(tmp_path, mixed_rows(), **options).files == whole.files
    monkeypatch.setitem(PARQUET_OPTIONS, "row_group_size", 3)
    monkeypatch.setattr(curation, "_BLOCK_ROWS", 3)
    small = records(tmp_path, mixed_rows(), **options)
    assert pq.ParquetFile(tmp_path / "entries.parquet").num_row_groups > 5
    for part in ("entries", "materials", "rejected"):
        pd.testing.assert_frame_equal(getattr(small, part), getattr(whole, part))


OUTPUTS = ("entries.parquet", "materials.parquet", "rejected.parquet", "curation.json")
KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq
from elemflow.config.dataset import Dataset
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
dataset, folder, name = Dataset.model_validate_json(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
close = pq.ParquetWriter.close
def killed(self):
    if os.path.basename(self.where).startswith(f".{name}-"):
        os.kill(os.getpid(), signal.SIGKILL)
    close(self)
pq.ParquetWriter.close = killed
outputs = {part: folder / f"{part}.parquet" for part in ("entries", "materials", "rejected")}
curate(CurationJob("demo", dataset, folder / "raw", **outputs, report=folder / "curation.json"))
"""


@pytest.mark.parametrize("number", [0, 1, 2])
def test_killed_in_the_middle(tmp_path: Path, root: Path, number: int) -> None:
    whole = records(tmp_path, mixed_rows())
    for name in OUTPUTS:
        (tmp_path / name).unlink()
    name = OUTPUTS[number].split(".")[0]
    dataset = declared(tmp_path / "t.json", columns=COLUMNS)
    command = [sys.executable, "-c", KILLED, json.dumps(dataset), str(tmp_path), name]
    assert subprocess.run(command, cwd=root / "workflow", check=False).returncode == -9
    assert [output for output in OUTPUTS if (tmp_path / output).exists()] == list(OUTPUTS[:number])
    assert any(path.name.startswith(f".{name}-") for path in tmp_path.iterdir())
    assert curated(tmp_path, dataset).files == whole.files


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    write_table = pq.ParquetWriter.write_table
    written = []

    def limited(self: pq.ParquetWriter, *arguments: Any) -> None:
        written.append(self)
        if len(written) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_table(self, *arguments)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", limited)
    with pytest.raises(OSError, match="No space left"):
        records(tmp_path, mixed_rows())
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == sorted(["t.json", "raw", *OUTPUTS[: failing - 1]])


def test_every_row_may_be_a_material_and_keeps_its_role(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,part\nTiO2,1,train\nxx,2,test\nTi2O4,3,test\nNaCl,,\nNaCl,4,0\n",
        columns={"formula": "formula", "entry_id": None, "splits": ["part"]},
        keep={"rule": "all"},
    )
    assert outcome.materials["material_id"].tolist() == ["ClNa#3", "ClNa#4", "O2Ti#0", "O2Ti#2"]
    assert outcome.materials["part"].tolist() == ["", "0", "train", "test"]
    assert outcome.materials["energy"].tolist()[1:] == [4, 1, 3]
    assert set(outcome.materials["n_entries"]) == {1}
    assert outcome.entries["part"].tolist() == ["train", "test", "", "0"]
    assert outcome.report["steps"][-1] == {"step": "one per row", "rows": 4, "dropped": 0}


def test_the_chosen_entry_gives_the_role(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,part\nTiO2,1,train\nTiO2,0,test\n",
        columns={"formula": "formula", "entry_id": None, "splits": ["part"]},
    )
    assert outcome.materials["part"].tolist() == ["test"]


def test_an_absent_split_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'prt' \(columns.splits\[0\]\)"):
        run(tmp_path, "formula,e,part\nTiO2,1,train\n", columns={"formula": "formula", "splits": ["prt"]})


@pytest.fixture(scope="module")
def real_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "config", folder / "config")
    return folder


def curate_real(name: str, real_data: Path, project: Path, folder: Path) -> Outcome:
    overlay = yaml.safe_load((project / "config/overlays/local_tables.yaml").read_text(encoding="utf-8"))
    dataset = Dataset.model_validate(load({"studies": ["demo"]} | overlay, project).datasets[name])
    options = dataset.source.options
    source = Source.model_validate({"kind": dataset.source.kind, **options, "path": str(real_data / options["path"])})
    return curated(folder, dict(dataset.but(source=source)))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "rows", "compositions", "materials"),
    [
        ("oqmd_composition", 341_759, 341_759, None),
        ("matbench_mp_e_form", 132_752, 95_118, 95_118),
        ("matbench_mp_gap", 106_113, 78_164, 78_164),
        ("mp_polymorphs", 120_612, 87_085, None),
        ("oqmd_polymorphs", 186_057, 143_669, None),
        ("jarvis_dft3d_mbj_gap", 7_296, 7_013, 7_013),
        ("wolverton_oxides", 4_914, 2_646, 2_646),
        ("aflow_composition", 27_690, 27_574, None),
    ],
)
def test_real_tables(
    tmp_path: Path, real_data: Path, real_project: Path, name: str, rows: int, compositions: int, materials: int | None
) -> None:
    outcome = curate_real(name, real_data, real_project, tmp_path)
    assert outcome.report["steps"][0]["rows"] == rows
    assert outcome.entries["composition"].nunique() == compositions
    assert len(outcome.rejected) + outcome.materials["n_entries"].sum() == rows
    assert materials in (None, len(outcome.materials))
    if name == "oqmd_polymorphs":
        assert outcome.entries["energy"].min() < -98
        assert outcome.entries["energy"].max() > 1122
        assert outcome.materials["energy"].between(-20, 5).all()
    if name == "mp_polymorphs":
        nitride = outcome.entries[outcome.entries["formula"] == "NaN"]
        assert nitride["entry_id"].tolist() == ["mp-1080032", "mp-1009221"]
        assert set(nitride["composition"]) == {"NNa"}
        assert outcome.materials.set_index("material_id").loc["NNa", "n_entries"] == 2
    if name == "jarvis_dft3d_mbj_gap":
        assert outcome.rejected["formula"].tolist() == ["2-Feb"]
        assert "spreadsheet program turned into a date" in outcome.rejected["reason"][0]


@pytest.mark.real_data
def test_real_structures(tmp_path: Path, real_data: Path, real_project: Path) -> None:
    outcome = curate_real("jarvis_superconductors", real_data, real_project, tmp_path)
    source = pd.read_parquet(real_data / "jarvis_structures.parquet").set_index("jid")
    kept = source.loc[outcome.materials["entry_id"]]
    assert len(outcome.materials) == 953
    assert outcome.materials["density"].to_numpy() == pytest.approx(kept["density"].to_numpy(), rel=1e-5)
    assert outcome.materials["volume"].to_numpy() == pytest.approx(
        (kept["volume"] / kept["nsites"]).to_numpy(), rel=1e-9
    )
