"""A copy of the project with a tiny study, and a way to run Snakemake in it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from elemflow.provenance import known_digests
from factories.forked_snakemake import run_forked

TINY_SEED = 3
TINY_NETWORK = {
    "title": "Tiny BRNet",
    "kind": "network",
    "spec": {
        "family": "dense",
        "stacks": [{"width": 8, "layers": 2, "branches": [1, 1]}, {"width": 4, "layers": 1}],
        "order": ["dense", "activation"],
        "activation": {"name": "leaky_relu", "negative_slope": 0.3},
        "shortcut": "layer",
    },
}
TINY_FOREST = {
    "title": "Random forest",
    "kind": "estimator",
    "estimator": "random_forest",
    "parameters": {"n_estimators": 5},
}
TINY_DATASET = {
    "title": "Transport sample",
    "license": "CC BY 4.0",
    "source": {"kind": "table", "path": "transport_sample.csv"},
    "columns": {"formula": "pretty_formula", "entry_id": "mp_id"},
    "properties": {"seebeck": {"column": "S_p", "unit": "µV/K", "title": "Seebeck coefficient"}},
    "keep": {"rule": "median"},
}
TINY_PROTOCOL = {
    "title": "random 60:20:20 split, 2 epochs",
    "split": {"scheme": "fractions", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 1, "members": 2},
    "seed": TINY_SEED,
    "training": {
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "batch_size": 16,
        "loss": "mae",
        "max_epochs": 2,
        "early_stopping": {"monitor": "validation", "patience": 5},
    },
}
GRID = {
    "rows": [{"dataset": "tiny", "property": "seebeck"}],
    "columns": [{"model": ["tiny_forest", "tiny_brnet"]}],
}
TINY_STUDY = {
    "title": "Tiny study: a few materials",
    "defaults": {"representation": "ef", "protocol": "tiny"},
    "claims": {
        "network": {
            "text": "The network errs less than the forest.",
            "kind": "lower",
            "tables": ["errors"],
            "a": {"model": "tiny_brnet"},
            "b": {"model": "tiny_forest"},
        }
    },
    "tables": {
        "errors": {"title": "Errors"} | GRID,
        "test": {"title": "Test", "kind": "comparison"} | GRID,
        "sizes": {
            "title": "Sizes",
            "kind": "datasets",
            "rows": [{"dataset": "tiny"}],
            "columns": [{"label": "materials"}],
        },
    },
    "figures": {
        "parity": {"title": "Parity", "kind": "parity"} | GRID,
        "curves": {"title": "Curves", "kind": "training_curves"} | GRID,
        "bars": {"title": "Bars", "kind": "bars"} | GRID,
        "cost": {"title": "Cost", "kind": "cost"} | GRID,
        "element_errors": {"title": "Errors by element", "kind": "element_error"} | GRID,
        "elements": {
            "title": "Elements",
            "kind": "element_population",
            "rows": [{"label": "all"}],
            "columns": [{"dataset": "tiny"}],
        },
    },
}
DECLARED = {
    "datasets/tiny": TINY_DATASET,
    "models/tiny_brnet": TINY_NETWORK,
    "models/tiny_forest": TINY_FOREST,
    "protocols/tiny": TINY_PROTOCOL,
    "studies/tiny": TINY_STUDY,
}


@dataclass
class Project:
    """A copy of the project in a folder of its own."""

    folder: Path

    def declare(self, name: str, content: dict) -> None:
        """Write config/<name>.yaml."""
        (self.folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text in a file of the copy."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str, studies: str = "[tiny]", expect: int | None = 0) -> str:
        """Run Snakemake; return what it printed."""
        if "--dry-run" in arguments:
            status, shown = run_forked([*_options(studies), *arguments], self.folder)
        else:
            process = self.start(*arguments, studies=studies)
            shown, _ = process.communicate(timeout=900)
            status = process.returncode
        assert expect is None or status == expect, shown[-6000:]
        return shown

    def start(self, *arguments: str, studies: str = "[tiny]") -> subprocess.Popen[str]:
        """Start Snakemake in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *_options(studies), *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder / "workflow")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def planned(self, *arguments: str) -> set[str]:
        """Return the rules that a dry-run would execute."""
        shown = self.run("--dry-run", "--quiet", "host", *arguments)
        return set(re.findall(r"^(?:local)?rule (\w+):", shown, flags=re.MULTILINE))


def _options(studies: str) -> list[str]:
    return ["--cores", "2", "--config", f"studies={studies}", "--nocolor"]


def make_project(root: Path, folder: Path) -> Project:
    """Copy the project without its results and declare the tiny study."""
    # With what is compiled, or every job would compile the package; but not what a process is just about to compile.
    for name in ("workflow", "config", "scripts", "envs"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copytree(root / "resources/published", folder / "resources/published")
    shutil.copy(root / "resources/rates.csv", folder / "resources")
    shutil.copy(root / "Snakefile", folder)
    (folder / "profiles").symlink_to("workflow/profiles")
    shutil.copy(root / "tests/data/transport_sample.csv", folder)
    # All copies of the package give the same digests of code: they are taken once.
    known = root / known_digests.FOLDER
    known.mkdir(parents=True, exist_ok=True)
    (folder / known_digests.FOLDER).parent.mkdir(parents=True)
    (folder / known_digests.FOLDER).symlink_to(known)
    project = Project(folder)
    for name, content in DECLARED.items():
        project.declare(name, content)
    return project
