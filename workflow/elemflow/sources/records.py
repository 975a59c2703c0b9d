"""Records of retrieved files, and the manifest of a dataset's raw folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import JsonValue, ValidationError

from elemflow.core.declared import Declared
from elemflow.core.files import sha256_file, write_json
from elemflow.sources.options import SourceOptions

MANIFEST = "manifest.json"


class FileRecord(Declared):
    """A retrieved file.

    Attributes:
        url: Where it was requested; a local path or package resource for files that were not downloaded.
        final_url: Where redirects ended, without the query: signed addresses carry credentials there.
        file: Its name, without the folder.
        bytes: Its size.
        sha256: Its SHA-256, as hexadecimal digits.
        retrieved: UTC date of the file, as YYYY-MM-DD.
        rows: Number of its rows, where they were counted.
        database_version: Release of the database, where the service names it.
        unreadable: Rows that the service counts but could not give.
    """

    url: str
    final_url: str
    file: str
    bytes: int
    sha256: str
    retrieved: str
    rows: int | None = None
    database_version: str | None = None
    unreadable: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        path: str | Path,
        *,
        url: str,
        final_url: str | None = None,
        rows: int | None = None,
        database_version: str | None = None,
        unreadable: tuple[str, ...] | None = None,
    ) -> Self:
        """Return the record of a file that has its final name; see the attributes."""
        path = Path(path)
        state = path.stat()
        return cls(
            url=url,
            final_url=urlunsplit(urlsplit(final_url or url)._replace(query="", fragment="")),
            file=path.name,
            bytes=state.st_size,
            sha256=sha256_file(path),
            retrieved=datetime.fromtimestamp(state.st_mtime, UTC).date().isoformat(),
            rows=rows,
            database_version=database_version,
            unreadable=unreadable,
        )


class Manifest(Declared):
    """What `manifest.json` says of the raw files of a dataset.

    Attributes:
        dataset: Name of the dataset.
        source: Its `source` section with all defaults.
        database_version: Releases of the database, where the service names them.
        rows: Rows of all files.
        files: The files.
    """

    dataset: str
    source: dict[str, JsonValue]
    database_version: str = ""
    rows: int
    files: tuple[FileRecord, ...]

    def write(self, folder: Path) -> None:
        """Write the manifest into the folder of the files."""
        write_json(folder / MANIFEST, self.model_dump(mode="json", exclude={"files"}) | {"files": self._plain_files()})

    def _plain_files(self) -> list[dict[str, JsonValue]]:
        return [record.model_dump(mode="json", exclude_none=True) for record in self.files]

    def is_of(self, kind: str, options: SourceOptions) -> bool:
        """Return whether the files are those of a source."""
        return self._options_as(kind, options) == options

    def is_read_as(self, kind: str, options: SourceOptions) -> bool:
        """Return whether the files are read as those of a source, wherever they were, whatever SHA-256 is declared."""
        stored = self._options_as(kind, options)
        return stored is not None and stored.for_reading() == options.for_reading()

    def _options_as(self, kind: str, options: SourceOptions) -> SourceOptions | None:
        """Return the options that the files were retrieved with; None if they are none of a source of this kind."""
        stored = {key: value for key, value in self.source.items() if key != "kind"}
        try:
            return type(options).model_validate(stored) if self.source.get("kind") == kind else None
        except ValidationError:
            return None

    def has_files_of(self, other: "Manifest") -> bool:
        """Return whether another retrieval found the same files, with the same names and bytes."""
        own, others = ([(each.file, each.sha256, each.unreadable) for each in m.files] for m in (self, other))
        return own == others and (self.database_version, self.rows) == (other.database_version, other.rows)
