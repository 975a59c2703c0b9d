"""Whether a build can write its results, found out before the first job."""

import tempfile
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.plan import paths

FOLDERS = (paths.RESULTS, str(Path(paths.PLAN).parent))
"""Folders that every start writes to."""


def check_writable(project: Path) -> None:
    """Make the folders of a build and a file in each, which does not stay.

    Args:
        project: Folder that the build works in.

    Raises:
        DataError: A folder cannot be written.
    """
    for name in FOLDERS:
        folder = project / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise DataError(
                f"{folder}: this folder cannot be written ({error.strerror or error}), and a build writes there. "
                f"Give yourself the right to (chmod -R u+w {name}), remove what is in its place, or build in another "
                "folder: snakemake --directory."
            ) from error
