"""Readers of the record, which name a damaged file and say how to get it back."""

from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.core.evidence import (
    EVIDENCE,
    check_complete,
    find_folders,
    is_of_record,
    materials_of,
    read_run_info,
)
from elemflow.core.files import write_json
from elemflow.core.parquet import read_frame

RUN = "kefe/formation_energy/ef/brnet/brnet2023"
INFO = {"inputs_sha256": {"results/datasets/kefe/materials.parquet": "ab"}, "finished": "2026-01-02", "members": {}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "resources/record" / RUN
    found.mkdir(parents=True)
    for name in EVIDENCE:
        (found / name).write_text("{}")
    write_json(found / "run_info.json", INFO)
    return found


@pytest.mark.parametrize("text", ["{", "[]", "", '{"a": 1', "\x00"])
def test_damaged_json_is_named_with_how_to_restore_it(folder: Path, text: str) -> None:
    (folder / "run_info.json").write_text(text)
    path = f"resources/record/{RUN}/run_info.json"
    with pytest.raises(DataError, match=f"^{path} is damaged: .*git checkout -- '{path}'"):
        read_run_info(folder)


@pytest.mark.parametrize("key", ["inputs_sha256", "finished", "members"])
def test_a_missing_key_is_named(folder: Path, key: str) -> None:
    write_json(folder / "run_info.json", {name: value for name, value in INFO.items() if name != key})
    with pytest.raises(DataError, match=f"run_info.json: key '{key}' is missing or damaged. Restore it"):
        read_run_info(folder, "members")


def test_hashes_without_materials_are_named(folder: Path) -> None:
    write_json(folder / "run_info.json", INFO | {"inputs_sha256": {"a.parquet": "ab"}})
    with pytest.raises(DataError, match="'inputs_sha256' has no materials"):
        read_run_info(folder)


def test_the_materials_of_the_named_dataset_count() -> None:
    info = {"inputs_sha256": {"datasets/a/materials.parquet": "aa", "datasets/b/materials.parquet": "bb"}}
    assert (materials_of(info), materials_of(info, "b")) == ("aa", "bb")


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_folder_is_found_by_any_file_and_names_the_one_it_lacks(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).unlink()
    assert find_folders(tmp_path / "resources/record") == {RUN: folder}
    with pytest.raises(DataError, match=rf"^resources/record/{RUN}: {name} missing.*checkout -- '\S+/{name}'"):
        check_complete(folder)


def test_damaged_parquet_of_the_record_is_not_to_be_deleted(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"damaged.*Restore it from the repository: git checkout") as raised:
        read_frame(folder / "predictions.parquet")
    assert "delete" not in str(raised.value)
    (tmp_path / "other.parquet").write_text("{}")
    with pytest.raises(DataError, match="delete it"):
        read_frame(tmp_path / "other.parquet")


def test_what_is_of_the_record() -> None:
    assert is_of_record("resources/record/a/b")
    assert not is_of_record("resources/raw/record/b")
