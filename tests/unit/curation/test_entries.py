"""Entries: formulas, numbers and columns of the source, with everything that real databases do wrong."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from factories.curation import (
    energy,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.composition import canonical
from elemflow.core.errors import DataError
from elemflow.sources import table_rows


def test_sodium_nitride_survives(tmp_path: Path) -> None:
    outcome = run(tmp_path, "formula,e\nNaN,-1.5\nNaCl,NaN\nKCl,na\n")
    assert outcome.entries["formula"].tolist() == ["NaN", "NaCl", "KCl"]
    assert outcome.materials["material_id"].tolist() == ["ClK", "ClNa", "NNa"]
    assert outcome.energies["NNa"] == -1.5
    assert outcome.materials["energy"].isna().sum() == 2


@pytest.mark.parametrize("cell", ["abc", "inf", "-Infinity", "1e999", "12(3)", "1_0", "0x1F", "1 2"])
def test_text_in_a_number_column(tmp_path: Path, cell: str) -> None:
    content = f"formula,e\nFeO,1\nNiO,{cell}\n"
    with pytest.raises(DataError) as caught:
        run(tmp_path, content)
    for part in ("t.csv", "row 2, column", "'e'", repr(cell), "lenient"):
        assert part in str(caught.value)
    outcome = run(tmp_path, content, properties={"energy": energy(parse="lenient")})
    assert outcome.report["properties"]["energy"]["unreadable"] == 1
    assert outcome.materials["energy"].isna().tolist() == [False, True]


def table_of(path: Path, **options: str) -> dict[str, Any]:
    return {"kind": "table", "path": str(path), **options}


EUROPEAN = "formula;e\nFe0,5Ni0,5;-1,25\nTiO2;3\nNiO;+1,5e-2\nFeO;-9999,0\nMgO;,5\n"


def test_a_table_with_decimal_commas(tmp_path: Path) -> None:
    source = table_of(tmp_path / "t.csv", separator=";", decimal=",")
    marked = {"energy": energy(missing=["-9999"])}
    outcome = run(tmp_path, EUROPEAN, source=source, properties=marked)
    assert outcome.rejected.empty
    expected = {"FeNi": -1.25, "O2Ti": 3, "NiO": 0.015, "MgO": 0.5}
    assert {name: value for name, value in outcome.energies.items() if not pd.isna(value)} == expected


@pytest.mark.parametrize("mark", ["-9999,0", "-9999.0", "-9999"])
def test_marks_are_numbers_with_either_decimal_sign(tmp_path: Path, mark: str) -> None:
    source = table_of(tmp_path / "t.csv", separator=";", decimal=",")
    outcome = run(tmp_path, EUROPEAN, source=source, properties={"energy": energy(missing=[mark])})
    assert outcome.energies["FeO"] != outcome.energies["FeO"]


@pytest.mark.parametrize(
    ("decimal", "cell", "advice"),
    [
        (".", "1,23", "decimal comma, set 'decimal: \",\"'"),
        (".", "-0,5e-3", "decimal comma, set 'decimal: \",\"'"),
        (".", "1,234", "decimal comma, set 'decimal: \",\"'"),
        (".", "1,234.5", "separators of thousands"),
        (".", "1,234,567", "separators of thousands"),
        (",", "1.234,5", "separators of thousands"),
        (",", "1.5", "decimal point, while source.decimal is a comma"),
        (".", "–1.5", "minus is the character '–'"),
        (".", "1.5D-3", "exponent with e"),
        (".", "-1e999", "a number. It is too large. Correct it"),
        (",", "1,5e999", "It is too large."),
    ],
)
def test_a_number_of_other_spelling_is_refused_with_what_to_do(
    tmp_path: Path, decimal: str, cell: str, advice: str
) -> None:
    source = table_of(tmp_path / "t.csv", separator=";", decimal=decimal)
    with pytest.raises(DataError) as caught:
        run(tmp_path, f"formula;e\nFeO;1\nNiO;{cell}\n", source=source)
    for part in ("t.csv", "row 2, column", "'e'", repr(cell), advice):
        assert part in str(caught.value)


def test_a_minus_sign_of_a_word_processor_is_a_minus(tmp_path: Path) -> None:
    marked = {"energy": energy(missing=["−"])}
    outcome = run(tmp_path, "formula,e\nFeO,−1.5\nNiO,−2e−3\nMgO,−\n", properties=marked)
    assert {name: value for name, value in outcome.energies.items() if not pd.isna(value)} == {
        "FeO": -1.5,
        "NiO": -0.002,
    }


def test_both_keys_are_proposed_for_a_table_read_as_one_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"source\.separator to ';' and source\.decimal to ','"):
        run(tmp_path, "formula;e\nFeO;1,5\n")
    with pytest.raises(DataError, match=r"source\.separator to ';' in"):
        run(tmp_path, "formula;e\nFeO;1.5\n")


def test_infinity_in_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "source.parquet"
    pd.DataFrame({"formula": ["FeO", "NiO"], "e": [1.0, float("inf")]}).to_parquet(path)
    with pytest.raises(DataError, match="row 2, "):
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


@pytest.mark.parametrize("written", ["-9999", "-9999.0", "-9.999e3", "-09999"])
def test_a_mark_for_missing_values_is_compared_as_a_number(tmp_path: Path, written: str) -> None:
    marked = {"energy": energy(missing=["-9999", "1e20"])}
    outcome = run(tmp_path, f"formula,e\nFe2O3,{written}\nFe2O3,1.0\nTiO2,1.000000e+20\n", properties=marked)
    assert outcome.materials["energy"].tolist()[0] == 1.0  # the mark is no ground state
    assert outcome.materials["energy"].isna().tolist() == [False, True]


def test_a_dot_that_may_mean_two_things_is_refused_with_its_spellings(tmp_path: Path) -> None:
    outcome = run(tmp_path, "formula,e\nCaCl2.2CH3OH,1\nAl2O3.2SiO2,2\nAl2O3·2SiO2,3\nCaSO4·0.5H2O,4\n")
    assert outcome.energies == {"Al2O7Si2": 3, "Ca2H2O9S2": 4}
    for row, spelling in enumerate(["CaCl2(CH3OH)2 or CaCl2·2CH3OH", "Al2O3(SiO2)2 or Al2O3·2SiO2"]):
        assert f"write {spelling}" in outcome.rejected["reason"][row]


def test_rows_lost_are_warned_about_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = ["FeO,1", *["Fe²,1"] * 3, "Nö,1", *[f"Fe{n}O,1" for n in range(2, 10)]]
    outcome = run(tmp_path, "formula,e\n" + "\n".join(rows) + "\n")
    lost = outcome.report["not_understood"]["formula"]
    assert lost["rows"] == 4
    assert list(lost["reasons"].values()) == [3, 1]
    assert "demo: 4 of 13 rows lost, their formula is not understood: character '²'" in caplog.text
    caplog.clear()
    run(tmp_path, "formula,e\n" + "".join(f"Fe{n}O,1\n" for n in range(2, 200)) + "Nö,1\n")
    assert "rows lost" not in caplog.text


def test_cells_dropped_by_lenient_parsing_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = 'formula,e\nFeO,"1,5"\nNiO,2\n'
    run(tmp_path, content, properties={"energy": energy(parse="lenient")})
    assert "demo: 1 of 2 cells of 'energy' are no numbers and count as missing" in caplog.text


@pytest.mark.parametrize("edge", [-9999.0, 1e20])
def test_a_lone_value_at_the_edge_of_a_column_is_named(
    tmp_path: Path, edge: float, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "".join(f"Fe{n}O,{n / 10}\n" for n in range(2, 12))
    run(tmp_path, f"formula,e\n{rows}NiO,{edge}\n")
    assert (
        f"1 of the values of 'energy' is {edge:g}, far from all others (0.2 to 1.1), first in row 11 ('NiO')"
        in caplog.text
    )
    caplog.clear()
    run(tmp_path, f"formula,e\n{rows}NiO,5\n")
    assert "far from all others" not in caplog.text


def test_rows_are_counted_over_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", 2)
    content = "formula,e,id\nFeO,1,a\nNiO,2,b\nNaCl,3,c\nKCl,4,d\nLiF,5,e\n"
    assert run(tmp_path, content).entries["entry_id"].tolist() == ["0", "1", "2", "3", "4"]
    named = run(tmp_path, content, columns={"formula": "formula", "entry_id": "id"})
    assert named.entries["entry_id"].tolist() == ["a", "b", "c", "d", "e"]
    assert named.entries["row"].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(DataError, match="row 6, column"):
        run(tmp_path, content + "MgO,x,f\n")


def test_missing_column(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path, "formula,energy_pa\nFeO,1\n", properties={"energy": energy(column="energy_p")})
    for part in ("t.csv", "'energy_p'", "properties.energy.column", "formula, energy_pa", "mean 'energy_pa'"):
        assert part in str(caught.value)


def test_a_key_that_whole_blocks_of_json_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", 2)
    rows = [{"formula": "FeO"}, {"formula": "MgO"}, {"formula": "CaO", "e": 1.5}]
    options = {"keep": {"rule": "first"}}
    outcome = run(tmp_path, json.dumps(rows), "t.json", **options)
    assert outcome.materials["energy"].dropna().tolist() == [1.5]
    with pytest.raises(DataError, match=r"t\.json has no column 'f' .*Its columns are: formula, e\."):
        run(tmp_path, json.dumps(rows), "t.json", properties={"energy": energy(column="f")}, **options)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"formula,e\n", "hold no rows"),
        ("t.csv.gz", gzip.compress(b"formula,e\nFeO,1\n" * 50, mtime=0)[:-9], "cut off"),
        ("t.csv", b"formula,e\nFeO,\nNiO,na\n", "'energy' has no value in any of 2 rows"),
        ("t.csv", b"formula,e\n2-Feb,1\n", "spreadsheet"),
    ],
)
def test_useless_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, content, name=name)


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


def test_an_absent_split_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'prt' \(columns.splits\[0\]\)"):
        run(tmp_path, "formula,e,part\nTiO2,1,train\n", columns={"formula": "formula", "splits": ["prt"]})
