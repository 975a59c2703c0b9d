"""The conda environment file: the direct requirements of envs/requirements.in at the versions of the lock."""

import re
import sys
from pathlib import Path

import yaml

from elemflow.core.files import write_text
from elemflow.provenance.environment import locked_versions, normalised

PYTHON = "3.11"
"""Version of Python in the environments that are made from the lock."""
ENVS = Path(__file__).resolve().parents[3] / "envs"


def direct_requirements(text: str) -> list[str]:
    """Return the requirements of a requirements.in file as `name` or `name[extra]`, without versions."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [re.split(r"[=<>~!; ]", line)[0] for line in lines if line]


def conda_file(requirements: str, lock: str) -> str:
    """Return the text of envs/environment.yaml.

    Conda brings Python and pip; pip brings the packages, at exactly the locked versions: the scientific stack of this
    project is tested as its wheels, and several of its packages have no conda build.
    """
    versions = locked_versions(lock)
    pins = [f"{name}=={versions[normalised(name.split('[')[0])]}" for name in direct_requirements(requirements)]
    environment = {
        "name": "elemflow",
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [f"python={PYTHON}", "pip", {"pip": pins}],
    }
    return (
        "# Written by `make lock` from requirements.in and requirements.txt; a test holds them together.\n"
        + yaml.safe_dump(environment, sort_keys=False)
    )


def main() -> None:
    """Write envs/environment.yaml."""
    requirements = (ENVS / "requirements.in").read_text(encoding="utf-8")
    lock = (ENVS / "requirements.txt").read_text(encoding="utf-8")
    write_text(ENVS / "environment.yaml", conda_file(requirements, lock))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(f"{__doc__}\nTakes no arguments.")
    main()
