"""Files on a storage, as executors without a shared file system need them: jobs see copies below another path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories.tiny_project import GRID, TINY_PROTOCOL, TINY_STUDY, Project

pytestmark = pytest.mark.workflow
PLUGINS = Path(__file__).parents[1] / "factories/plugins"
GRID_OF_FOREST = GRID | {"columns": [{"model": "tiny_forest"}]}
OPTIONS = (
    *("--cores", "2", "--config", "studies=[tiny]", "--nocolor", "--default-storage-provider", "copies"),
    *("--shared-fs-usage", "persistence", "sources", "source-cache", "software-deployment"),
)
TARGETS = ("results/tables/tiny/errors", "results/figures/tiny/importance")


def test_a_study_is_built_on_a_storage(fresh: Project) -> None:
    study = TINY_STUDY | {
        "claims": {},
        "tables": {"errors": {"title": "Errors"} | GRID_OF_FOREST},
        "figures": {"importance": {"title": "Importance", "kind": "importance"} | GRID_OF_FOREST},
    }
    fresh.declare("studies/tiny", study)
    fresh.declare("protocols/tiny", TINY_PROTOCOL)
    store = fresh.folder / "store"
    store.mkdir()
    for name in ("resources", "transport_sample.csv"):
        (fresh.folder / name).rename(store / name)
    (fresh.folder / "resources").symlink_to(store / "resources")  # printed values are read while planning
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *OPTIONS, "--default-storage-prefix", str(store), "--", *TARGETS],
        cwd=fresh.folder,
        env=os.environ | {"PYTHONPATH": f"{fresh.folder / 'workflow'}{os.pathsep}{PLUGINS}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "Random forest" in (store / TARGETS[0]).read_text()
    assert (store / f"{TARGETS[1]}.svg").is_file()
    assert not (fresh.folder / "results/runs").exists()
