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


def test_cells_are_chosen_by_patterns(script, prepared, tmp_path):
    code = f"print([entry['run'] for entry in cells._read_cells(Path({str(prepared)!r}), ['tiny/*'])])"
    assert call(script, tmp_path, code) == f"[{CELL!r}]\n"
    unknown = f"try: cells._read_cells(Path({str(prepared)!r}), ['oqmd/*'])\nexcept SystemExit as error: print(error)"
    assert "no prepared cell is oqmd/*" in call(script, tmp_path, unknown)


@pytest.mark.parametrize(("known", "expected"), [(None, "ab" * 20), ("cd" * 20, "cd" * 20)])
def test_the_commit_of_the_preparation_counts_where_there_is_no_repository(script, tmp_path, known, expected):
    (tmp_path / "run_info.json").write_text(json.dumps({"commit": known}))
    call(script, tmp_path, f"cells._add_commit(Path('run_info.json'), {'ab' * 20!r})")
    assert json.loads((tmp_path / "run_info.json").read_text())["commit"] == expected


def test_the_time_to_an_error_counts_epochs_and_seconds(script, tmp_path):
    history = {"member": [0, 0, 0, 1], "epoch": [2, 4, 6, 2], "validation_mae": [0.06, 0.04, 0.03, 0.06]}
    pd.DataFrame(history | {"seconds": [5.0, 5.0, 5.0, 7.0]}).to_parquet(tmp_path / "history.parquet")
    assert call(script, tmp_path, "print(cells.describe_time_to(Path('history.parquet'), 0.0437))").splitlines() == [
        "member 0: at 0.0437 after 4 epochs, 10 s",
        "member 1: not at 0.0437 in 2 epochs",
    ]


def test_an_epoch_is_timed(script, prepared, tmp_path):
    call(script, tmp_path, f"cells.rate(Path({str(prepared)!r}), Path('.'), 'jax', 2, 2)")
    (line,) = pd.read_csv(tmp_path / "rates.csv").to_dict("records")
    assert (line["run"], line["engine"], line["members"]) == (CELL, "jax", 2)
    assert line["seconds_per_epoch"] > 0
