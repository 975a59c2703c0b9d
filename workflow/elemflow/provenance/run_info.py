"""What surrounds a computation and decides none of its numbers: versions, machine, commit, memory."""

import importlib.metadata
import os
import platform
import resource
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

LIBRARIES = (
    *("elemflow", "keras", "tensorflow", "jax", "numpy", "scipy", "pandas", "pyarrow"),
    *("scikit-learn", "optuna", "skops", "lightgbm", "xgboost", "catboost", "flaml"),
    *("jaxlib", "matminer", "pymatgen", "pymatgen-core", "jarvis-tools"),
)
UNPACKED_COMMIT = Path(__file__).resolve().parents[3] / ".commit"
"""Written where Snakemake has unpacked a commit of the hosted workflow (workflow/common.smk)."""


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries that can change a number."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def host_facts(threads: int) -> dict[str, str | int | None]:
    """Return name, platform and processor of this machine, and the threads given to the job."""
    return {
        "name": socket.gethostname(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def git_commit() -> str | None:
    """Return the commit of the code, with `+changes` if files differ from it; None where it is not known."""
    folder = Path(__file__).resolve().parents[1]
    if UNPACKED_COMMIT.is_file():
        return UNPACKED_COMMIT.read_text(encoding="ascii")
    try:
        commit = _git("rev-parse", "HEAD", folder=folder)
        return f"{commit}+changes" if _git("status", "--porcelain", "--", ".", folder=folder) else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str, folder: Path) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)  # noqa: S603  fixed words
    return done.stdout.strip()


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far, in MB (10^6 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
