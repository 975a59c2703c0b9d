"""The checkpoint folder of a run: which training it belongs to, and how it is created and removed.

It has a folder `member-<n>` per member, complete once it holds `done.json`, and `identity.json`, which identifies the
training by a digest of configuration, inputs, code and versions and says whether all members are finished.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from elemflow.core.files import read_json, write_json
from elemflow.provenance.run_info import now
from elemflow.training.backend import EngineInfo

IDENTITY = "identity.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointIdentity:
    """Which training a checkpoint folder belongs to, and how far that is.

    Attributes:
        digest: Digest of everything that decides the numbers.
        started: Time of the first start, ISO 8601.
        starts: Number of starts.
        engine: What computes; None before it was started.
        trained_by: Job that trains.
        finished: Time at which all members were finished, ISO 8601; None before.
        failed: Why a training by the job of another run failed; such a run is left to its own job.
        peak_memory_mb: Largest resident memory of the process that finished the members, in MB.
        energy_joules: Energy of the processors in the last start, in joules, where the machine counts it.
    """

    digest: str
    started: str
    starts: int = 0
    engine: EngineInfo | None = None
    trained_by: str = ""
    finished: str | None = None
    failed: str | None = None
    peak_memory_mb: float | None = None
    energy_joules: float | None = None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the identity of a checkpoint folder; None if it is missing or damaged."""
        try:
            stored = read_json(folder / IDENTITY)
            engine = stored.pop("engine")
            identity = cls(**stored, engine=engine and EngineInfo(**engine))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return None if identity.finished and identity.engine is None else identity

    def write(self, folder: Path) -> None:
        """Write the identity into a checkpoint folder."""
        write_json(folder / IDENTITY, asdict(self) | {"engine": self.engine and self.engine.plain()})


def lock_of(checkpoint_folder: Path) -> Path:
    """Return the lock file of a checkpoint folder."""
    return checkpoint_folder.with_name(f"{checkpoint_folder.name}.lock")


def open_checkpoint(folder: Path, digest: Callable[[str], str], engine: Callable[[], str]) -> CheckpointIdentity:
    """Continue the checkpoint folder of the same training, or move another one and begin a new folder.

    Args:
        folder: The checkpoint folder.
        digest: From the name of an engine to the digest of this training on it.
        engine: Returns the name of the engine that would train here; not called if all members are finished.
    """
    identity = CheckpointIdentity.read(folder)
    stored_engine = identity.engine if identity and identity.finished else None
    own = digest(stored_engine.name if stored_engine else engine())
    if identity is None or identity.digest != own:
        if folder.exists() and any(folder.iterdir()):
            _move(folder, identity)
        identity = CheckpointIdentity(own, now())
    identity = replace(identity, failed=None, starts=identity.starts + 1)
    identity.write(folder)
    return identity


def _move(folder: Path, identity: CheckpointIdentity | None) -> None:
    moved = folder.with_name(f"{folder.name}.moved-{identity.digest if identity else 'unknown'}")
    shutil.rmtree(moved, ignore_errors=True)
    folder.rename(moved)
    reason = "belongs to other settings, inputs, code or library versions"
    log.warning(
        "The checkpoint in %s %s; moved to %s. Training starts again; delete that folder if it is of no use.",
        folder, reason if identity else f"cannot be continued, since its {IDENTITY} is absent or damaged", moved,
    )  # fmt: skip


def remove(checkpoint_folder: Path) -> None:
    """Remove a checkpoint folder; a kill meanwhile leaves no member that counts as finished and is incomplete."""
    for done in sorted(checkpoint_folder.glob("member-*/done.json")):
        done.unlink()
    shutil.rmtree(checkpoint_folder)
