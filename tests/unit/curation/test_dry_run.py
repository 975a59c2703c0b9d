"""A curation that leaves nothing behind."""

import tempfile
from pathlib import Path

import pandas as pd
import pytest

from elemflow.config.dataset import Dataset
from elemflow.core.errors import DataError
from elemflow.curation.dry_run import curate_dry, extreme_rows


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "t.csv").write_text("formula,y\nNaCl,1\nGaAs,2\nfoo,3\nSiC,2\nZnO,90\n")
    return Dataset.model_validate(
        {
            "title": "T",
            "source": {"kind": "table", "path": str(tmp_path / "t.csv")},
            "columns": {"formula": "formula"},
            "properties": {"y": {"column": "y", "unit": "eV"}},
            "keep": {"rule": "median"},
        }
    )


def test_funnel_rejected_and_extreme_rows(tmp_path: Path, dataset: Dataset) -> None:
    found = curate_dry("t", dataset)
    assert [step["rows"] for step in found.report["steps"]] == [5, 4, 4]
    assert found.rejected["formula"].tolist() == ["foo"]
    assert found.extreme.iloc[0]["composition"] == "OZn"
    assert len(found.warnings) >= 1
    assert all("elemflow-" not in text for text in found.warnings), "a folder that is gone is not named"
    assert not list((tmp_path / "temporary").iterdir())


def test_a_table_that_cannot_be_curated_is_an_error(tmp_path: Path, dataset: Dataset) -> None:
    (tmp_path / "t.csv").write_text("formula,y\nNaCl,a\n")
    with pytest.raises(DataError, match="'a'"):
        curate_dry("t", dataset)
    assert not list((tmp_path / "temporary").iterdir())


def test_deviations_are_robust() -> None:
    table = pd.DataFrame({"composition": list("ABCDE"), "entry_id": list("abcde"), "y": [1.0, 2, 3, 4, 100], "z": 7.0})
    found = extreme_rows(table)
    first = found[found["property"] == "y"].iloc[0]
    assert (first["value"], first["deviations"]) == (100, pytest.approx(97 / 1.4826))
    assert (found[found["property"] == "z"]["deviations"] == 0).all()
