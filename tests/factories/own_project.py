"""A user's project: a folder with its own configuration and table, built by the workflow of a clone that lies elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from factories.tiny_project import TINY_DATASET, TINY_FOREST, TINY_PROTOCOL

STUDY = {
    "title": "A study of the user's own",
    "defaults": {"representation": "ef", "protocol": "mine"},
    "tables": {
        "errors": {
            "title": "Errors",
            "rows": [{"dataset": "mine", "property": "seebeck"}],
            "columns": [{"model": ["linear_regression", "my_forest"]}],  # the first one ships
        }
    },
}
DECLARED = {
    "config": {"studies": ["mine"]},
    "datasets/mine": TINY_DATASET | {"citation": ["own2026"]},
    "models/my_forest": TINY_FOREST,
    "protocols/mine": TINY_PROTOCOL,
    "studies/mine": STUDY,
}
REFERENCES = """@misc{own2026,
  author = {Own, Ann},
  title = {A table},
  year = {2026},
}
"""
HOSTED = """configfile: "config/config.yaml"


module elemflow:
    snakefile:
        github("someone/elemflow", path="workflow/Snakefile", tag="v1")
    config:
        config


use rule * from elemflow
"""
MODULE = """configfile: "config/config.yaml"


module elemflow:
    snakefile:
        "{root}/Snakefile"
    config:
        config


use rule * from elemflow{renamed}


rule count_lines:
    input:
        "results/tables/mine/errors.csv",
    output:
        "results/tables/mine/lines.txt",
    shell:
        "wc -l < {{input}} > {{output}}"


onstart:
    elemflow.onstart()


onsuccess:
    elemflow.onsuccess()
"""


def make_own_project(root: Path, folder: Path) -> Path:
    """Write the project without a Snakefile; return its folder."""
    for name, content in DECLARED.items():
        path = folder / f"config/{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (folder / "config/published").mkdir()
    (folder / "config/published/references.bib").write_text(REFERENCES, encoding="utf-8")
    shutil.copy(root / "tests/data/transport_sample.csv", folder)
    return folder


def write_snakefile(root: Path, folder: Path, renamed: str = "") -> None:
    """Write a Snakefile that uses the workflow as a module; `renamed` ends its `use rule`."""
    (folder / "Snakefile").write_text(MODULE.format(root=root, renamed=renamed), encoding="utf-8")


def host(clone: Path) -> tuple[str, dict[str, str]]:
    """Commit a clone; return the commit, and the variables by which git takes it for the repository of `HOSTED`."""
    shutil.rmtree(clone / ".snakemake", ignore_errors=True)  # of whoever worked in the clone, and no part of a release
    who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "Release"], ["tag", "v1"]):
        subprocess.run(["git", *words], cwd=clone, check=True)
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True)
    instead = {"KEY_0": f"url.file://{clone}.insteadOf", "VALUE_0": "https://github.com/someone/elemflow", "COUNT": "1"}
    return found.stdout.strip(), {f"GIT_CONFIG_{name}": value for name, value in instead.items()}


def run_snakemake(folder: Path, *arguments: str, **variables: str) -> str:
    """Run Snakemake from a folder, where no package lies, as a program of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--nocolor", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
