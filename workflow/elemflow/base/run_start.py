"""The networks of a run's folder as what fine-tuning starts from."""

import json
from pathlib import Path

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.inference.trained_on import trained_compositions
from elemflow.multitask.file import SEEN
from elemflow.multitask.from_run import CONFIG, ELEMENTS, RunStart, base_of_run
from elemflow.multitask.seen import Seen


def start_of_run(folder: Path) -> tuple[RunStart, str]:
    """Return the networks of a run as a base with one head.

    Args:
        folder: Folder of the run.

    Returns:
        The base, and why it is not known what its networks were trained on; empty if it is.

    Raises:
        DataError: The folder holds no trained run, or fine-tuning cannot start from it.
    """
    if not (folder / CONFIG).is_file():
        raise DataError(f"{folder}: no trained run, since it has no {CONFIG}. Build it first, or name another one.")
    files = (folder / CONFIG).parent.iterdir()
    members = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in files if not path.name.startswith(".")
    }
    reason = ""
    try:
        compositions = trained_compositions(folder)
    except DataError as error:
        reason = str(error)
    else:
        members[SEEN] = Seen.of_all(compositions).pack()
        members[ELEMENTS] = json.dumps(sorted({e for each in compositions for e in amounts(each)})).encode()
    return base_of_run(members, folder), reason
