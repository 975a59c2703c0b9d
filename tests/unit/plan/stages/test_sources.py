"""Parameters of retrieval."""

import os
from pathlib import Path
from types import SimpleNamespace

from factories.configuration import DATASET

from elemflow.config.dataset import Dataset
from elemflow.plan.stages.sources import Sources

TABLE = SimpleNamespace(dataset="mine")


def sources_of(folder: Path, **source: str | None) -> Sources:
    dataset = Dataset.read(DATASET | {"source": {"kind": "table", **source}})
    settings = SimpleNamespace(data_folder=folder, datasets={"mine": dataset})
    return Sources(SimpleNamespace(settings=settings))


def test_paths_start_at_the_folder_of_the_data(tmp_path):
    stage = sources_of(tmp_path, path="a.csv", structures="cifs/{id}.cif")
    assert stage.cfg(TABLE)["source"]["path"] == str(tmp_path / "a.csv")
    assert stage.cfg(TABLE)["source"]["structures"] == str(tmp_path / "cifs/{id}.cif")
    assert stage.local_table(TABLE) == [str(tmp_path / "a.csv")]
    assert sources_of(tmp_path, path="a.csv", structures=None).cfg(TABLE)["source"]["structures"] is None


def test_retrieval_depends_on_the_structure_files(tmp_path):
    (tmp_path / "cifs [1]").mkdir()
    for name in ("a.cif", "b.cif", "c.txt"):
        (tmp_path / "cifs [1]" / name).write_text("data_")
    stage = sources_of(tmp_path, path="a.csv", structures="cifs [1]/{id}.cif")
    first = stage.cfg(TABLE)["files"]
    (tmp_path / "cifs [1]/c.txt").write_text("data_changed")
    assert stage.cfg(TABLE)["files"] == first
    (tmp_path / "cifs [1]/b.cif").write_text("data_c")
    second = stage.cfg(TABLE)["files"]
    os.utime(tmp_path / "cifs [1]/a.cif", ns=(1, 1))
    third = stage.cfg(TABLE)["files"]
    (tmp_path / "cifs [1]/a.cif").unlink()
    assert len({first, second, third, stage.cfg(TABLE)["files"]}) == 4
    assert "files" not in sources_of(tmp_path, path="a.csv").cfg(TABLE)
