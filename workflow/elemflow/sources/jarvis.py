"""Source `jarvis`: a dataset of JARVIS, or one of the copies of other databases that JARVIS distributes.

Choudhary et al., npj Comput. Mater. 6, 173 (2020). Address and member of each file come from the table of
jarvis-tools. A name of that table has stood for other files in other releases, so the config pins the file: its id at
figshare, its member, and its SHA-256 once that is known. jarvis-tools' own download checks neither status nor
content and reads the whole file into memory, so the file is fetched and read by our own modules.

Missing values, which JARVIS writes as `na` and `[]`, are empty cells. The 1,557 descriptors that some files have for
each entry (`desc`) are left out. Where the file has no `formula`, it is that of
the cell in `atoms`.
"""

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pandas as pd

from elemflow.core.errors import ConfigError, DataError, nearest
from elemflow.sources.download import download
from elemflow.sources.json_rows import iter_rows
from elemflow.sources.table import frames_of

_MISSING: tuple[Any, ...] = ("na", [])


def fetch(source: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Download the pinned file and look for its member; see `elemflow.sources.retrieve`.

    Raises:
        ConfigError: jarvis-tools has no such dataset, or another file under this name.
    """
    _check_pin(source)
    # The address that some entries of the table have answers scripts with a web page.
    url = f"{source['base_url'].rstrip('/')}/{source['file_id']}"
    record = download(url, folder / _file_name(source), sha256=source.get("sha256"))
    with _opened(source, folder):  # the member is there
        return [record]


def read(source: Mapping[str, Any], folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of the member, read from the zip as a stream; see `elemflow.sources.retrieve`."""
    path = folder / _file_name(source)
    try:
        with _opened(source, folder) as stream:
            rows = (_record(row) for row in iter_rows(io.TextIOWrapper(stream, encoding="utf-8")))
            for frame in frames_of(rows):
                frame.attrs["file"] = f"{path.name}/{source['member']}"
                yield frame
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}. Delete it and run again.") from error


def _check_pin(source: Mapping[str, Any]) -> None:
    from jarvis.db.figshare import get_db_info  # noqa: PLC0415 - seconds to import

    table = {name: (int(Path(urlsplit(entry[0]).path).name), entry[1]) for name, entry in get_db_info().items()}
    name, pinned = source["name"], (source["file_id"], source["member"])
    if name not in table:
        raise ConfigError(f"source.name is {name!r}, which jarvis-tools does not know.{nearest(name, table)}")
    if table[name] != pinned:
        also = next((other for other, file in table.items() if file == pinned), None)
        hint = f"The pinned file is now called {also!r} there." if also else "No name stands for the pinned file."
        raise ConfigError(
            f"source.name {name!r} stands for file {table[name][0]} ({table[name][1]}) in the installed jarvis-tools, "
            f"but the config pins file {pinned[0]} ({pinned[1]}). {hint} Change source.name, or pin the other file."
        )


@contextmanager
def _opened(source: Mapping[str, Any], folder: Path) -> Iterator[IO[bytes]]:
    path = folder / _file_name(source)
    with zipfile.ZipFile(path) as archive:
        if source["member"] not in archive.namelist():
            held = ", ".join(archive.namelist())
            raise DataError(f"{path} holds {held}, not {source['member']}. Correct source.member.")
        with archive.open(source["member"]) as stream:
            yield stream


def _record(row: dict[str, Any]) -> dict[str, Any]:
    cells = {name: None if value in _MISSING else value for name, value in row.items() if name != "desc"}
    atoms = cells.get("atoms")
    if "formula" not in cells and isinstance(atoms, dict):
        counts = Counter(symbol.strip() for symbol in atoms["elements"])
        cells["formula"] = "".join(f"{symbol}{count}" for symbol, count in counts.items())
    return cells


def _file_name(source: Mapping[str, Any]) -> str:
    return f"{source['member']}.zip"
