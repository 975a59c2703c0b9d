"""The checkpoint folder of a run: whose training it holds, who works in it, and how it comes and goes.

It has a folder `member-<n>` per member, complete once it holds `done.json`, and `claim.json`, which says by a digest of
settings, inputs, code and versions which training this is, and whether all members are finished.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.files import read_json, write_json
from elemflow.provenance import run_info as provenance

CLAIM = "claim.json"

log = logging.getLogger(__name__)


def lock_of(checkpoint_folder: Path) -> Path:
    """Return the file whose lock a process holds that works in a checkpoint folder."""
    return checkpoint_folder.with_name(f"{checkpoint_folder.name}.lock")


def claim_folder(folder: Path, identity: Callable[[str], str], engine: Callable[[], str]) -> dict[str, Any]:
    """Take over a checkpoint folder of the same training; set any other aside.

    Args:
        folder: The checkpoint folder.
        identity: From the name of an engine to what identifies this training on it.
        engine: Returns the name of the engine that would train here; not asked if all members are finished.
    """
    claim = read_claim(folder)
    finished = claim is not None and is_finished(claim)
    own = identity(claim["engine"]["name"] if claim and finished else engine())
    if claim is None or claim["identity"] != own:
        if folder.exists() and any(folder.iterdir()):
            _set_aside(folder, claim)
        claim = {"identity": own, "started": provenance.now(), "starts": 0}
    claim = {key: value for key, value in claim.items() if key != "failed"} | {"starts": claim["starts"] + 1}
    write_claim(folder, claim)
    return claim


def read_claim(folder: Path) -> dict[str, Any] | None:
    """Return what a checkpoint folder says about itself; None if it says nothing that can be understood."""
    try:
        claim: dict[str, Any] = read_json(folder / CLAIM)
        _ = claim["identity"], claim["started"], int(claim["starts"])
        if is_finished(claim):
            _ = claim["engine"]["name"], claim["trained_by"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return claim


def write_claim(folder: Path, claim: Mapping[str, Any]) -> None:
    """Write what a checkpoint folder says about itself."""
    write_json(folder / CLAIM, claim)


def _set_aside(folder: Path, claim: Mapping[str, Any] | None) -> None:
    aside = folder.with_name(f"{folder.name}.aside-{claim['identity'] if claim else 'unknown'}")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    reason = "belongs to other settings, inputs, code or library versions"
    log.warning(
        "The checkpoint in %s %s; moved to %s. Training starts anew; delete that folder if it is of no use.",
        folder, reason if claim else f"cannot be continued, since its {CLAIM} is absent or damaged", aside,
    )  # fmt: skip


def is_finished(claim: Mapping[str, Any]) -> bool:
    """Tell from what a checkpoint folder says about itself whether all of its members are finished."""
    return "finished" in claim


def remove(checkpoint_folder: Path) -> None:
    """Remove a checkpoint folder; a kill on the way leaves no member that is called finished and is not whole."""
    for done in sorted(checkpoint_folder.glob("member-*/done.json")):
        done.unlink()
    shutil.rmtree(checkpoint_folder)
