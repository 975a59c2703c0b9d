"""A table of the user's own is built by the workflow of a clone that lies elsewhere, and is the same either way."""

import json
from pathlib import Path

import pytest
from factories.own_project import make_own_project, run_snakemake, write_snakefile

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
    crate = json.loads((module / "results/crate/mine/ro-crate-metadata.json").read_text(encoding="utf-8"))
    assert "config/studies/mine.yaml" in {entity["@id"] for entity in crate["@graph"]}
    assert (module / "results/crate/mine/config/models/my_forest.yaml").is_file()

    directory = make_own_project(root, tmp_path / "directory")
    elsewhere = ["-s", str(root / "Snakefile"), "--directory", str(directory)]
    run_snakemake(tmp_path, *elsewhere, TABLE)
    assert (directory / TABLE).read_bytes() == (module / TABLE).read_bytes()
    assert "Nothing to be done" in run_snakemake(tmp_path, *elsewhere, TABLE)
