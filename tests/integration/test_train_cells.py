"""The script for the minutes when a GPU is at hand, on a tiny run and the processor."""

import importlib.util
import json
import os
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from factories.tiny_project import make_project

from elemflow.core.deadline import DEADLINE
from elemflow.core.run import Run
from elemflow.record.evidence import add

pytestmark = pytest.mark.workflow

CELL = "tiny/seebeck/ef/tiny_brnet/tiny"


@pytest.fixture(scope="module")
def script(root):
    spec = importlib.util.spec_from_file_location("train_cells", root / "benchmarks/train_cells.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_cells"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prepared(root, script, tmp_path_factory) -> Path:
    project = make_project(root, tmp_path_factory.mktemp("project"))
    (project.folder / "tiny.yaml").write_text("studies: [tiny]\n")
    before, folder = Path.cwd(), tmp_path_factory.mktemp("prepared")
    os.chdir(project.folder)
    try:
        script.prepare(project.folder, folder, (CELL,), "tiny.yaml")
    finally:
        os.chdir(before)
    return folder


def test_a_prepared_cell_is_trained_elsewhere_and_can_be_recorded(script, prepared, tmp_path, monkeypatch):
    monkeypatch.setenv(DEADLINE, "0")
    monkeypatch.chdir(tmp_path)
    assert script.train(prepared, tmp_path, 60, engine="jax") == [CELL]
    with zipfile.ZipFile(tmp_path / "cells.zip") as archive:
        archive.extractall(tmp_path)
    info = json.loads((tmp_path / f"results/runs/{CELL}/run_info.json").read_text())
    assert info["engine"]["name"] == "jax"
    recorded = add(tmp_path / "results", Run.parse(CELL), tmp_path / "record")
    assert len(pd.read_parquet(recorded / "predictions.parquet")) > 0


def test_without_time_nothing_is_trained(script, prepared, tmp_path, monkeypatch):
    monkeypatch.setenv(DEADLINE, "0")
    assert script.train(prepared, tmp_path, -1) == []
    assert not (tmp_path / "cells.zip").exists()


def test_an_epoch_is_timed(script, prepared, tmp_path):
    script.rate(prepared, tmp_path, "jax", 2, 2)
    (line,) = pd.read_csv(tmp_path / "rates.csv").to_dict("records")
    assert (line["run"], line["engine"], line["members"]) == (CELL, "jax", 2)
    assert line["seconds_per_epoch"] > 0
