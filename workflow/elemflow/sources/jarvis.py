"""Source `jarvis`: a dataset of JARVIS, or one of the copies of other databases that JARVIS distributes.

Choudhary et al., npj Comput. Mater. 6, 173 (2020). Address and member of each file come from the table of
jarvis-tools. A name of that table has stood for other files in other releases, so the config pins the file: its id at
figshare, its member, and its SHA-256 once that is known. jarvis-tools' own download checks neither status nor
content and reads the whole file into memory, so the file is fetched and read by our own modules.

Missing values, which JARVIS writes as `na` and `[]`, are empty cells. The 1,557 descriptors that some files have for
each entry (`desc`) are dropped. Where the file has no `formula`, it is that of the cell in `atoms`.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

import pandas as pd
from pydantic import Field

from elemflow.chemistry.crystal import formula_of
from elemflow.core.errors import ConfigError, DataError, nearest
from elemflow.sources.download import download
from elemflow.sources.figshare import check_stated
from elemflow.sources.journal import read_journal
from elemflow.sources.json_rows import iter_rows
from elemflow.sources.options import Sha256, SourceOptions, Url
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import frames_of

_MISSING: tuple[Any, ...] = ("na", [])


class Options(SourceOptions):
    """A dataset of JARVIS and the file that its name must mean."""

    name: str = Field(description="Name of the dataset in the table of jarvis-tools.")
    file_id: int = Field(
        description="Id of the file at figshare; a name alone has stood for other files in other releases."
    )
    member: str = Field(description="Name of the JSON file inside the zip.")
    sha256: Sha256 | None = Field(
        None, description="SHA-256 that the file must have; null records what was found and expects it from then on."
    )
    article: int | None = Field(
        None,
        description="Id of the file's article at figshare, whose interface states size and MD5 of its files: the first "
        "download of a file of unknown SHA-256 is compared with them.",
    )
    base_url: Url = Field(
        "https://ndownloader.figshare.com/files", description="Address to which the file id is added."
    )

    def for_reading(self) -> Self:
        """Return the options without what only retrieval depends on."""
        return self.model_copy(update=dict.fromkeys(("sha256", "article")))

    @property
    def file_name(self) -> str:
        """Name of the zip file."""
        return f"{self.member}.zip"


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Download the pinned file and look for its member; see `elemflow.sources.retrieve`.

    Raises:
        ConfigError: jarvis-tools has no such dataset, or another file under this name.
    """
    _check_pin(options)
    # The address that some entries of the table have answers scripts with a web page.
    url = f"{options.base_url.rstrip('/')}/{options.file_id}"
    path = folder / options.file_name
    first = options.sha256 is None and path.name not in read_journal(folder)
    record = download(url, path, sha256=options.sha256)
    if first and options.article is not None:
        check_stated(path, options.article, options.file_id)
    with _opened(options, folder):  # the member is there
        return [record]


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of the member, read from the zip as a stream; see `elemflow.sources.retrieve`."""
    path = folder / options.file_name
    try:
        with _opened(options, folder) as stream:
            rows = (_record(row) for row in iter_rows(io.TextIOWrapper(stream, encoding="utf-8")))
            for frame in frames_of(rows):
                frame.attrs["file"] = f"{path.name}/{options.member}"
                yield frame
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}. Delete it and run again.") from error


def pinned_file(name: str) -> tuple[int, str]:
    """Return the id at figshare and the member that the installed jarvis-tools has for a dataset.

    Raises:
        ConfigError: It has no dataset of this name.
    """
    table = _table()
    if name not in table:
        raise ConfigError(f"source.name is {name!r}, which jarvis-tools does not know.{nearest(name, table)}")
    return table[name]


def _table() -> dict[str, tuple[int, str]]:
    from jarvis.db.figshare import get_db_info  # noqa: PLC0415 - seconds to import

    return {name: (int(Path(urlsplit(entry[0]).path).name), entry[1]) for name, entry in get_db_info().items()}


def _check_pin(options: Options) -> None:
    name, pinned = options.name, (options.file_id, options.member)
    if pinned_file(name) != pinned:
        table = _table()
        also = next((other for other, file in table.items() if file == pinned), None)
        hint = f"The pinned file is now called {also!r} there." if also else "No name means the pinned file."
        raise ConfigError(
            f"source.name {name!r} means file {table[name][0]} ({table[name][1]}) in the installed jarvis-tools, "
            f"but the config pins file {pinned[0]} ({pinned[1]}). {hint} Change source.name, or pin the other file."
        )


@contextmanager
def _opened(options: Options, folder: Path) -> Iterator[IO[bytes]]:
    path = folder / options.file_name
    with zipfile.ZipFile(path) as archive:
        if options.member not in archive.namelist():
            held = ", ".join(archive.namelist())
            raise DataError(f"{path} holds {held}, not {options.member}. Correct source.member.")
        with archive.open(options.member) as stream:
            yield stream


def _record(row: dict[str, Any]) -> dict[str, Any]:
    cells = {name: None if value in _MISSING else value for name, value in row.items() if name != "desc"}
    atoms = cells.get("atoms")
    if "formula" not in cells and isinstance(atoms, dict):
        cells["formula"] = formula_of(symbol.strip() for symbol in atoms["elements"])
    return cells
