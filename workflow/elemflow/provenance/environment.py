"""Start of a job: its log, and the check that its software is what envs/requirements.txt locks.

Not part of code digests: no result depends on it.
"""

import re
from functools import cache
from pathlib import Path

from elemflow.core.errors import SoftwareError
from elemflow.core.logs import configure_logging
from elemflow.core.places import set_project
from elemflow.provenance.run_info import LIBRARIES, library_versions

LOCK = Path(__file__).resolve().parents[3] / "envs/requirements.txt"


def start_job(log: str | Path) -> None:
    """Open the log of a job, declare its project and check its software; every script begins with it.

    Args:
        log: The rule's log file.

    Raises:
        SoftwareError: See `check_versions`.
    """
    configure_logging(log)
    set_project(Path.cwd())
    check_versions()


def locked_versions(lock: str) -> dict[str, str]:
    """Return the version of each package in a requirements lock, by normalised name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE)
    return {normalised(name): version for name, version in found}


def normalised(name: str) -> str:
    """Return the normalised name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def check_versions(lock: Path = LOCK) -> None:
    """Check that the libraries that can change a number have their locked versions, once per process.

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
