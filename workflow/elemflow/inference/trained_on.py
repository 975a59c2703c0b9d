"""Which compositions the networks of a run have seen: those of its training and validation sets."""

from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file
from elemflow.core.roles import Role
from elemflow.core.run import Run
from elemflow.splits.leakage import compositions_of

DEPTH = 6
"""Folders from a run up to the results."""
SHAPED_BY = (Role.TRAIN, Role.VALIDATION)
"""Sets that decide the weights of a network; validation rows may say when a training ends."""


def trained_compositions(folder: Path) -> list[str]:
    """Return the canonical compositions that any member of a run has seen, or of its pre-training run; sorted.

    Args:
        folder: Folder of the run, below the results.

    Raises:
        DataError: Materials or split are not the files that a run was trained on, or these are not known.
    """
    info_file = folder / "run_info.json"
    if not info_file.exists():
        raise DataError(
            f"{info_file} is missing, which names the files that the run was trained on. Copy it with the model."
        )
    info, run = read_json(info_file), Run.of_folder(folder.absolute())
    results = Path(*folder.absolute().parts[:-DEPTH])
    materials = results / f"datasets/{run.dataset}/materials.parquet"
    split = results / f"splits/{run.dataset}/{run.property}/{run.protocol}.parquet"
    trained_on = set(info["inputs_sha256"].values())
    for path in (materials, split):
        if not path.exists() or sha256_file(path) not in trained_on:
            state = "is not the file that the run was trained on" if path.exists() else "is missing"
            raise DataError(f"{path} {state}, so what its networks have seen is not known. Build the run again.")
    found = set[str]().union(*compositions_of(split, materials, SHAPED_BY).values())
    if source := info.get("pretrained"):
        found |= {*trained_compositions(results / "runs" / source)}
    return sorted(found)
