"""Packing of the measured data sets."""

from pathlib import Path

import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.sources import matminer
from elemflow.tools import measured


def frame(name: str) -> pd.DataFrame:
    entry = matminer.registry_entry(name)
    return pd.DataFrame({column: ["1"] * entry["num_entries"] for column in entry["columns"]})


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        measured.pack(frame, tmp_path / folder)
    for name in measured.SETS:
        first, second = ((tmp_path / folder / f"{name}.csv.gz").read_bytes() for folder in ("a", "b"))
        assert first == second
    measured.compare(frame, tmp_path / "a")


def test_other_rows_are_found(tmp_path: Path) -> None:
    measured.pack(frame, tmp_path)
    with pytest.raises(DataError, match="its rows are not those of"):
        measured.compare(lambda name: frame(name).replace("1", "2"), tmp_path)


@pytest.mark.parametrize(
    ("rows", "columns", "message"), [(1, 0, "rows; the registry says"), (0, 1, "columns .* are missing")]
)
def test_a_changed_registry_is_named(tmp_path: Path, rows: int, columns: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        measured.pack(lambda name: frame(name).iloc[rows:, columns:], tmp_path)


def test_the_packed_tables_are_those_of_the_copies(root: Path, real_data: Path) -> None:
    measured.compare(measured.from_folder(real_data), root / "resources/data")
