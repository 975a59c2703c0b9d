"""The rules of a base, from a user's own table to a file that predicts."""

import json
from pathlib import Path

import pytest
import yaml
from factories.own_project import make_own_project, run_snakemake
from factories.tiny_project import TINY_PROTOCOL

from elemflow.base.predictor import BasePredictor
from elemflow.core.archive import read_members
from elemflow.core.files import read_json, sha256_file

pytestmark = pytest.mark.workflow
BASE = {
    "title": "a base of the user's own",
    "representation": "ef",
    "heads": {
        "seebeck": {"dataset": "mine", "property": "seebeck", "title": "Seebeck coefficient", "group": "seebeck"}
    },
    "network": {"stacks": [{"width": 8, "layers": 2}]},
    "training": {"epochs": 3, "batch_size": 4},
    "members": 2,
    "held_out": 0.2,
}


def test_a_base_is_built_from_a_table_of_the_user(root: Path, tmp_path: Path) -> None:
    project = make_own_project(root, tmp_path / "project")
    (project / "config/bases").mkdir()
    (project / "config/bases/own.yaml").write_text(yaml.safe_dump(BASE), encoding="utf-8")
    product = "results/bases/own/own.elemflow"
    elsewhere = ["-s", str(root / "Snakefile"), "--directory", str(project)]
    run_snakemake(tmp_path, *elsewhere, product)
    predictor = BasePredictor(project / product)
    assert predictor.base.facts.networks == 2
    assert predictor.frame(["Fe2O3"])["seebeck"].notna().all()
    assert b"own2026" in read_members(project / product, "references.bib")[1]["references.bib"]
    report = read_json(project / "results/bases/own/joint.json")
    assert report["heads"]["seebeck"]["values"] == report["compositions"]
    assert "Seebeck coefficient" in (project / "results/bases/own/README.md").read_text(encoding="utf-8")
    assert "Nothing to be done" in run_snakemake(tmp_path, *elsewhere, product)


def test_a_model_is_fine_tuned_from_a_base_that_the_workflow_builds(root: Path, tmp_path: Path) -> None:
    project = make_own_project(root, tmp_path / "project")
    declared = {
        "bases/own": {**BASE, "members": 1},
        "models/tuned": {"title": "tuned", "kind": "fine_tuned_base", "base": "own"},
        "protocols/tuned": {**TINY_PROTOCOL, "scaling": "none"},
    }
    for name, content in declared.items():
        path = project / f"config/{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    elsewhere = ["-s", str(root / "Snakefile"), "--directory", str(project)]
    metrics = "results/runs/mine/seebeck/ef/tuned/tuned/metrics.json"
    run_snakemake(tmp_path, *elsewhere, metrics)
    info = read_json((project / metrics).with_name("run_info.json"))
    base = "results/bases/own/own.elemflow"
    assert sha256_file(project / base) in json.dumps(info)
    assert all(member["started_from"] == "seebeck" for member in info["members"].values())
    assert "Nothing to be done" in run_snakemake(tmp_path, *elsewhere, metrics)
    declared["bases/own"]["seed"] = 1
    (project / "config/bases/own.yaml").write_text(yaml.safe_dump(declared["bases/own"]), encoding="utf-8")
    assert "train_model" in run_snakemake(tmp_path, *elsewhere, "--dry-run", metrics)
