"""Elemental fractions, the files of a part, and the join of several parts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elemflow.composition import ELEMENTS_86
from elemflow.errors import DataError
from elemflow.features import elemental_fractions, registry
from elemflow.features.registry import featurize_dataset, load_part, read_features
from elemflow.files import read_metadata
from elemflow.registry import FEATURES


def materials(folder: Path, compositions: list[str]) -> Path:
    path = folder / "materials.parquet"
    pd.DataFrame({"material_id": compositions, "composition": compositions}).to_parquet(path)
    return path


def featurized(folder: Path, compositions: list[str], name: str = "ef") -> Path:
    featurize_dataset("ef", materials(folder, compositions), folder / f"{name}.parquet", folder / "rejected.parquet")
    return folder / f"{name}.parquet"


def test_elemental_fractions() -> None:
    matrix, reasons = elemental_fractions.featurize(["Fe2O3", "HeO", "Ra", "H"])
    assert matrix.shape == (4, 86)
    assert matrix.dtype == np.float32
    assert matrix[0, ELEMENTS_86.index("Fe")] == np.float32(0.4)
    assert matrix[0, ELEMENTS_86.index("O")] == np.float32(0.6)
    assert matrix[0].sum() == pytest.approx(1)
    assert matrix[3].tolist() == [1.0] + [0.0] * 85
    assert list(reasons) == [1, 2]
    assert "He is not among the 86" in reasons[1]


def test_no_compositions() -> None:
    matrix, reasons = elemental_fractions.featurize([])
    assert matrix.shape == (0, 86)
    assert not reasons


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_file_of_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(registry, "BATCH_ROWS", batch)
    path = featurized(tmp_path, ["ClNa", "HeO", "NNa", "Po"])
    frame = pd.read_parquet(path)
    assert frame.columns.tolist() == ["material_id", *ELEMENTS_86]
    assert frame["material_id"].tolist() == ["ClNa", "NNa"]
    assert set(frame.dtypes[1:]) == {np.dtype(np.float32)}
    assert frame.loc[1, ["N", "Na", "Cl"]].tolist() == [0.5, 0.5, 0.0]
    rejected = pd.read_parquet(tmp_path / "rejected.parquet")
    assert rejected["material_id"].tolist() == ["HeO", "Po"]
    assert rejected["reason"].str.contains("not among").all()
    about = read_metadata(path)
    assert about["labels"] == list(ELEMENTS_86)
    assert set(about) == {"part", "labels", "units", "version", "citations"}
    assert path.read_bytes() == featurized(tmp_path, ["ClNa", "HeO", "NNa", "Po"]).read_bytes()


def test_no_material_has_features(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="He is not among"):
        featurized(tmp_path, ["He"])
    assert not (tmp_path / "ef.parquet").exists()


def test_every_part_keeps_the_contract() -> None:
    for name in FEATURES:
        part = load_part(name)
        assert len(part.LABELS) == len(part.UNITS) == len(set(part.LABELS))
        assert isinstance(part.VERSION, str)
        assert part.CITATIONS


def test_parts_are_joined_by_material(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = featurized(tmp_path / "a", ["ClNa", "FeO", "NNa"])
    second = featurized(tmp_path / "b", ["NNa", "NiO", "ClNa"])
    ids, matrix = read_features([first, second])
    assert ids.tolist() == ["ClNa", "NNa"]
    assert matrix.shape == (2, 172)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[:, :86], matrix[:, 86:])
    ids, wanted = read_features([first, second], ["NNa", "Xx", "ClNa"])
    assert ids.tolist() == ["NNa", "ClNa"]
    np.testing.assert_array_equal(wanted, matrix[::-1])
