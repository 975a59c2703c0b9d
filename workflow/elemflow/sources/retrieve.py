"""Sources of data: what the modules named in `elemflow.config.kinds.SOURCES` implement, and what they share.

A source module has two functions. `fetch(source, folder)` puts the files of a source into a folder and returns
their records (`elemflow.sources.download.file_record`). `read(source, folder)` yields the rows of these files as
data frames of bounded size with the columns of the source; text is kept as given, a missing text is empty. A frame
may name the file it comes from in `attrs["file"]`, for messages. `source` is the dataset's `source` block.
"""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import pandas as pd

from elemflow.config.kinds import SOURCES
from elemflow.core.errors import ConfigError, DataError, nearest
from elemflow.core.files import read_json, sha256_file, write_json
from elemflow.sources.mirror import MANIFEST, fetch_from_mirror

LOCAL = frozenset({"matminer_transport", "miedema", "prototypes"})
"""Kinds whose data come with the installed packages or are computed."""


class SourceModule(Protocol):
    """What the module of a kind of source implements."""

    def fetch(self, source: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
        """Put the source's files into `folder` and return their records."""

    def read(self, source: Mapping[str, Any], folder: Path) -> Iterator[pd.DataFrame]:
        """Yield the rows of the fetched files."""


def retrieve(dataset_id: str, dataset: Mapping[str, Any], folder: str | Path, mirror: str | None = None) -> None:
    """Fetch the files of a dataset, read them once, and describe them in `manifest.json`, which is written last.

    Args:
        dataset_id: Name of the dataset.
        dataset: Its resolved config.
        folder: Where the files go.
        mirror: Folder or http(s) address with the files of all datasets; then no other server is asked.

    Raises:
        ConfigError: The kind of source is unknown, or its options cannot be followed.
        DataError: A file could not be had, cannot be read or is not what it should be.
    """
    folder, source = Path(folder), dataset["source"]
    folder.mkdir(parents=True, exist_ok=True)
    # A manifest from before would vouch for files that are being replaced.
    (folder / MANIFEST).unlink(missing_ok=True)
    module = _module(dataset_id, dataset)
    if mirror and source["kind"] not in LOCAL and not source.get("path"):
        records = fetch_from_mirror(mirror, dataset_id, source, folder)
    else:
        records = module.fetch(source, folder)
    versions = sorted({record["database_version"] for record in records if record.get("database_version")})
    rows = sum(len(frame) for frame in module.read(source, folder))
    write_json(
        folder / MANIFEST,
        {
            "dataset": dataset_id,
            "source": source,
            "database_version": ", ".join(versions),
            "rows": rows,
            "files": records,
        },
    )


def read_raw(dataset_id: str, dataset: Mapping[str, Any], folder: str | Path) -> Iterator[pd.DataFrame]:
    """Verify the files of a dataset and return its rows as frames of bounded size.

    Args:
        dataset_id: Name of the dataset.
        dataset: Its resolved config.
        folder: Where `retrieve` put the files.

    Returns:
        Frames with the columns of the source, text as given.

    Raises:
        ConfigError: The kind of source is unknown.
        DataError: The manifest is missing or of another source, or a file is missing or was changed.
    """
    folder = Path(folder)
    again = f"Delete {folder} and run the workflow again to retrieve {dataset_id} anew."
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder / MANIFEST} is missing, so the files of {dataset_id} are not complete. {again}")
    manifest = read_json(folder / MANIFEST)
    if manifest["source"] != dataset["source"]:
        raise DataError(f"{folder / MANIFEST} describes another source than the config of {dataset_id}. {again}")
    for record in manifest["files"]:
        path = folder / record["file"]
        if not path.is_file():
            raise DataError(f"{path} is missing, though the manifest names it. {again}")
        if (found := sha256_file(path)) != record["sha256"]:
            raise DataError(f"{path} was changed: SHA-256 {found}, {record['sha256']} when retrieved. {again}")
    return _module(dataset_id, dataset).read(dataset["source"], folder)


def _module(dataset_id: str, dataset: Mapping[str, Any]) -> SourceModule:
    kind = dataset["source"]["kind"]
    if kind not in SOURCES:
        known = f"Allowed are {', '.join(sorted(SOURCES))}.{nearest(kind, SOURCES)}"
        raise ConfigError(f"Dataset {dataset_id}: source.kind is {kind!r}. {known}")
    return cast("SourceModule", importlib.import_module(SOURCES[kind]))
