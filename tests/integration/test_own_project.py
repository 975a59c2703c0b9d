"""A table of the user's own is built by the workflow of a clone that lies elsewhere, and is the same either way."""

import json
from pathlib import Path

import pytest
import yaml
from factories.own_project import HOSTED, host, make_own_project, run_snakemake, write_snakefile
from factories.tiny_project import make_project

from elemflow.reporting.bibliography import read_entries

pytestmark = pytest.mark.workflow
TABLE = "results/tables/mine/errors.csv"


def test_a_table_is_built_as_a_module_and_with_a_directory(root: Path, tmp_path: Path) -> None:
    module = make_own_project(root, tmp_path / "module")
    write_snakefile(root, module)
    products = ["results/tables/mine/lines.txt", "results/tables/mine/references.bib", "results/crate/mine"]
    run_snakemake(module, *products)
    assert (module / "results/tables/mine/lines.txt").read_text().strip() == "3"
    assert next(iter(read_entries(module / "results/tables/mine/references.bib"))) == "own2026"
    cited = yaml.safe_load((module / "results/tables/mine/CITATION.cff").read_text(encoding="utf-8"))["references"]
    assert cited[0]["authors"] == [{"family-names": "Own", "given-names": "Ann"}]
    crate = json.loads((module / "results/crate/mine/ro-crate-metadata.json").read_text(encoding="utf-8"))
    assert "config/studies/mine.yaml" in {entity["@id"] for entity in crate["@graph"]}
    assert (module / "results/crate/mine/config/models/my_forest.yaml").is_file()

    directory = make_own_project(root, tmp_path / "directory")
    elsewhere = ["-s", str(root / "Snakefile"), "--directory", str(directory)]
    run_snakemake(tmp_path, *elsewhere, TABLE)
    assert (directory / TABLE).read_bytes() == (module / TABLE).read_bytes()
    assert "Nothing to be done" in run_snakemake(tmp_path, *elsewhere, TABLE)


def test_a_table_is_built_by_a_hosted_release(root: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    commit, variables = host(make_project(root, tmp_path / "clone").folder)
    project = make_own_project(root, tmp_path / "project")
    (project / "workflow").mkdir()
    (project / "workflow/Snakefile").write_text(HOSTED, encoding="utf-8")
    run_snakemake(project, TABLE, XDG_CACHE_HOME=str(tmp_path / "cache"), **variables)
    assert (project / TABLE).is_file()
    info = json.loads((project / "results/runs/mine/seebeck/ef/my_forest/mine/run_info.json").read_text("utf-8"))
    assert info["commit"] == commit
    assert (project / ".snakemake/elemflow" / commit / "workflow/elemflow").is_dir()
