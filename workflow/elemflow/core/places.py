"""Where files lie: what ships lies next to the package, what is the user's in the folder of the project.

Both are one folder for who works in a clone. From another Snakefile, or with `--directory`, the folder of the project
is the one that Snakemake works in. Outside of a job it is the clone: a command that only reads results runs no code
that lies in the folder where it is typed.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""Folder that holds the package, the scripts, `config/` and `resources/` that ship."""

_project = [ROOT]


def set_project(folder: Path) -> None:
    """Declare the folder of the project; every job does."""
    _project[0] = folder.resolve()


def project() -> Path:
    """Return the folder of the user's project, where `config/`, tables, networks and `results/` lie."""
    return _project[0]


def find(path: str, folder: Path | None = None) -> Path:
    """Return a file of the user's, or the one of the same name that ships if the user has none.

    Args:
        path: Path below the folder of the project, or absolute.
        folder: Folder of the project; None means that of this process.
    """
    own = (folder or project()) / path
    return own if own.exists() else ROOT / path
