"""Source `table`: a file of the user or at an http(s) address, compressed or in an archive or neither."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from elemflow.core.declared import Declared, without_default
from elemflow.core.errors import ConfigError, DataError
from elemflow.core.files import atomic_path
from elemflow.sources import joins
from elemflow.sources.contents import check_sha256
from elemflow.sources.download import download
from elemflow.sources.joins import TABLES, Upstream
from elemflow.sources.options import FORMATS, WHITESPACE, Format, Sha256, SourceOptions, Url
from elemflow.sources.records import FileRecord
from elemflow.sources.structure_files import FIELD, pack, with_structures
from elemflow.sources.table_files import format_of
from elemflow.sources.table_rows import Layout, read_table


class LongTable(Declared):
    """Columns of a long table."""

    name: str = Field(description="Column with the name of the property of each row.")
    value: str = Field(description="Column with its value.")


class Options(SourceOptions):
    """A local file or an address, one of the two."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["url"]}]})
    path: str | None = Field(
        None, description="Local file; relative paths start at `data_folder`.", json_schema_extra=without_default
    )
    url: Url | None = Field(None, description="http(s) address of the file.", json_schema_extra=without_default)
    sha256: Sha256 | None = Field(
        None, description="SHA-256 that the file must have; null records what was found and expects it from then on."
    )
    format: Format | None = Field(
        None,
        description="Format of the file; null takes it from the name, which may also end in .gz, .bz2, .xz, .zst or "
        ".zip. jsonl has one JSON object per line; xlsx needs the package openpyxl.",
    )
    member: str | None = Field(None, description="File in a zip, tar or 7z archive; null takes the only one.")
    sheet: str | None = Field(None, description="Sheet of a workbook (xlsx); null takes the first one.")
    separator: str = Field(
        ",",
        pattern=rf'^([^"\r\n]|{WHITESPACE})$',
        description='What stands between the columns of a CSV file, such as ; or a tab ("\\t"), or `whitespace` for '
        "any number of spaces and tabs.",
        json_schema_extra={"pattern": rf'^([^"\r\n]|{WHITESPACE})(?!\n)$', "maxLength": len(WHITESPACE)},
    )
    decimal: Literal[".", ","] = Field(
        ".",
        description="What stands before the decimals of numbers that are text, in properties and in formulas; the "
        "other of the two is then no part of a number.",
    )

    joined: bool = Field(
        False,
        description="Whether the file is put together from public repositories where `data_folder` is not set and the "
        "file is not in the folder of the project; its name says which table it is, and `sha256` must be given.",
    )
    names: tuple[str, ...] | None = Field(
        None, description="Names of the columns of a CSV file without a header; null reads them from the first row."
    )
    structures: str | None = Field(
        None,
        description="Structure file of each row, with columns of the table in braces, such as `cifs/{id}.cif`; its "
        "text becomes the column `structure`. Relative paths start at `data_folder`.",
    )

    long: LongTable | None = Field(
        None,
        description="For a long table, with one value per row: its columns with the name of the property and with the "
        "value. Each name becomes a column, filled in its own rows.",
        json_schema_extra=without_default,
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either path or url")
        if self.decimal == "," and self.file_format != "csv":
            raise ValueError(f"a decimal comma is for csv; the numbers of {self.file_format} are numbers, not text")
        if self.sheet is not None and self.file_format != "xlsx":
            raise ValueError("a sheet is for xlsx")
        if self.joined and (self.path is None or self.file_name not in TABLES or self.sha256 is None):
            raise ValueError(
                f"joined is for path with a sha256 and one of the names {', '.join(sorted(TABLES))}; for a file of "
                "your own set joined: false"
            )
        if self.structures is not None and not FIELD.search(self.structures):
            raise ValueError(f"structures is {self.structures!r}, without a column in braces, such as cifs/{{id}}.cif")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the file is local."""
        return self.path is not None and not self.is_to_be_joined

    @property
    def is_to_be_joined(self) -> bool:
        """Whether the file is not there and is put together from public repositories."""
        return self.joined and not Path(self.place).is_file()

    def for_reading(self) -> Self:
        """Return the options with names in place of paths, and without the SHA-256."""
        names = {
            key: value and Path(value).name for key, value in (("path", self.path), ("structures", self.structures))
        }
        return self.model_copy(update=names | {"sha256": None, "joined": False})

    @property
    def place(self) -> str:
        """Path or address of the file."""
        return str(self.url or self.path)

    @property
    def file_name(self) -> str:
        """Name of the file, without folders."""
        return Path(urlsplit(self.url).path).name if self.url else Path(self.place).name

    @property
    def file_format(self) -> Format:
        """Format of the file, declared or from its suffix.

        Raises:
            ConfigError: It is not declared and the suffix is none of a format.
        """
        found = self.format or format_of(self.member or self.file_name)
        if found:
            return found
        raise ConfigError(
            f"source.format of {self.member or self.place} is not given and does not follow from the name; set it to "
            f"one of {', '.join(FORMATS)}, or name a file of an archive in source.member."
        )

    @property
    def layout(self) -> Layout:
        """How the file is read."""
        return Layout(self.file_format, self.separator, self.member, self.sheet, self.names)


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Copy a local file, download it, or put it together, and pack the structures; see `elemflow.sources.retrieve`."""
    target, layout = folder / options.file_name, options.layout
    if options.url:
        record = download(options.url, target, sha256=options.sha256)
    else:
        record = _join(options, target) if options.is_to_be_joined else _copy(options, target)
    if options.structures is None:
        return [record]
    return [record, pack(options.structures, read_table(target, layout), folder)]


def _join(options: Options, target: Path) -> FileRecord:
    # What has arrived stays until the table is whole, so that the next attempt goes on from there.
    parts = Upstream(target.parent / "parts", joins.SERVER)
    try:
        joins.write(target.name, parts, target.parent, options.sha256)
    except joins.WrongPartsError:
        shutil.rmtree(parts.folder)  # wrong parts would be wrong again
        raise
    record = FileRecord.of(target, url=parts.repositories())
    shutil.rmtree(parts.folder)
    return record


def _copy(options: Options, target: Path) -> FileRecord:
    path = Path(options.place)
    if not path.is_file():
        raise DataError(f"{path} does not exist (seen from {Path.cwd()}). Correct source.path in the dataset's config.")
    check_sha256(path, options.sha256, str(path))
    with atomic_path(target) as part:
        shutil.copyfile(path, part)
    return FileRecord.of(target, url=options.place)


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of the file; see `elemflow.sources.retrieve`."""
    frames = read_table(folder / options.file_name, options.layout)
    for frame in with_structures(frames, folder) if options.structures else frames:
        if options.file_format == "csv":
            frame.attrs["decimal"] = options.decimal
        yield _widened(frame, options.long) if options.long else frame


def _widened(frame: pd.DataFrame, long: LongTable) -> pd.DataFrame:
    """Return rows of a long table with a column for each name, which only its own rows fill.

    Raises:
        DataError: One of the two columns is missing, or a name is that of a column.
    """
    for column in (long.name, long.value):
        if column not in frame.columns:
            raise DataError(
                f"{frame.attrs['file']}: no column '{column}'. Correct source.long in the dataset's config; found: "
                f"{', '.join(map(str, frame.columns))}."
            )
    rest = frame.drop(columns=[long.name, long.value])
    wide = frame.set_index(long.name, append=True)[long.value].unstack(long.name)  # noqa: PD010  keeps the rows
    if taken := [str(name) for name in wide.columns if name in rest.columns]:
        raise DataError(f"{frame.attrs['file']}: the name '{taken[0]}' of source.long is that of a column, too.")
    texts = wide.select_dtypes(exclude="number").columns
    wide[texts] = wide[texts].fillna("")  # as everywhere, an empty cell of a text column is an empty text
    joined = pd.concat([rest, wide], axis=1)
    joined.attrs |= frame.attrs | {"sparse": True}
    return joined
