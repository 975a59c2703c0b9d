"""Files that the record keeps of a run, and readers of them whose messages say how to get a damaged one back.

It lies in `core`, since the plan, the reports and `explain` read the record too, and none of them knows its package.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from elemflow.core.errors import DataError
from elemflow.core.run import RUN_KEYS

PLACE = ("resources", "record")
"""Folders of the record below that of the project."""
METRICS, RUN_INFO, CURATION, PREDICTIONS = "metrics.json", "run_info.json", "curation.json", "predictions.parquet"
EVIDENCE = (METRICS, RUN_INFO, CURATION, PREDICTIONS)
"""Files without which a recorded run is none."""
RAW_FILES = "raw_files.json"
"""Names, sizes and SHA-256 of the raw files behind a run; runs that were recorded before it was kept may lack it."""
ABOUT = "about.json"
"""Title, version, licence and citation of the data behind a run; older runs may lack it."""
MATERIALS = "materials.parquet"
INFO_KEYS = {
    "inputs_sha256": dict,
    "finished": str,
    "members": dict,
    "cfg": dict,
    "engine": dict,
    "host": dict,
    "seconds_fitting": int | float,
    "commit": str,
}
"""Keys of `run_info.json` that readers of the record rely on, with their types."""
ALWAYS = ("inputs_sha256", "finished")
"""Those of them that every reader does."""


def is_of_record(path: str | Path) -> bool:
    """Return whether a path lies in a record."""
    parts = Path(path).parts
    return PLACE in pairwise(parts)


def show(path: str | Path) -> str:
    """Return a path of the record as messages name it: from the folder of the project on."""
    parts = Path(path).parts
    start = next((i for i, pair in enumerate(pairwise(parts)) if pair == PLACE), 0)
    return Path(*parts[start:]).as_posix()


def how_to_restore(path: str | Path) -> str:
    """Return how to get a file or folder of the record back."""
    return f"Restore it from the repository: git checkout -- '{show(path)}'."


def find_folders(record: Path) -> dict[str, Path]:
    """Return the folder of each run that a record has any file of, by its path, sorted."""
    names = (*EVIDENCE, RAW_FILES)
    folders = {path.parent for path in record.rglob("*") if path.name in names}
    runs = {folder.relative_to(record).as_posix(): folder for folder in folders}
    return {run: runs[run] for run in sorted(runs) if len(run.split("/")) == len(RUN_KEYS)}


def check_complete(folder: Path) -> None:
    """Check that a recorded run has all of its evidence.

    Raises:
        DataError: A file is missing.
    """
    missing = [name for name in EVIDENCE if not (folder / name).is_file()]
    if missing:
        which = "it" if len(missing) == 1 else "them"
        files = " ".join(f"'{show(folder / name)}'" for name in missing)
        raise DataError(
            f"{show(folder)}: {' and '.join(missing)} missing; a recorded run without its evidence is none. Restore "
            f"{which} from the repository: git checkout -- {files}."
        )


def read_evidence(path: Path) -> dict[str, Any]:
    """Read a JSON file of the record.

    Raises:
        DataError: It is missing, or no JSON object.
    """
    if not path.is_file():
        raise DataError(f"{show(path)} is missing. {how_to_restore(path)}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{show(path)} is damaged: {error}. {how_to_restore(path)}") from None
    if not isinstance(found, dict):
        raise DataError(f"{show(path)} is damaged: no JSON object. {how_to_restore(path)}")
    return found


def read_run_info(folder: Path, *keys: str) -> dict[str, Any]:
    """Read `run_info.json` of a recorded run.

    Args:
        folder: Folder of the run.
        keys: Keys, of those in `INFO_KEYS`, that must be there besides hashes and date.

    Raises:
        DataError: It is missing or damaged, or a key is.
    """
    path = folder / RUN_INFO
    info = read_evidence(path)
    for key in (*ALWAYS, *keys):
        if not isinstance(info.get(key), INFO_KEYS[key]):
            raise DataError(f"{show(path)}: key '{key}' is missing or damaged. {how_to_restore(path)}")
    if not any(str(name).endswith(MATERIALS) for name in info["inputs_sha256"]):
        raise DataError(f"{show(path)}: key 'inputs_sha256' has no {MATERIALS}. {how_to_restore(path)}")
    return info


def materials_of(info: Mapping[str, Any], dataset: str | None = None) -> str:
    """Return the SHA-256 of the materials of a run.

    Args:
        info: Its `run_info.json`, as `read_run_info` returns it.
        dataset: Dataset whose materials are meant, where a run reads those of several; None for the first.
    """
    found = {str(name): str(digest) for name, digest in info["inputs_sha256"].items() if name.endswith(MATERIALS)}
    own = [digest for name, digest in found.items() if Path(name).parent.name == dataset]
    return own[0] if own else next(iter(found.values()))
