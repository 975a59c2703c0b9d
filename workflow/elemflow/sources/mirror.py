"""Raw files from a mirror: a folder, or an address, laid out as `resources/raw` of a machine that had a network."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, read_json
from elemflow.sources.download import check_sha256, download, get_json
from elemflow.sources.paging import remove_other_pages

MANIFEST = "manifest.json"


def fetch_from_mirror(mirror: str, dataset_id: str, source: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Take the files of a dataset from a mirror, each verified by the SHA-256 of the mirror's manifest.

    Args:
        mirror: Folder or http(s) address; below it `<dataset>/manifest.json` and the files that it names.
        dataset_id: Name of the dataset.
        source: Its `source` block, which must be that of the manifest.
        folder: Where the files go.

    Returns:
        The records of the manifest, so that the origin of each file stays known.

    Raises:
        DataError: The mirror does not have the dataset, has it from another source, or a file was changed.
    """
    origin = f"{mirror.rstrip('/')}/{dataset_id}"
    manifest = _read_manifest(origin)
    fill = f"Fill it anew on a machine with a network (docs/databases.md, 'Without a network'), for {dataset_id}."
    if manifest.get("source") != dict(source):
        raise DataError(f"{origin}/{MANIFEST} describes another source than the config of {dataset_id}. {fill}")
    for record in manifest["files"]:
        name = record["file"]
        if Path(name).name != name:
            raise DataError(f"{origin}/{MANIFEST} names the file {name!r}, which is not in its folder. {fill}")
        target = folder / name
        if _is_address(mirror):
            download(f"{origin}/{name}", target, sha256=record["sha256"])
        else:
            _copy(Path(origin) / name, target, record["sha256"], fill)
    remove_other_pages(folder, manifest["files"])
    return list(manifest["files"])


def _read_manifest(origin: str) -> dict[str, Any]:
    if _is_address(origin):
        return get_json(f"{origin}/{MANIFEST}")
    path = Path(origin) / MANIFEST
    if not path.is_file():
        raise DataError(
            f"The mirror has no {path}. Fill it on a machine with a network (docs/databases.md, 'Without a network'), "
            "or correct the key 'mirror' of the config."
        )
    return read_json(path)


def _copy(path: Path, target: Path, sha256: str, fill: str) -> None:
    if not path.is_file():
        raise DataError(f"The mirror has no {path}, though its manifest names it. {fill}")
    with atomic_path(target) as part:
        shutil.copyfile(path, part)
        check_sha256(part, sha256, str(path))


def _is_address(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))
