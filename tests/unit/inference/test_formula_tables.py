"""Formulas out of files: formats, compression, columns, and what is wrong with which line."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.inference.formula_tables import FORMATS, count_rows, format_of_text, formula_chunks

FORMULAS = ["NaCl", "Fe2O3", "Ba(Zr0.2Ti0.8)O3"]
TEXTS = {
    "csv": "n,formula\n" + "".join(f"1,{formula}\n" for formula in FORMULAS),
    "tsv": "composition\tn\n" + "".join(f"{formula}\t1\n" for formula in FORMULAS),
    "json": json.dumps([{"formula": formula} for formula in FORMULAS]),
    "jsonl": "\n".join(json.dumps({"formula": formula}) for formula in FORMULAS) + "\n\n",
    "txt": "\n".join([FORMULAS[0], "", *FORMULAS[1:]]),
}


def _read(path: Path, column: str | None = None) -> list[str]:
    return [formula for chunk in formula_chunks(path, column) for formula in chunk.formulas]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"t.{form}"
    if form == "parquet":
        pd.DataFrame({"formula": FORMULAS}).to_parquet(path)
    elif form == "xlsx":
        pytest.importorskip("openpyxl")
        pd.DataFrame({"formula": FORMULAS}).to_excel(path, index=False)
    else:
        path.write_text(TEXTS[form])
        packed = tmp_path / f"t.{form}.gz"
        packed.write_bytes(gzip.compress(TEXTS[form].encode()))
        assert _read(packed) == FORMULAS
    assert _read(path) == FORMULAS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("formula;x\nNaCl;1,5\nCa0,5Sr0,5TiO3;2\n", ["NaCl", "Ca0,5Sr0,5TiO3"]),
        ("x\tcomposition\n1\tNaCl\n", ["NaCl"]),
        ("formula\nNaCl\nCa0,5Sr0,5TiO3\n", ["NaCl", "Ca0,5Sr0,5TiO3"]),
        ('formula,x\nNaCl,"a,b"\n', ["NaCl"]),
        ("sep=;\nformula;x\nNaCl;1,5\n", ["NaCl"]),
        ("sep=:\nx:formula\n1:NaCl\n", ["NaCl"]),
    ],
)
def test_the_separator_is_that_of_the_header(tmp_path: Path, text: str, found: list[str]) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert _read(tmp_path / "t.csv") == found
    if text.startswith("sep="):
        (tmp_path / "t.tsv").write_text(text)
        assert _read(tmp_path / "t.tsv") == found


@pytest.mark.parametrize("form", sorted(TEXTS))
def test_the_format_of_standard_input_is_seen(form: str) -> None:
    assert format_of_text(TEXTS[form].encode()) == form


def test_a_named_column_makes_a_header() -> None:
    assert format_of_text(b"a;b\n") == "txt"
    assert format_of_text(b"sep=;\nformula;x\n") == "csv"
    assert format_of_text(b"sep=\t\nformula\tx\n") == "tsv"
    assert format_of_text(b"material,n\nNaCl,1\n", "material") == "csv"
    assert format_of_text(b"\xef\xbb\xbfformula\nNaCl\n") == "csv"
    assert format_of_text(b"[Fe(CN)6]\n") == "txt"
    assert format_of_text(b"PAR1...") == "parquet"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", b'{"formula": "NaCl"}\n\n{"formula": \n', "line 3"),
        ("t.jsonl", b"[1]\n", "line 1"),
        ("t.txt", b"\n\n", "no rows"),
        ("t.txt", b"NaCl\n\xff\n", "0xff"),
        ("t.csv", b"a,b\nNaCl,1\n", "Found: a, b"),
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"\n", "the file is empty"),
        ("t.csv", b"formula,n\nNaCl,1\nKCl,a,b\n", "line 3 has 3 cells, the header 2; a text or number with the separator needs quotes"),
        ("t.csv", b"formula,n\nNaCl,8,5\n", "a row has more cells than the header; a text or number with the separator needs"),
        ("t.xyz", b"", r"t\.xyz"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        _read(tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.jsonl", "t.parquet"])
def test_rows_are_counted_at_a_glance(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        pd.DataFrame({"formula": FORMULAS}).to_parquet(path)
    else:
        path.write_text(TEXTS[path.suffix[1:]].strip().replace("\n\n", "\n") + "\n")
    assert count_rows(path) == len(FORMULAS)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.xlsx", "absent.csv", "bad.parquet", "folder.csv"])
def test_rows_that_cannot_be_counted_are_not_known(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"x")
    (tmp_path / "folder.csv").mkdir()
    assert count_rows(tmp_path / name) is None


@pytest.mark.parametrize("name", ["Formula", " formula ", "COMPOSITION"])
def test_the_column_is_found_in_any_case(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_text(f"x,{name}\n1,NaCl\n")
    assert _read(tmp_path / "t.csv") == ["NaCl"]
    assert format_of_text(f"x,{name}\n1,NaCl\n".encode()) == "csv"
    (tmp_path / "t.csv").write_text(f"{name},{name.swapcase()}.,Composition \nNaCl,1,CaO\n")
    with pytest.raises(DataError, match="--column"):
        _read(tmp_path / "t.csv", "Formel")


def test_of_two_columns_alike_none_is_taken(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Formula,formula\nNaCl,CaO\n")
    with pytest.raises(DataError, match=r"columns 'Formula', 'formula', which differ by case .*--column"):
        _read(tmp_path / "t.csv")


@pytest.mark.parametrize("header", ["formula,composition", "Formula,composition", "FORMULA ,Composition"])
def test_formula_comes_before_composition_in_any_case(tmp_path: Path, header: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\nNaCl,CaO\n")
    assert _read(tmp_path / "t.csv") == ["NaCl"]


def test_nul_bytes_do_not_end_a_cell(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"formula,x\nNa\0Cl,1\n")
    with pytest.raises(DataError, match="NUL bytes"):
        _read(tmp_path / "t.csv")


def test_a_header_of_any_length_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"formula,{'x' * 200_000}\nNaCl,1\n")
    with pytest.raises(DataError, match="field larger than field limit"):
        _read(tmp_path / "t.csv")
