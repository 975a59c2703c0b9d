"""Tables that come with the project."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from elemflow.core.errors import DataError
from elemflow.sources import matminer, shipped
from elemflow.tools import measured


def options(root: Path, dataset: str) -> shipped.Options:
    source = yaml.safe_load((root / f"config/datasets/{dataset}.yaml").read_text())["source"]
    return shipped.Options.model_validate({key: value for key, value in source.items() if key != "kind"})


@pytest.mark.parametrize(("dataset", "name"), measured.SETS.items())
def test_the_table_has_the_rows_that_the_registry_counts(root: Path, tmp_path: Path, dataset: str, name: str) -> None:
    (record,) = shipped.fetch(options(root, dataset), tmp_path)
    assert record.sha256 == options(root, dataset).sha256
    rows = pd.concat(shipped.read(options(root, dataset), tmp_path))
    entry = matminer.registry_entry(name)
    assert len(rows) == entry["num_entries"]
    assert list(rows.columns) == list(entry["columns"])


def test_an_unknown_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"kefee\.csv\.gz does not exist.*known: kebg, kefe"):
        shipped.fetch(shipped.Options(name="kefee", sha256="0" * 64), tmp_path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"kefe\.csv\.gz"):
        shipped.fetch(shipped.Options(name="kefe", sha256="0" * 64), tmp_path)
    assert not list(tmp_path.iterdir())
