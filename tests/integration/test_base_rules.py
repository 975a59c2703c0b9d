"""The rules of a base, from a user's own table to a file that predicts."""

from pathlib import Path

import pytest
import yaml
from factories.own_project import make_own_project, run_snakemake

from elemflow.base.predictor import BasePredictor
from elemflow.core.archive import read_members
from elemflow.core.files import read_json

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
