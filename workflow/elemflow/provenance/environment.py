"""What surrounds a job: its software, which must be what envs/requirements.txt locks, and the end of its time.

Left out of code digests: it computes nothing.
"""

import os
import re
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import SoftwareError
from elemflow.provenance.run_info import LIBRARIES, library_versions

LOCK = Path(__file__).resolve().parents[3] / "envs/requirements.txt"


def locked_versions(lock: str) -> dict[str, str]:
    """Return the version of each package in a requirements lock, by normalised name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE)
    return {normalised(name): version for name, version in found}


def normalised(name: str) -> str:
    """Return the one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def check_versions(lock: Path = LOCK) -> None:
    """Compare the libraries that can change a number with the locked ones, once per process.

    Args:
        lock: The requirements file.

    Raises:
        SoftwareError: Names every library that is absent or has another version; or this package is that of another
            clone than the working directory, so that rules and scripts would not fit each other.
    """
    package, here = Path(__file__).parents[1], Path("workflow/elemflow")
    if here.is_dir() and not here.samefile(package):
        raise SoftwareError(
            f"The package of this job is {package}, not {here.resolve()}. Run `make setup` in this folder and start "
            "the workflow from its .venv."
        )
    locked = locked_versions(lock.read_text(encoding="utf-8"))
    installed = library_versions()
    wrong = [
        f"{name} {installed.get(name, 'is absent')} (locked: {locked[name]})"
        for name in LIBRARIES
        if name in locked and installed.get(name) != locked[name]
    ]
    if wrong:
        raise SoftwareError(
            f"The software of this job is not that of {lock}: {', '.join(wrong)}. Start the workflow from the "
            "environment that `make setup` makes, on a file system that all nodes share."
        )


def set_deadline(resources: Mapping[str, Any]) -> None:
    """Tell the training when to save its state and stop, if whoever runs the job ends it after its `runtime`.

    Args:
        resources: Of the job: `runtime` in minutes, and `grace`, those of them that the job needs before its script
            begins and after it ends. Only a profile whose executor enforces `runtime` sets `grace`; a run on your own
            machine may take as long as it takes.
    """
    if resources.get("grace"):
        os.environ[DEADLINE] = f"{time.time() + 60 * (resources['runtime'] - resources['grace']):.0f}"
