"""Elemental fractions, the files of a part, and the join of several parts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from elemflow.chemistry.composition import ELEMENTS_86
from elemflow.chemistry.crystal import encode, make_crystal
from elemflow.config.kinds import FEATURES
from elemflow.core.errors import DataError
from elemflow.core.files import PARQUET_OPTIONS, read_metadata
from elemflow.features import elemental_fractions, store
from elemflow.features.store import featurize_chunk, gather_chunks, load_descriptors, read_features


def materials(folder: Path, compositions: list[str], **columns: list) -> Path:
    path = folder / "materials.parquet"
    pd.DataFrame({"material_id": compositions, "composition": compositions} | columns).to_parquet(path)
    return path


def gathered(folder: Path, table: Path, part: str = "ef", chunks: int = 1) -> Path:
    features = [folder / f"{part}-{chunk}.parquet" for chunk in range(chunks)]
    rejected = [folder / f"{part}-{chunk}.rejected.parquet" for chunk in range(chunks)]
    for chunk in range(chunks):
        featurize_chunk(part, table, features[chunk], rejected[chunk], chunk=chunk, chunks=chunks)
    gather_chunks(features, rejected, folder / f"{part}.parquet", folder / "rejected.parquet")
    return folder / f"{part}.parquet"


def featurized(folder: Path, compositions: list[str]) -> Path:
    return gathered(folder, materials(folder, compositions))


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
    monkeypatch.setattr(store, "BATCH_ROWS", batch)
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


def test_materials_without_features_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gathered(tmp_path, materials(tmp_path, ["ClNa", "HeO", "NNa", "HeN", "Po"]), chunks=2)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "3 of 5 materials have no features of part 'ef': He is not among the 86 elements" in warning
    assert warning.index("(2)") < warning.index("Po is not") < warning.index("(1)")
    assert str(tmp_path / "rejected.parquet") in warning


def test_few_materials_without_features_are_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gathered(tmp_path, materials(tmp_path, ["HeO", *(f"Na{count}O" for count in range(1, 101))]))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize("chunks", [2, 3, 7])
def test_the_gathered_file_does_not_depend_on_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    monkeypatch.setitem(PARQUET_OPTIONS, "row_group_size", 4)
    compositions = ["ClNa", "FeO", "HeO", "NNa", "NiO", "Po", "CaO", "H2O", "C", "Si", "SiO2"]
    table = tmp_path / "materials.parquet"
    pd.DataFrame({"material_id": compositions, "composition": compositions}).to_parquet(table, row_group_size=3)
    whole = gathered(tmp_path, table)
    expected = whole.read_bytes(), (tmp_path / "rejected.parquet").read_bytes()
    assert pq.read_metadata(whole).num_row_groups == 3
    found = gathered(tmp_path, table, chunks=chunks)
    assert (found.read_bytes(), (tmp_path / "rejected.parquet").read_bytes()) == expected
    assert pd.read_parquet(tmp_path / "rejected.parquet")["material_id"].tolist() == ["HeO", "Po"]


def test_structures_are_read_from_the_materials(tmp_path: Path) -> None:
    cubic = np.eye(3) * 4
    rock_salt = make_crystal(cubic, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    mixed = rock_salt._replace(species=("Na", "Br0.5Cl0.5"))
    column = [encode(rock_salt), None, b"damaged", encode(mixed)]
    table = materials(tmp_path, ["ClNa", "FeO", "NNa", "BrClNa2"], structure=column)
    frame = pd.read_parquet(gathered(tmp_path, table, "st"))
    assert frame["material_id"].tolist() == ["ClNa"]
    assert frame["minimum CN_VoronoiNN"].iloc[0] > 6
    reasons = pd.read_parquet(tmp_path / "rejected.parquet").set_index("material_id")["reason"]
    assert "no structure" in reasons["FeO"]
    assert "not an encoded structure" in reasons["NNa"]
    assert "site 1 is disordered (Br0.5Cl0.5)" in reasons["BrClNa2"]


def test_a_dataset_without_structures_has_no_st(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'structure'.*a representation without 'st'"):
        gathered(tmp_path, materials(tmp_path, ["ClNa"]), "st")


def test_every_part_keeps_the_contract() -> None:
    for name in FEATURES:
        part = load_descriptors(name)
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
    assert ids.dtype == object
    np.testing.assert_array_equal(wanted, matrix[::-1])
