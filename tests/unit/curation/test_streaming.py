"""The same bytes in blocks of any size, and nothing half written after a crash."""

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from factories.curation import (
    COLUMNS,
    COMPUTED,
    curated,
    declared,
    energy,
    records,
    salt,
)

from elemflow.core.files import PARQUET_OPTIONS
from elemflow.curation import curate as curation
from elemflow.curation import rows
from elemflow.sources import table_rows


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
        monkeypatch.setattr(table_rows, "CHUNK_ROWS", chunk)
        monkeypatch.setattr(rows, "CACHED_FORMULAS", chunk - 1)
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
