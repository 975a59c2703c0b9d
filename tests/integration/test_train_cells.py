"""The script for the minutes when a GPU is at hand, on a tiny run and the processor."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from factories.tiny_project import make_project

from elemflow.core.run import Run
from elemflow.record.evidence import add

pytestmark = pytest.mark.workflow

CELL = "tiny/seebeck/ef/tiny_brnet/tiny"


@pytest.fixture(scope="module")
def script(root) -> Path:
    return root / "benchmarks/train_cells.py"


def call(script: Path, folder: Path, code: str) -> str:
    """Run code in a process of its own, where `cells` is the script; a process can have one Keras backend only."""
    head = (
        f"import sys; sys.path.insert(0, {str(script.parent)!r}); from pathlib import Path; import train_cells as cells"
    )
    environment = os.environ | {"PYTHONPATH": str(script.parents[1] / "workflow")}
    done = subprocess.run(
        [sys.executable, "-c", f"{head}\n{code}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prepared(root, script, tmp_path_factory) -> Path:
    project = make_project(root, tmp_path_factory.mktemp("project"))
    shutil.copytree(root / "benchmarks", project.folder / "benchmarks")
    (project.folder / "tiny.yaml").write_text("studies: [tiny]\n")
    folder = tmp_path_factory.mktemp("prepared")
    call(
        project.folder / "benchmarks/train_cells.py",
        project.folder,
        f"cells.prepare(Path({str(project.folder)!r}), Path({str(folder)!r}), ({CELL!r},), 'tiny.yaml')",
    )
    return folder


def test_a_prepared_cell_is_trained_elsewhere_and_can_be_recorded(script, prepared, tmp_path):
    call(script, tmp_path, f"assert cells.train(Path({str(prepared)!r}), Path('.'), 60, engine='jax') == [{CELL!r}]")
    with zipfile.ZipFile(tmp_path / "cells.zip") as archive:
        archive.extractall(tmp_path)
    info = json.loads((tmp_path / f"results/runs/{CELL}/run_info.json").read_text())
    assert info["engine"]["name"] == "jax"
    recorded = add(tmp_path / "results", Run.parse(CELL), tmp_path / "record")
    assert len(pd.read_parquet(recorded / "predictions.parquet")) > 0
    assert json.loads((recorded / "raw_files.json").read_text())["tiny"]["files"]


def test_without_time_nothing_is_trained(script, prepared, tmp_path):
    call(script, tmp_path, f"assert cells.train(Path({str(prepared)!r}), Path('.'), -1) == []")
    assert not (tmp_path / "cells.zip").exists()


def test_an_epoch_is_timed(script, prepared, tmp_path):
    call(script, tmp_path, f"cells.rate(Path({str(prepared)!r}), Path('.'), 'jax', 2, 2)")
    (line,) = pd.read_csv(tmp_path / "rates.csv").to_dict("records")
    assert (line["run"], line["engine"], line["members"]) == (CELL, "jax", 2)
    assert line["seconds_per_epoch"] > 0
