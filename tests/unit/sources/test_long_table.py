"""Long tables, with one value per row: a column for each name."""

import pandas as pd
import pytest

from elemflow.config.dataset import Source
from elemflow.core.errors import DataError
from elemflow.sources import table
from elemflow.sources.table import Options


def read(folder, text, **long):
    (folder / "long.csv").write_text(text)
    options = Options.of("d", Source(kind="table", path=str(folder / "long.csv"), long=long))
    return list(table.read(options, folder))


def test_each_name_becomes_a_column_that_its_own_rows_fill(tmp_path):
    text = "formula,property,value\nFeO,gap,1.5\nFeO,modulus,80\nNaCl,gap,8\n"
    [frame] = read(tmp_path, text, name="property", value="value")
    assert frame.attrs["sparse"] is True
    assert list(frame.columns) == ["formula", "gap", "modulus"]
    assert frame["formula"].tolist() == ["FeO", "FeO", "NaCl"]
    assert frame["gap"].tolist() == ["1.5", "", "8"]
    assert frame["modulus"].tolist() == ["", "80", ""]


def test_numbers_of_parquet_stay_numbers(tmp_path):
    rows = {"formula": ["FeO", "FeO"], "property": ["gap", "modulus"], "value": [1.5, 80.0]}
    pd.DataFrame(rows).to_parquet(tmp_path / "long.parquet")
    options = Options.of(
        "d", Source(kind="table", path=str(tmp_path / "long.parquet"), long={"name": "property", "value": "value"})
    )
    [frame] = table.read(options, tmp_path)
    assert frame["gap"].isna().tolist() == [False, True]
    assert frame["modulus"].dtype == "float64"


@pytest.mark.parametrize(("header", "named"), [("formula,name,value", "property"), ("gap,property,value", "'gap'")])
def test_a_missing_column_and_a_taken_name_are_refused(tmp_path, header, named):
    with pytest.raises(DataError, match=named):
        read(tmp_path, f"{header}\nFeO,gap,1\n", name="property", value="value")
