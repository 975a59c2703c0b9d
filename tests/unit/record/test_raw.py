"""Names, sizes and SHA-256 of the raw files behind recorded runs."""

from pathlib import Path

import pytest
from factories.record import MATERIALS, RAW, RUN, write_manifest

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.core.run import Run
from elemflow.record.raw import fill_raw, find_raw

PLACE = Path("resources/record") / RUN.path


def info_of(results: Path, run: Run = RUN) -> dict:
    return read_json(results / "runs" / run.path / "run_info.json")


def test_the_files_of_the_manifest_that_made_the_materials(results: Path) -> None:
    assert find_raw(results, RUN, info_of(results)) == {"kefe": {"materials_sha256": MATERIALS, "files": [RAW]}}


def test_the_data_of_pretraining_count_too(results: Path) -> None:
    """Those of a run that starts from another, which no record has yet."""
    source = Run("kebg", *RUN.path.split("/")[1:])
    folder = results / "runs" / source.path
    info = info_of(results) | {"pretrained": source.path}
    with pytest.raises(DataError, match=r"data of the run that kefe\S+ starts from are not known"):
        find_raw(results, RUN, info)
    write_json(folder / "run_info.json", {"inputs_sha256": {"results/datasets/kebg/materials.parquet": "cd" * 32}})
    with pytest.raises(DataError, match="datasets/kebg has other materials than the run read, or none"):
        find_raw(results, RUN, info)
    write_manifest(results.parent, "cd" * 32, "kebg")
    assert list(find_raw(results, RUN, info)) == ["kefe", "kebg"]


def test_other_materials_and_other_manifests_do_not_count(results: Path, project: Path) -> None:
    manifest = write_manifest(project, "0" * 64)
    with pytest.raises(DataError, match="datasets/kefe has other materials"):
        find_raw(results, RUN, info_of(results))
    write_manifest(project, MATERIALS)
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(DataError, match=r"manifest\.json is missing, or not the one that kefe was curated from"):
        find_raw(results, RUN, info_of(results))


def test_runs_that_lack_them_are_filled_where_the_results_have_their_data(recorded: Path) -> None:
    path = recorded / PLACE / "raw_files.json"
    whole = path.read_bytes()
    assert fill_raw(recorded / "results", recorded / "resources/record") == {}
    path.unlink()
    write_manifest(recorded, "0" * 64)
    (reason,) = fill_raw(recorded / "results", recorded / "resources/record").values()
    assert "other materials" in reason
    assert not path.exists()
    write_manifest(recorded, MATERIALS)
    assert fill_raw(recorded / "results", recorded / "resources/record") == {RUN.path: ""}
    assert path.read_bytes() == whole
