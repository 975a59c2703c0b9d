"""Raw files behind a recorded run: their names, sizes and SHA-256, from the manifests next to its results."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.content import RECORD as PROVENANCE
from elemflow.core.content import read_record
from elemflow.core.errors import DataError
from elemflow.core.evidence import (
    MATERIALS,
    RAW_FILES,
    RUN_INFO,
    find_folders,
    how_to_restore,
    materials_of,
    read_evidence,
    read_run_info,
    show,
)
from elemflow.core.files import JsonObject, read_json, sha256_file, write_json
from elemflow.core.run import Run
from elemflow.plan import paths

KEPT = ("file", "bytes", "sha256")
"""What is kept of each file of a manifest; addresses may be paths of the machine that read them."""


def find_raw(results: Path, run: Run, info: Mapping[str, Any]) -> JsonObject:
    """Return the raw files behind each dataset that a run reads, also through the run that it starts from.

    A manifest counts if the curation of these results read it and made the very materials that the run read.

    Args:
        results: Folder of results; `resources/raw` lies next to it.
        run: The run.
        info: Its `run_info.json`.

    Returns:
        Materials and files by dataset, as `raw_files.json` has them.

    Raises:
        DataError: A manifest is missing, or of other materials.
    """
    datasets = dict(_datasets(results, run, info))
    return {name: {"materials_sha256": made, "files": _files(results, name, made)} for name, made in datasets.items()}


def fill_raw(results: Path, record: Path) -> dict[str, str]:
    """Write the raw files of recorded runs that lack them, as far as a folder of results has their datasets.

    Returns:
        Of each run that lacked them: why it still does; empty if it does no longer.

    Raises:
        DataError: Evidence is damaged.
    """
    outcomes = {}
    for path, folder in find_folders(record).items():
        if (folder / RAW_FILES).is_file():
            continue
        info = read_run_info(folder)
        try:
            found = find_raw(results, Run.parse(path), info)
        except DataError as error:
            outcomes[path] = str(error)
        else:
            write_json(folder / RAW_FILES, found)
            outcomes[path] = ""
    return outcomes


def check_raw(folder: Path, info: Mapping[str, Any]) -> None:
    """Check that the raw files of a recorded run, if they are recorded, are those of its materials.

    Raises:
        DataError: They are of other materials, or damaged.
    """
    path = folder / RAW_FILES
    if not path.is_file():
        return
    raw, dataset = read_evidence(path), Run.of_folder(folder).dataset
    made = raw[dataset].get("materials_sha256") if isinstance(raw.get(dataset), Mapping) else None
    if made != materials_of(info, dataset):
        raise DataError(
            f"{show(path)}: {dataset}.materials_sha256 is {made or 'missing'}, {RUN_INFO} has "
            f"{materials_of(info, dataset)}. {how_to_restore(path)}"
        )
    for name, about in raw.items():
        files = about.get("files") if isinstance(about, Mapping) else None
        if not files or any(set(KEPT) - set(file) for file in files):
            raise DataError(f"{show(path)}: {name}.files lacks {', '.join(KEPT)}. {how_to_restore(path)}")


def _datasets(results: Path, run: Run, info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the datasets that a run reads, each with the SHA-256 of its materials."""
    read = {Path(name).parent.name for name in info["inputs_sha256"] if name.endswith(MATERIALS)}
    for dataset in sorted(read | {run.dataset}):
        yield dataset, materials_of(info, dataset)
    if source := info.get("pretrained"):
        path = results / "runs" / source / RUN_INFO
        if not path.is_file():
            raise DataError(f"{path} is missing: the data of the run that {run.path} starts from are not known.")
        yield from _datasets(results, Run.parse(source), read_json(path))


def _files(results: Path, dataset: str, materials: str) -> list[JsonObject]:
    place = paths.MANIFEST.format(dataset=dataset)
    manifest = results.parent / place
    curation = read_record(results / "datasets" / dataset / PROVENANCE)
    if curation is None or curation.outputs.get(MATERIALS) != materials:
        raise DataError(f"{results / 'datasets' / dataset} has other materials than the run read, or none.")
    read = {digest for name, digest in curation.inputs.items() if name.endswith(place)}
    if not manifest.is_file() or sha256_file(manifest) not in read:
        raise DataError(f"{manifest} is missing, or not the one that {dataset} was curated from.")
    return [{key: file[key] for key in KEPT} for file in read_json(manifest)["files"]]
