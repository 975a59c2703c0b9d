"""Container recipes: every package of the lock with its hashes, and the project; for Docker and for Apptainer."""

import json
import sys
import tomllib
from pathlib import Path

from elemflow.core.files import sha256_file, write_text
from elemflow.core.places import ROOT
from elemflow.provenance.environment import locked_versions
from elemflow.tools.condafile import PYTHON

BASE = f"python:{PYTHON}-slim-bookworm"
LOCK = "envs/requirements.txt"
HOME = "/opt/elemflow"
COPIED = (
    *("Snakefile", "workflow", "config", "scripts", "envs", "pyproject.toml", "README.md", "LICENSE", "CITATION.cff"),
    *("resources/data", "resources/models", "resources/published", "resources/record", "resources/rates.csv"),
)
"""What of the project an image holds: not its results, and no raw files."""
SYSTEM = ("git", "libgomp1")
"""Packages of Debian: for hosted workflows, and for gradient boosting."""
SETUP = (
    f"apt-get update && apt-get install -y --no-install-recommends {' '.join(SYSTEM)} && rm -rf /var/lib/apt/lists/*",
    f"pip install --no-cache-dir --no-deps --require-hashes -r {HOME}/{LOCK}",
)
INSTALL = (
    f"pip install --no-cache-dir --no-deps --no-build-isolation -e {HOME}",
    f"python -m compileall -q {HOME}/workflow/elemflow",
)
START = f"snakemake -s {HOME}/workflow/Snakefile"
ENVIRONMENT = {"MPLCONFIGDIR": "/tmp/matplotlib"}  # noqa: S108  an image is read-only where Apptainer runs it
HEAD = """\
# Written by `make lock` from requirements.txt and pyproject.toml; a test holds them together.
# Not built where it was written: neither Docker nor Apptainer was at hand. Networks run on CPUs.
"""


def labels(root: Path) -> dict[str, str]:
    """Return the labels of an image: versions, licence and the SHA-256 of the lock."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = locked_versions((root / LOCK).read_text(encoding="utf-8"))
    return {
        "org.opencontainers.image.title": project["name"],
        "org.opencontainers.image.description": project["description"],
        "org.opencontainers.image.version": project["version"],
        "org.opencontainers.image.licenses": project["license"],
        "elemflow.lock.sha256": sha256_file(root / LOCK),
        **{f"elemflow.{name}": versions[name] for name in ("snakemake", "tensorflow", "jax", "keras", "scikit-learn")},
    }


def dockerfile(root: Path = ROOT) -> str:
    """Return the text of envs/Dockerfile, to be built in the folder of the project."""
    lines = [
        HEAD + "#   docker build -f envs/Dockerfile -t elemflow .",
        '#   docker run --rm --user "$(id -u):$(id -g)" -e HOME=/project -v "$PWD:/project" elemflow --cores 4',
        f"FROM {BASE}",
        *(f'LABEL {name}="{value}"' for name, value in labels(root).items()),
        f"COPY {LOCK} {HOME}/{LOCK}",
        *(f"RUN {command}" for command in SETUP),
        *(f"COPY {name} {HOME}/{name}" for name in COPIED),
        *(f"RUN {command}" for command in INSTALL),
        *(f"ENV {name}={value}" for name, value in ENVIRONMENT.items()),
        "WORKDIR /project",
        f"ENTRYPOINT {json.dumps(START.split())}",
    ]
    return "\n".join(lines) + "\n"


def apptainer(root: Path = ROOT) -> str:
    """Return the text of envs/elemflow.def, to be built in the folder of the project."""
    sections = {
        "labels": [f"{name} {value}" for name, value in labels(root).items()],
        "files": [f"{name} {HOME}/{name}" for name in COPIED],
        "post": [*SETUP, *INSTALL],
        "environment": [f"export {name}={value}" for name, value in ENVIRONMENT.items()],
        "runscript": [f'exec {START} "$@"'],
    }
    lines = [
        HEAD + "#   apptainer build elemflow.sif envs/elemflow.def",
        "#   apptainer run elemflow.sif --cores 4",
        "Bootstrap: docker",
        f"From: {BASE}",
    ]
    for name, content in sections.items():
        lines += ["", f"%{name}", *(f"    {line}" for line in content)]
    return "\n".join(lines) + "\n"


def recipes(root: Path = ROOT) -> dict[str, str]:
    """Return the text of each recipe by its path below the folder of the project."""
    return {"envs/Dockerfile": dockerfile(root), "envs/elemflow.def": apptainer(root)}


def main() -> None:
    """Write the recipes."""
    for path, text in recipes().items():
        write_text(ROOT / path, text)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(f"{__doc__}\nTakes no arguments.")
    main()
