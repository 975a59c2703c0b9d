"""Further columns of a table: their types, gaps, names and order next to predictions."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.inference.formula_tables import formula_chunks
from elemflow.inference.further_columns import Joined
from elemflow.inference.output import open_writer

PREDICTIONS = pa.schema([pa.field(name, pa.string()) for name in ("formula", "composition", "gap")])


def _further(path: Path) -> pa.Table:
    return pa.concat_tables([chunk.further for chunk in formula_chunks(path) if chunk.further is not None])


def test_cells_of_csv_stay_text_and_empty_ones_are_null(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeffid;formula;note\r\n007;NaCl; a\r\n1e5;CaO;\r\n", encoding="utf-8")
    assert _further(tmp_path / "t.csv").to_pydict() == {"id": ["007", "1e5"], "note": [" a", None]}


def test_columns_of_parquet_keep_their_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1, None], "formula": ["NaCl", "CaO"], "x": [0.5, None], "ok": [True, None]})
    frame.astype({"n": "Int64", "ok": "boolean"}).to_parquet(tmp_path / "t.parquet")
    found = _further(tmp_path / "t.parquet")
    assert found.schema.types == [pa.int64(), pa.float64(), pa.bool_()]
    assert found.to_pydict() == {"n": [1, None], "x": [0.5, None], "ok": [True, None]}


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_columns_of_records_have_one_type_wherever_they_begin(tmp_path: Path, form: str) -> None:
    rows = [{"formula": "NaCl", "n": 1, "mixed": 1, "big": 2**70}] * 10_000
    rows += [{"formula": "CaO", "n": 0.5, "mixed": "a", "late": [1], "ok": False}]
    text = json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows))
    (tmp_path / f"t.{form}").write_text(text)
    found = _further(tmp_path / f"t.{form}")
    assert dict(zip(found.column_names, found.schema.types, strict=True)) == {
        "n": pa.float64(), "mixed": pa.string(), "big": pa.string(), "late": pa.string(), "ok": pa.bool_()
    }  # fmt: skip
    assert found.to_pylist()[-1] == {"n": 0.5, "mixed": "a", "big": None, "late": "[1]", "ok": False}
    assert found.to_pylist()[0] == {"n": 1.0, "mixed": "1", "big": str(2**70), "late": None, "ok": None}


CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(
    st.lists(st.dictionaries(st.text(max_size=3).filter(lambda name: name != "formula"), CELLS), min_size=1, max_size=5)
)
def test_any_records_can_be_joined(tmp_path_factory: pytest.TempPathFactory, records: list[dict]) -> None:
    path = tmp_path_factory.mktemp("t") / "t.jsonl"
    path.write_text("\n".join(json.dumps({"formula": "NaCl"} | record) for record in records))
    [chunk] = formula_chunks(path)
    joined = Joined.of(PREDICTIONS, chunk.further, 2)
    table = joined.table(pa.table([["NaCl"] * len(records)] * 3, schema=PREDICTIONS), chunk.further)
    assert table.schema == joined.schema
    assert len(set(table.column_names)) == table.num_columns
    for name, column in zip(chunk.further.column_names, chunk.further.columns, strict=True):
        assert table.column(joined.renamed.get(name, name)) == column


def test_new_names_are_not_taken() -> None:
    names = ["gap", "gap_given", "x"]
    joined = Joined.of(PREDICTIONS, pa.table([["a"]] * 3, names=names), 2)
    assert joined.schema.names == ["formula", "composition", "gap_given_given", "gap_given", "x", "gap"]
    assert "'gap' to 'gap_given_given'" in joined.note
    assert Joined.of(PREDICTIONS, None, 2).schema == PREDICTIONS


def test_an_infinite_number_is_no_json(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("x", pa.float64())])
    with (
        pytest.raises(DataError, match="column 'x' has an infinite"),
        open_writer(tmp_path / "o.json", "json", schema, "none") as append,
    ):
        append(pa.table([[float("inf")]], schema=schema))
    assert not list(tmp_path.iterdir())
