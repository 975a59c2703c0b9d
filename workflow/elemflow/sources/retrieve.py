"""Retrieve the raw files of a dataset, and read them back.

A source module, one of those named in `elemflow.config.kinds.SOURCES`, has a class `Options`, the keys of the `source`
section of its kind, and two functions. `fetch(options, folder)` puts the files of a source into a folder and returns
their records. `read(options, folder)` yields the rows of these files as data frames of bounded size with the columns
of the source; text stays as given, a missing text is empty. A frame may name its file in `attrs["file"]`, for messages.
"""

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import pandas as pd

from elemflow.config.dataset import Source
from elemflow.config.kinds import SOURCES
from elemflow.core.errors import ConfigError, DataError, nearest
from elemflow.core.files import read_json, sha256_file
from elemflow.sources.mirror import fetch_from_mirror
from elemflow.sources.options import SourceOptions
from elemflow.sources.records import MANIFEST, FileRecord, Manifest

EARLIER = ".manifest.json"
"""Copy of the manifest in its folder: Snakemake deletes the manifest itself before it is made again."""


class SourceModule(Protocol):
    """What the module of a kind of source implements."""

    Options: type[SourceOptions]

    def fetch(self, options: Any, folder: Path) -> list[FileRecord]:
        """Put the source's files into `folder` and return their records."""

    def read(self, options: Any, folder: Path) -> Iterator[pd.DataFrame]:
        """Yield the rows of the fetched files."""


def retrieve(dataset_id: str, source: Source, folder: str | Path, mirror: str | None = None) -> None:
    """Fetch the files of a dataset, read them once, and write `manifest.json`, which describes them, last.

    Args:
        dataset_id: Name of the dataset.
        source: Where its entries come from.
        folder: Where the files go.
        mirror: Folder or http(s) address with the files of all datasets; then no other server is used.

    Raises:
        ConfigError: The kind of source is unknown, or its options cannot be followed.
        DataError: A file could not be retrieved, cannot be read or is not what it should be.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    earlier = _find_earlier(folder)
    # An earlier manifest would vouch for files that are being replaced.
    (folder / MANIFEST).unlink(missing_ok=True)
    module, options = _source_module(dataset_id, source)
    if mirror and not options.is_local:
        records = fetch_from_mirror(mirror, dataset_id, source.kind, options, folder)
    else:
        records = module.fetch(options, folder)
    versions = sorted({record.database_version for record in records if record.database_version})
    found = Manifest(
        dataset=dataset_id,
        source={"kind": source.kind, **options.model_dump(mode="json")},
        database_version=", ".join(versions),
        rows=sum(len(frame) for frame in module.read(options, folder)),
        files=tuple(records),
    )
    # Of the same bytes from another place the earlier manifest stays as it was, so that nothing behind runs again.
    keeps = earlier and earlier.is_read_as(source.kind, options) and earlier.has_files_of(found)
    (earlier if earlier and keeps else found).write(folder)
    shutil.copyfile(folder / MANIFEST, folder / EARLIER)


def _find_earlier(folder: Path) -> Manifest | None:
    """Return the manifest of the last retrieval; None if there is none that can be read."""
    try:
        return Manifest.model_validate(read_json(folder / EARLIER))
    except (OSError, ValueError):
        return None


def read_raw(dataset_id: str, source: Source, folder: str | Path) -> Iterator[pd.DataFrame]:
    """Verify the files of a dataset and return its rows as frames of bounded size.

    Args:
        dataset_id: Name of the dataset.
        source: Where its entries come from.
        folder: Where `retrieve` put the files.

    Returns:
        Frames with the columns of the source, text as given.

    Raises:
        ConfigError: The kind of source is unknown, or its options cannot be followed.
        DataError: The manifest is missing or of another source, or a file is missing or was changed.
    """
    folder = Path(folder)
    again = f"Delete {folder} and run the workflow again to retrieve {dataset_id}."
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder / MANIFEST} is missing, so the files of {dataset_id} are not complete. {again}")
    manifest = Manifest.model_validate(read_json(folder / MANIFEST))
    module, options = _source_module(dataset_id, source)
    if not manifest.is_read_as(source.kind, options):
        raise DataError(f"{folder / MANIFEST} describes another source than the config of {dataset_id}. {again}")
    for record in manifest.files:
        path = folder / record.file
        if not path.is_file():
            raise DataError(f"{path} is missing, though the manifest names it. {again}")
        if (found := sha256_file(path)) != record.sha256:
            raise DataError(f"{path} was changed: SHA-256 {found}, {record.sha256} when retrieved. {again}")
    return module.read(options, folder)


def source_options(dataset_id: str, source: Source) -> SourceOptions:
    """Return the typed options of the source of a dataset.

    Raises:
        ConfigError: The kind of source is unknown, or its options cannot be followed.
    """
    return _source_module(dataset_id, source)[1]


def _source_module(dataset_id: str, source: Source) -> tuple[SourceModule, SourceOptions]:
    """Return the module of a kind of source, and the typed options of a dataset."""
    if source.kind not in SOURCES:
        known = f"Allowed are {', '.join(sorted(SOURCES))}.{nearest(source.kind, SOURCES)}"
        raise ConfigError(f"Dataset {dataset_id}: source.kind is {source.kind!r}. {known}")
    module = cast("SourceModule", importlib.import_module(SOURCES[source.kind]))
    return module, module.Options.of(dataset_id, source)
