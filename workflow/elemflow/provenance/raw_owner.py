"""Which project filled a folder of raw files, so that two projects that share `resources/raw` do not exchange data."""

from collections.abc import Iterable
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file, write_text

OWNER = ".project"
"""File in a folder of raw files with the path of the project that filled it."""


def claim_folder(folder: Path, tables: Iterable[str], project: Path) -> None:
    """Note that a project fills a folder of raw files.

    Args:
        folder: The folder.
        tables: Local files that will be copied into it.
        project: Folder of the project.

    Raises:
        DataError: Another project, which still uses the folder, has filled it from a file of the same name with other
            content.
    """
    note = folder / OWNER
    owner = Path(note.read_text(encoding="utf-8").strip()) if note.is_file() else project
    for table in map(Path, tables):
        raw = folder / table.name
        if owner.resolve() == project.resolve() or not raw.is_file() or not _uses(owner, folder):
            continue
        if sha256_file(raw) != sha256_file(table):
            raise DataError(
                f"{raw} belongs to the project {owner}, which shares this folder, and holds other data than {table}. "
                "Give the dataset another id, or this project a folder resources/raw of its own. That of the other "
                "project was not changed."
            )
    write_text(note, f"{project.resolve()}\n")


def _uses(owner: Path, folder: Path) -> bool:
    """Return whether a project still has a folder among its raw files."""
    return (owner / "resources/raw" / folder.name).resolve() == folder.resolve() and (owner / "results").is_dir()
