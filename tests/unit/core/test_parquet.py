"""Parquet files of the workflow: no flipped bit goes unnoticed."""

import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import PARQUET_OPTIONS, parquet_stream, read_metadata, write_parquet
from elemflow.core.parquet import count_rows, open_parquet, read_frame, read_schema, read_table, row_groups

ABOUT = {"unit": "eV/atom", "version": "1"}
ROWS = pa.table(
    {
        "material_id": [f"Fe{n}O" for n in range(40)],
        "role": ["test", "train", "validation", "test"] * 10,
        "y_pred": np.linspace(-2, 2, 40),
        "x": pa.array(np.linspace(0, 1, 40), pa.float32()),
        "structure": [bytes([n]) * n for n in range(40)],
    }
)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setitem(PARQUET_OPTIONS, "row_group_size", 16)
    write_parquet(tmp_path / "predictions.parquet", ROWS, ABOUT)
    return tmp_path / "predictions.parquet"


def read_all(path):
    """Return all that a reader sees of a file: values, names, types and metadata."""
    return read_table(path).to_pydict(), read_schema(path).types, read_metadata(path), count_rows(path)


def flipped(data, bit):
    other = bytearray(data)
    other[bit // 8] ^= 1 << bit % 8
    return bytes(other)


def test_every_flipped_bit_is_named_or_changes_nothing(path, tmp_path):
    data, before = path.read_bytes(), read_all(path)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    draw = random.Random(0)
    # The footer is not covered by the checksums of Parquet itself, so more of its bits are tried.
    bits = draw.sample(range(8 * footer), 400) + draw.sample(range(8 * footer, 8 * len(data)), 800)
    damaged, noticed = tmp_path / "damaged.parquet", 0
    for bit in bits:
        damaged.write_bytes(flipped(data, bit))
        try:
            found = read_all(damaged)
        except DataError:
            noticed += 1
        else:
            assert found == before, f"bit {bit} of {8 * len(data)} changes what is read"
    # The rest are statistics in the headers of pages, which no one reads: all 38,904 bits of this file were tried.
    assert noticed > 0.85 * len(bits)


@pytest.mark.parametrize("read", [read_frame, lambda path: read_frame(path, ["y_pred"], role="test"), read_table,
                                  lambda path: list(row_groups(path, ["y_pred"], 3, 20))])  # fmt: skip
def test_a_flipped_bit_of_a_page_stops_each_reader(path, read):
    data = path.read_bytes()
    with open_parquet(path) as file:
        place = file.metadata.row_group(0).column(2).dictionary_page_offset
    path.write_bytes(flipped(data, 8 * (place + 60)))
    with pytest.raises(DataError, match=r"predictions\.parquet is damaged"):
        read(path)


def test_pages_have_checksums_that_other_programs_verify(path):
    assert pq.read_table(path, page_checksum_verification=True).equals(ROWS)
    assert pd.read_parquet(path).equals(ROWS.to_pandas())


def test_a_stream_has_the_same_checksums(path, tmp_path):
    schema = ROWS.schema.with_metadata(read_schema(path).metadata)
    with parquet_stream(tmp_path / "stream.parquet", schema) as append:
        append(ROWS.replace_schema_metadata(schema.metadata))
    assert (tmp_path / "stream.parquet").read_bytes() == path.read_bytes()


def test_the_files_of_other_programs_are_read(tmp_path):
    ROWS.to_pandas().to_parquet(tmp_path / "other.parquet")
    assert read_frame(tmp_path / "other.parquet").equals(ROWS.to_pandas())
    (tmp_path / "text.parquet").write_text("formula,value\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"text\.parquet"):
        read_table(tmp_path / "text.parquet")
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "absent.parquet")


@pytest.mark.parametrize("columns", [None, ["y_pred", "role"], ["y_pred"]])
@pytest.mark.parametrize("role", [None, "test", "none"])
def test_frames_have_the_rows_and_columns_that_pandas_reads(path, columns, role):
    expected = pd.read_parquet(path, columns=columns, filters=[("role", "==", role)] if role else None)
    pd.testing.assert_frame_equal(read_frame(path, columns, role=role), expected)


@pytest.mark.parametrize(("start", "stop"), [(0, None), (3, 20), (16, 32), (39, 40), (5, 5)])
def test_row_groups_yield_the_wanted_rows(path, start, stop):
    found = [value for table in row_groups(path, ["x"], start, stop) for value in table["x"].to_pylist()]
    assert found == ROWS["x"].to_pylist()[start:stop]
