"""Source `deposit`: tables as their authors deposited them, on a server of theirs or in an archive such as Zenodo.

Such files are what a paper was made from, and such servers end one day: a dead link is one message that names another
copy to use. A table may be a member of an archive, which is kept no longer than it takes to extract the table. The
SHA-256 of archive and table are those of the config, or stay what they were at the first download.

With `labels` there is the column `file`, which says for each row which of the files it is from.
"""

import logging
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Self
from urllib.parse import urlsplit

import pandas as pd
from pydantic import Field, model_validator

from elemflow.core.errors import ConfigError, DataError
from elemflow.sources.archives import extract
from elemflow.sources.contents import DigestError, check_sha256
from elemflow.sources.download import download
from elemflow.sources.journal import append_record, is_unchanged, read_journal
from elemflow.sources.options import Format, Sha256, SourceOptions, Url
from elemflow.sources.records import FileRecord
from elemflow.sources.table_files import format_of
from elemflow.sources.table_rows import Layout, read_table

log = logging.getLogger(__name__)


class Options(SourceOptions):
    """Files of authors, all of one layout."""

    urls: Annotated[tuple[Url, ...], Field(min_length=1)] = Field(
        description="Addresses of the files, of which the rows are read one after the other.",
    )
    member: str | None = Field(
        None, description="Table in a zip, tar or 7z archive: its name there, or the end of it from a slash on."
    )
    sha256: tuple[Sha256, ...] | None = Field(
        None,
        description="SHA-256 that each table must have; null records what was found and expects it from then on.",
    )
    mirrors: tuple[Url, ...] | None = Field(
        None,
        description="Another address of each table itself, not of an archive, for a file that cannot be had; it must "
        "have the same SHA-256, so that `sha256` is needed too.",
    )
    labels: tuple[str, ...] | None = Field(
        None, description="Text of the column `file` for the rows of each file, such as train and test."
    )
    format: Format | None = Field(None, description="Format of the tables; null takes it from the name.")
    separator: str = Field(
        ",",
        pattern=r'^([^"\r\n]|whitespace)$',
        description="What stands between the columns of a CSV file, or `whitespace` for any number of spaces and tabs.",
    )
    fallback: str | None = Field(
        None, description="Overlay with another copy of the dataset, which the message of a dead link names."
    )

    def for_reading(self) -> Self:
        """Return the options without what only retrieval depends on."""
        return self.model_copy(update=dict.fromkeys(("sha256", "mirrors", "fallback")))

    @model_validator(mode="after")
    def _one_per_file(self) -> Self:
        if self.mirrors and not self.sha256:
            raise ValueError("mirrors need sha256, which shows that they have the same tables")
        for name in ("sha256", "mirrors", "labels"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.urls):
                raise ValueError(f"urls has {len(self.urls)} files and {name} {len(values)} entries")
        if len(set(self.tables)) < len(self.tables):
            raise ValueError(f"two of the files have one name: {', '.join(self.tables)}")
        return self

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables, without folders."""
        return tuple(PurePosixPath(self.member or urlsplit(url).path).name for url in self.urls)

    @property
    def layout(self) -> Layout:
        """How the tables are read.

        Raises:
            ConfigError: The format is not declared and does not follow from the name.
        """
        found = self.format or format_of(self.tables[0])
        if found is None:
            raise ConfigError(f"source.format of {self.tables[0]} is not given and does not follow from the name.")
        return Layout(found, self.separator)


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Download the files and extract their tables; see `elemflow.sources.retrieve`.

    Raises:
        DataError: A file cannot be had, was changed or holds no such table; the message names the fallback.
    """
    try:
        return [_fetch_either(options, number, folder / name) for number, name in enumerate(options.tables)]
    except DataError as error:
        if options.fallback is None:
            raise
        raise DataError(
            f"{error} Or use another copy: add {options.fallback} to --configfile; its numbers are those of another "
            "state of the database."
        ) from error


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of all tables; see `elemflow.sources.retrieve`."""
    for number, name in enumerate(options.tables):
        for frame in read_table(folder / name, options.layout):
            if options.labels:
                frame["file"] = options.labels[number]
            frame.attrs["file"] = name
            yield frame


def _fetch_either(options: Options, number: int, table: Path) -> FileRecord:
    """Return the record of a table from its address or, if that cannot be had, from its mirror."""
    sha256 = options.sha256[number] if options.sha256 else None
    record = read_journal(table.parent).get(table.name)
    if record and record.sha256 == sha256 and is_unchanged(table.parent, record):
        return record  # from wherever it came
    try:
        return _fetch(options, options.urls[number], table, sha256)
    except DigestError:
        raise
    except DataError as error:
        if not options.mirrors:
            raise
        log.warning("%s Trying %s", error, options.mirrors[number])
        try:
            return download(options.mirrors[number], table, sha256=sha256)
        except DataError as other:
            raise DataError(f"{error} Nor can its mirror: {other}") from other


def _fetch(options: Options, url: str, table: Path, sha256: str | None) -> FileRecord:
    if options.member is None:
        return download(url, table, sha256=sha256)
    place = f"{url}#{options.member}"
    record = read_journal(table.parent).get(table.name)
    seen = record if record and record.url == place else None
    if seen and is_unchanged(table.parent, seen) and sha256 in {None, seen.sha256}:
        return seen
    archive = table.parent / PurePosixPath(urlsplit(url).path).name
    origin = download(url, archive)
    log.info("%s: extracting %s", archive.name, options.member)
    extract(archive, options.member, table)
    expected, first_seen = (sha256, "") if sha256 or not seen else (seen.sha256, seen.retrieved)
    try:
        check_sha256(table, expected, place, first_seen)
    except DataError:
        table.unlink()
        raise
    record = FileRecord.of(table, url=place, final_url=origin.final_url)
    append_record(table.parent, record)
    archive.unlink()
    return record
