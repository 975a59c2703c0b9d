"""Raw files from a mirror: a folder, or an address, laid out as `resources/raw` of a machine that had a network."""

import shutil
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, read_json
from elemflow.sources.contents import check_sha256
from elemflow.sources.download import download, get_json
from elemflow.sources.options import SourceOptions
from elemflow.sources.paging import remove_other_pages
from elemflow.sources.records import MANIFEST, FileRecord, Manifest


def fetch_from_mirror(
    mirror: str, dataset_id: str, kind: str, options: SourceOptions, folder: Path
) -> list[FileRecord]:
    """Copy the files of a dataset from a mirror, each verified by the SHA-256 of the mirror's manifest.

    Args:
        mirror: Folder or http(s) address; below it `<dataset>/manifest.json` and the files that it names.
        dataset_id: Name of the dataset.
        kind: Kind of its source, which must be that of the manifest.
        options: Options of its source, which must be those of the manifest.
        folder: Where the files go.

    Returns:
        The records of the manifest, so that the origin of each file stays known.

    Raises:
        DataError: The mirror does not have the dataset, has it from another source, or a file was changed.
    """
    origin = f"{mirror.rstrip('/')}/{dataset_id}"
    manifest = _read_manifest(origin)
    fill = f"Fill it again on a machine with a network (docs/guide/offline.md), for {dataset_id}."
    if not manifest.is_of(kind, options):
        raise DataError(f"{origin}/{MANIFEST} describes another source than the config of {dataset_id}. {fill}")
    for record in manifest.files:
        if Path(record.file).name != record.file:
            raise DataError(f"{origin}/{MANIFEST} names the file {record.file!r}, which is not in its folder. {fill}")
        target = folder / record.file
        if _is_address(mirror):
            download(f"{origin}/{record.file}", target, sha256=record.sha256)
        else:
            _copy(Path(origin) / record.file, target, record.sha256, fill)
    remove_other_pages(folder, manifest.files)
    return list(manifest.files)


def _read_manifest(origin: str) -> Manifest:
    if _is_address(origin):
        return Manifest.model_validate(get_json(f"{origin}/{MANIFEST}"))
    path = Path(origin) / MANIFEST
    if not path.is_file():
        raise DataError(
            f"The mirror has no {path}. Fill it on a machine with a network (docs/guide/offline.md), "
            "or correct the key 'mirror' of the config."
        )
    return Manifest.model_validate(read_json(path))


def _copy(path: Path, target: Path, sha256: str, fill: str) -> None:
    if not path.is_file():
        raise DataError(f"The mirror has no {path}, though its manifest names it. {fill}")
    with atomic_path(target) as part:
        shutil.copyfile(path, part)
        check_sha256(part, sha256, str(path))


def _is_address(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))
