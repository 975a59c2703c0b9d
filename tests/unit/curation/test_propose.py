"""What the columns of unknown tables are taken for."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.curation.propose import property_of, propose


def _write(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_table_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    rows = [
        "x1;NaCl;8,5;-2,1",
        "x2;GaAs;1,4;-",
        "x3;GaAs;>1;-0,4",
        "x4;TiO2;3,0;-3",
        "x5;ZnO;3,4;-1,8",
        "x6;MgO;7,8;-3",
    ]
    found = propose(_write(tmp_path, "\n".join(["my id;Compound;Eg (eV);dH [eV/atom]", *rows])))
    assert (found.layout.separator, found.decimal, found.rows) == (";", ",", 6)
    assert list(found.formulas) == ["Compound"]
    assert found.entry_id == "my id"
    gap, heat = found.numbers
    assert (gap.name, gap.property_id, gap.unit, gap.others) == ("Eg (eV)", "eg", "eV", ((3, ">1"),))
    assert (heat.unit, heat.missing, heat.filled) == ("eV/atom", ("-",), 5)
    assert found.repeated == 2


def test_the_name_of_a_column_of_formulas_decides_between_two(tmp_path: Path) -> None:
    found = propose(_write(tmp_path, "host,formula,n\nNaCl,Na2Cl2,1.5\nGaAs,GaAs,2.5\n"))
    assert list(found.formulas) == ["formula", "host"]


def test_indices_labels_and_ids_are_no_properties(tmp_path: Path) -> None:
    text = ",formula,spacegroup_id,row,phase,value\n0,NaCl,225,1,solid,3\n1,GaAs,216,2,solid,4\n2,Ga2O3,1,3,liquid,4\n"
    table = _write(tmp_path, text)
    assert [column.name for column in propose(table).numbers] == ["value"]
    assert [column.name for column in propose(table, ["row"]).numbers] == ["row", "value"]


def test_structures_of_three_formats_are_seen(tmp_path: Path) -> None:
    for text, form in (
        (json.dumps({"lattice": {}, "sites": []}), "pymatgen"),
        (json.dumps({"lattice_mat": [], "coords": []}), "jarvis"),
        ("data_NaCl\n_cell_length_a 5.6", "cif"),
    ):
        pd.DataFrame({"formula": ["NaCl"], "s": [text], "y": [1.0]}).to_parquet(tmp_path / "t.parquet")
        assert propose(tmp_path / "t.parquet").structure == ("s", form)


def test_mistyped_formulas_are_named_with_their_row(tmp_path: Path) -> None:
    text = "formula,y\nNaCl,1\nFe203,2\nGaAs,3\nnacl,4\nSiC,5\nZnO,6\nMgO,2\nTiO2,2\nCaO,1\n"
    assert propose(_write(tmp_path, text)).mistyped == ((2, "Fe203", "Fe2O3"), (4, "nacl", "NaCl"))


def test_compressed_and_json_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"formula\ty\nNaCl\t1.5\n"))
    assert propose(tmp_path / "t.csv.gz").layout.separator == "\t"
    found = propose(_write(tmp_path, '[{"formula": "NaCl", "y": 1.5}, {"formula": "GaAs", "y": null}]', "t.json"))
    assert (found.numbers[0].name, found.numbers[0].filled) == ("y", 1)


@pytest.mark.parametrize(("name", "text"), [("t.csv", "formula,y\n"), ("t.pdf", "x"), ("none.csv", None)])
def test_what_is_no_table_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        _write(tmp_path, text, name)
    with pytest.raises(DataError, match=name):
        propose(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Eg (eV)", ("eg", "eV")),
        ("K_VRH [GPa]", ("k_vrh", "GPa")),
        ("kappa (W/(m K))", ("kappa", "W/(m K)")),
        ("gap (PBE) (eV)", ("gap_pbe", "eV")),
        ("band gap", ("band_gap", None)),
        ("Bandlücke (eV)", ("bandlucke", "eV")),
        ("Größe", ("grosse", None)),
        ("2nd value", ("property_2nd_value", None)),
    ],
)
def test_names_of_properties(name: str, expected: tuple[str, str | None]) -> None:
    assert property_of(name) == expected
