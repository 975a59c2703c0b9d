"""Source `shipped`: a table of `resources/data/`, which comes with the project.

The tables are measured values that others collected; `resources/data/README.md` has their origin and terms, and
`elemflow.tools.measured` makes them.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pydantic import Field

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path
from elemflow.sources.contents import check_sha256
from elemflow.sources.options import Sha256, SourceOptions
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import Layout, read_table

FOLDER = Path(__file__).resolve().parents[3] / "resources/data"


class Options(SourceOptions):
    """The name of a table that comes with the project."""

    name: str = Field(pattern="^[a-z0-9_]+$", description="Name of the table in resources/data, without its ending.")
    sha256: Sha256 = Field(description="SHA-256 of the file.")

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return f"{self.name}.csv.gz"

    @property
    def is_local(self) -> bool:
        """True: the file comes with the project."""
        return True


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Copy the table; see `elemflow.sources.retrieve`.

    Raises:
        DataError: There is no such table, or it is not the one that the dataset names.
    """
    path, target = FOLDER / options.file_name, folder / options.file_name
    if not path.is_file():
        known = ", ".join(sorted(each.name.removesuffix(".csv.gz") for each in FOLDER.glob("*.csv.gz")))
        raise DataError(f"{path} does not exist. Correct source.name in the dataset's config; known: {known}.")
    check_sha256(path, options.sha256, str(path))
    with atomic_path(target) as part:
        shutil.copyfile(path, part)
    return [FileRecord.of(target, url=f"resources/data/{options.file_name}")]


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of the table; see `elemflow.sources.retrieve`."""
    return read_table(folder / options.file_name, Layout("csv"))
