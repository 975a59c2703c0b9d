"""Files that are whole or absent, whatever happens while they are written."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.files import PARQUET_OPTIONS, parquet_stream, write_parquet

ROWS = pa.table({"name": [f"n{i % 7}" for i in range(1000)], "x": np.linspace(0, 1, 1000)})


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARQUET_OPTIONS, "row_group_size", 100)


@pytest.mark.parametrize("cuts", [[], [1], [99, 100, 101], [0, 250, 250, 999], list(range(3, 1000, 3))])
@pytest.mark.parametrize("rows", [0, 99, 100, 1000])
def test_streamed_bytes_do_not_depend_on_the_parts(tmp_path: Path, rows: int, cuts: list[int]) -> None:
    table = ROWS.slice(0, rows)
    write_parquet(tmp_path / "whole.parquet", table)
    with parquet_stream(tmp_path / "parts.parquet", table.schema) as append:
        for start, end in zip([0, *cuts], [*cuts, 1000], strict=True):
            append(table.slice(start, end - start))
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.ParquetFile(tmp_path / "parts.parquet").num_row_groups == max(1, -(-rows // 100))


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, ROWS.slice(0, 5))
    before = path.read_bytes()
    original = pq.ParquetWriter.write_table
    calls = []

    def write_table(self: pq.ParquetWriter, *arguments: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, *arguments)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_table)
    with pytest.raises(OSError, match="No space left"), parquet_stream(path, ROWS.schema) as append:
        append(ROWS)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_killed_process_leaves_nothing_under_the_name(tmp_path: Path, root: Path) -> None:
    code = """
import os, signal, sys
import pyarrow as pa
from elemflow.core.files import parquet_stream
table = pa.table({"x": list(range(70_000))})
with parquet_stream(sys.argv[1], table.schema) as append:
    append(table)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a.parquet"
    done = subprocess.run([sys.executable, "-c", code, path], cwd=root / "workflow", check=False)
    assert done.returncode == -9
    assert not path.exists()
    assert all(p.name.startswith(".") and ".part" in p.name for p in tmp_path.iterdir())
