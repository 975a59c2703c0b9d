"""Start of a job: its log, and the checks that software, code and inputs are those that the plan counts on.

Not part of code digests: no result depends on it.
"""

import logging
import os
import re
import sys
from functools import cache
from pathlib import Path

from packaging.markers import Marker

from elemflow.core.content import verify
from elemflow.core.errors import SoftwareError
from elemflow.core.logs import configure_logging
from elemflow.core.places import set_project
from elemflow.provenance.code_digest import CodeDigest
from elemflow.provenance.raw_owner import claim_folder
from elemflow.provenance.run_info import LIBRARIES, library_versions

LOCK = Path(__file__).resolve().parents[3] / "envs/requirements.txt"
PINNED = {
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "KERAS_HOME": os.devnull,  # where no keras.json can set another precision
}
"""Environment variables that change the numbers of a training, with the values of every job."""
UNSET = ("JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION", "JAX_DEFAULT_DTYPE_BITS", "NVIDIA_TF32_OVERRIDE")
"""Environment variables that change them too; no job has them."""

log = logging.getLogger(__name__)


def start_job(log: str | Path) -> None:
    """Open the log of a job, declare its project, check software, code and inputs; every script begins with it.

    Code and inputs are those that Snakemake hands to the script which runs, as its global variable `snakemake`.

    Args:
        log: The rule's log file.

    Raises:
        SoftwareError: See `check_versions` and `check_code`.
        DataError: See `elemflow.core.content.verify` and `claim_folder`.
    """
    configure_logging(log)
    set_project(Path.cwd())
    pin_variables()
    check_versions()
    job = getattr(sys.modules["__main__"], "snakemake", None)
    if job is not None:
        check_code(job.params.get("code"))
        verify(job.input)
        if "manifest" in job.output.keys():  # noqa: SIM118  named outputs of Snakemake are no mapping
            claim_folder(Path(job.output.manifest).parent, job.input, Path.cwd())


def pin_variables() -> None:
    """Set the environment variables that change numbers, before an engine reads them at its import."""
    os.environ |= PINNED
    for name in UNSET:
        if os.environ.pop(name, None) is not None:
            log.warning("The environment variable %s is ignored, since it changes numbers.", name)


def check_code(code: object) -> None:
    """Check that the code of a job is what it was when the workflow started; a digest would be that of other code.

    Args:
        code: Parameter `code` of the job.

    Raises:
        SoftwareError: A file was edited since.
    """
    if isinstance(code, CodeDigest) and not code.is_of_now():
        raise SoftwareError(
            f"The code of this job was edited since the workflow started (script {code.origin[0].name} or what it "
            "imports). Start the workflow again; what is finished stays."
        )


def locked_versions(lock: str) -> dict[str, str]:
    """Return the version of each package in a requirements lock for this Python and platform, by normalised name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: *; *([^\\\n]+))?", lock, flags=re.MULTILINE)
    return {normalised(name): version for name, version, marker in found if not marker or Marker(marker).evaluate()}


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
