"""Predictions in every format, and what has no place in one."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.errors import DataError
from elemflow.inference.output import FORMATS, format_of_name, labelled, open_writer

UNIT = {"unit": "eV", "property": "gap"}
SCHEMA = pa.schema(
    [
        pa.field("formula", pa.string()),
        pa.field("y_pred", pa.float64(), metadata=UNIT),
        pa.field("spread", pa.float64(), metadata=UNIT),
    ],
    metadata={"run": "a/b/c/d/e"},
)


def _tables(schema: pa.Schema) -> list[pa.Table]:
    """Return two tables, of which the second has a text that a spreadsheet program would compute and no prediction."""
    first = pa.table([["NaCl", "Ga,As"], [1.5, -2.25], [0.1, None]], schema=schema)
    return [first, pa.table([["=1+1"], [None], [None]], schema=schema)]


@pytest.mark.parametrize("form", FORMATS)
def test_rows_come_back(tmp_path: Path, form: str) -> None:
    out, schema = tmp_path / f"out.{form}", labelled(SCHEMA, "none")
    with open_writer(out, form, schema, "none") as append:
        for table in _tables(schema):
            append(table)
    expected = [
        {"formula": "NaCl", "gap": 1.5, "spread": 0.1},
        {"formula": "Ga,As", "gap": -2.25, "spread": None},
        {"formula": "=1+1", "gap": None, "spread": None},
    ]
    if form == "parquet":
        assert pq.read_table(out).to_pylist() == expected
        assert pq.read_schema(out).field("gap").metadata[b"unit"] == b"eV"
        assert pq.read_schema(out).metadata[b"run"] == b"a/b/c/d/e"
    elif form in {"json", "jsonl"}:
        text = out.read_text()
        assert (json.loads(text) if form == "json" else list(map(json.loads, text.splitlines()))) == expected
    else:
        with out.open(newline="") as stream:
            rows = list(csv.reader(stream, delimiter="," if form == "csv" else "\t"))
        assert rows == [["formula", "gap", "spread"], ["NaCl", "1.5", "0.1"], ["Ga,As", "-2.25", ""], ["'=1+1", "", ""]]


def test_no_rows_give_a_valid_file(tmp_path: Path) -> None:
    for form in FORMATS:
        with open_writer(tmp_path / f"out.{form}", form, labelled(SCHEMA, "none"), "none"):
            pass
    assert json.loads((tmp_path / "out.json").read_text()) == []
    assert (tmp_path / "out.csv").read_text() == "formula,gap,spread\n"
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    for form in FORMATS:
        out = tmp_path / f"out.{form}"
        out.write_text("old")
        with pytest.raises(KeyError), open_writer(out, form, SCHEMA, "none") as append:
            append(_tables(SCHEMA)[0].select(["formula"]) if form in {"csv", "tsv"} else {}["no table"])
        assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == len(FORMATS)


def test_units_in_names_and_in_a_row(tmp_path: Path) -> None:
    assert labelled(SCHEMA, "name").names == ["formula", "gap [eV]", "spread [eV]"]
    with open_writer(tmp_path / "out.tsv", "tsv", labelled(SCHEMA, "row"), "row"):
        pass
    assert (tmp_path / "out.tsv").read_text() == "formula\tgap\tspread\n\teV\teV\n"
    with pytest.raises(DataError, match="json"), open_writer(tmp_path / "x.json", "json", SCHEMA, "row"):
        pass


def test_a_property_with_the_name_of_another_column_keeps_the_general_name() -> None:
    named = {"unit": "eV", "property": "spread"}
    schema = pa.schema(
        [pa.field("y_pred", pa.float64(), metadata=named), pa.field("spread", pa.float64(), metadata=named)]
    )
    assert labelled(schema, "none").names == ["y_pred", "spread"]


def test_formats_by_name() -> None:
    assert [format_of_name(Path(f"a.{form.upper()}")) for form in FORMATS] == list(FORMATS)
    with pytest.raises(DataError, match=r"a\.xlsx"):
        format_of_name(Path("a.xlsx"))
    with pytest.raises(DataError, match="-o"), open_writer(None, "parquet", SCHEMA, "none"):
        pass
