"""What the columns of unknown tables are taken for."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.curation.propose import property_of, propose

SOLIDS = ["NaCl", "GaAs", "SiC", "ZnO", "MgO"]


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


@pytest.mark.parametrize(
    ("cells", "decimal", "numbers", "left_out"),
    [
        (
            ["1,074", "3,125", "1,839", "700", "2,247"],
            ".",
            [],
            "'1,074' is no number. If its comma separates thousands",
        ),
        (["1,074", "3,12", "1,839", "700", "2,247"], ",", ["Tm (K)"], ""),
        (
            ["4.0(1)", "5.1(2)", "6", "7.25(3)", "1.0(3)"],
            ".",
            [],
            "row 1: '4.0(1)' is no number. It has an uncertainty",
        ),
        (["300 K", "310 K", "290 K", "1 K", "2 K"], ".", [], "It has a unit"),
        (["1 037", "2 100", "1 000", "900", "1 200"], ".", [], "It has separators of thousands"),
        (["red", "blue", "1 to 2", "green", "grey"], ".", [], "no numbers"),
    ],
)
def test_what_looks_like_a_number_and_is_none_is_named(
    tmp_path: Path, cells: list[str], decimal: str, numbers: list[str], left_out: str
) -> None:
    rows = [f'{solid},"{cell}"' for solid, cell in zip(SOLIDS, cells, strict=True)]
    found = propose(_write(tmp_path, "\n".join(["formula,Tm (K)", *rows])))
    assert (found.decimal, [each.name for each in found.numbers]) == (decimal, numbers)
    assert left_out in found.left_out.get("Tm (K)", "")
    assert found.comma == ("1,074" if decimal == "," else "")


def test_a_comma_before_three_digits_is_a_decimal_comma_between_semicolons(tmp_path: Path) -> None:
    rows = [
        f"{solid};{cell}" for solid, cell in zip(SOLIDS, ["1,074", "3,125", "1,839", "2,116", "2,247"], strict=True)
    ]
    found = propose(_write(tmp_path, "\n".join(["formula;Tm (K)", *rows])))
    assert (found.decimal, found.comma, found.left_out) == (",", "1,074", {})


def test_a_first_line_of_excel_names_the_separator(tmp_path: Path) -> None:
    rows = [f"{formula};{number},5" for number, formula in enumerate(SOLIDS)]
    found = propose(_write(tmp_path, "\n".join(["sep=;", "formula;gap", *rows])))
    assert (found.layout.separator, found.decimal, found.rows, found.columns) == (";", ",", 5, ["formula", "gap"])


@pytest.mark.parametrize("numbers", [["٨٫٥", "١٫٤", "٢", "٣٫٤", "٧٫٨"], ["８.５", "１.４", "２", "-３e１", "７"]])
def test_digits_other_than_0_to_9_are_no_numbers(tmp_path: Path, numbers: list[str]) -> None:
    rows = [f"{formula};{number};{place}" for place, (formula, number) in enumerate(zip(SOLIDS, numbers, strict=True))]
    found = propose(_write(tmp_path, "\n".join(["formula;Eg;n (1)", *rows])))
    assert [each.name for each in found.numbers] == ["n (1)"]
    assert found.left_out == {"Eg": f"row 1: '{numbers[0]}' is no number. Write its digits as 0 to 9"}


def test_the_name_of_a_column_of_formulas_decides_between_two(tmp_path: Path) -> None:
    found = propose(_write(tmp_path, "host,formula,n\nNaCl,Na2Cl2,1.5\nGaAs,GaAs,2.5\n"))
    assert list(found.formulas) == ["formula", "host"]


def test_indices_labels_and_ids_are_no_properties(tmp_path: Path) -> None:
    text = ",formula,spacegroup_id,row,phase,value\n0,NaCl,225,1,solid,3\n1,GaAs,216,2,solid,4\n2,Ga2O3,1,3,liquid,4\n"
    table = _write(tmp_path, text)
    assert [column.name for column in propose(table).numbers] == ["value"]
    assert [column.name for column in propose(table, ["row"]).numbers] == ["row", "value"]


def test_flags_and_small_integers_are_properties(tmp_path: Path) -> None:
    text = "formula,direct,mu,n,half,note\nNaCl,0,0,1,0,a\nMgO,1,1,2,1,b\nCaO,1,2,3,,c\nKCl,0,0,4,2,d\n"
    found = propose(_write(tmp_path, text))
    assert [column.name for column in found.numbers] == ["direct", "mu", "half"]
    assert found.left_out == {"n": "numbers the rows", "note": "no numbers"}


LONG = "compound,property,value,row_of_paper,phase\n" + "".join(
    f"{formula},{name},{f'{i}.5' if name != 'note' else 'x'},{7 * i},solid\n"
    for i, (formula, name) in enumerate((f, n) for f in SOLIDS for n in ("Band gap (eV)", "E_f", "note"))
)


def test_a_long_table_has_the_properties_that_a_column_names(tmp_path: Path) -> None:
    # Few of the values are no numbers.
    text = LONG.replace("SiC,note,x", "SiC,note,1").replace("ZnO,note,x", "ZnO,E_f,1")
    text = text.replace("MgO,note,x", "MgO,E_f,1").replace("GaAs,note,x", "GaAs,E_f,1")
    long = propose(_write(tmp_path, text)).long
    assert long is not None
    assert (long.name, long.value) == ("property", "value")
    assert [(each.name, each.property_id, each.unit, each.filled) for each in long.numbers] == [
        ("Band gap (eV)", "band_gap", "eV", 5),
        ("E_f", "e_f", None, 8),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [("property", "sample"), ("E_f", "Band gap (eV)"), ("value,row_of_paper", "gap,e_f")],
)
def test_other_tables_are_not_long(tmp_path: Path, old: str, new: str) -> None:
    text = LONG.replace("note,x", "E_f,1")
    assert propose(_write(tmp_path, text)).long
    assert propose(_write(tmp_path, text.replace(old, new))).long is None


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
