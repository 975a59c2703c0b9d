"""Rows that are shorter than the header of a CSV file."""

import gzip
from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.sources import table_rows
from elemflow.sources.table_rows import Layout, read_table


def read(folder: Path, text: str, separator: str = ",", names: tuple[str, ...] | None = None) -> list[list[str]]:
    (folder / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    layout = Layout("csv", separator, names=names)
    return [row for frame in read_table(folder / "t.csv.gz", layout) for row in frame.to_numpy().tolist()]


@pytest.mark.parametrize(
    ("text", "separator", "named"),
    [
        ("formula ef gap\nNaCl 1 2\n\nMgO 7.8\nCaO 3 4\n", "whitespace", "line 4 has 2 cells, the header 3"),
        ("formula\tef  gap \n NaCl\t1  2 \nMgO\t 7.8 \n", "whitespace", "line 3 has 2 cells, the header 3"),
        ('formula,ef,gap\n"Na\nCl",1,\n \nMgO,7.8\n', ",", "line 5 has 2 cells, the header 3"),
        ("formula;ef\nNaCl;1\nMgO;7.8\nCa", ";", "line 4 has 1 cells, the header 2"),
        ("\n \nformula,ef,gap\nNaCl,1,2\nMgO,7.8\n", ",", "line 5 has 2 cells, the header 3"),
        ("\r\nformula ef gap\r\nNaCl 1 2\r\nMgO 7.8\r\n", "whitespace", "line 4 has 2 cells, the header 3"),
    ],
)
def test_the_line_of_a_short_row_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, separator: str, named: str
) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", 2)
    with pytest.raises(DataError, match=named):
        read(tmp_path, text, separator)


def test_a_short_row_below_names_of_the_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 has 1 cells, the header 2"):
        read(tmp_path, "NaCl,1\nMgO\n", names=("formula", "ef"))


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ('formula,ef\nNaCl,\n\nMgO,""\nCaO,3\n', ","),
        ("formula,ef,\nNaCl,\nMgO,\nCaO,3\n", ","),
        ('formula ef\nNaCl ""\nMgO\t""\n"CaO"  3\n', "whitespace"),
    ],
)
def test_empty_cells_are_no_absent_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, separator: str
) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", 2)
    assert [row[:2] for row in read(tmp_path, text, separator)] == [["NaCl", ""], ["MgO", ""], ["CaO", "3"]]


def test_long_cells_before_an_empty_one_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, f"formula,cif,ef\nNaCl,{'x' * 200_000},\n") == [["NaCl", "x" * 200_000, ""]]
