"""Packing of small runs: a job that has trained its own run goes on with others in the same process.

A network's job spends ten seconds and more on its start before it takes a step. So a job whose outputs are complete
trains its neighbours, the runs of the same dataset, property and representation that Snakemake is about to start, into
their own checkpoint folders. Each of them keeps its own job, which finds all members finished and writes the outputs.
The identity of a checkpoint (`elemflow.training.checkpoint`) also guards those that another process wrote.

Not part of code digests, as the plan is not part of rule parameters: which job trains a run changes no number.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from elemflow.config.load import Packing
from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import ElemflowError
from elemflow.core.files import read_json, write_text
from elemflow.core.locks import locked
from elemflow.training import interruption
from elemflow.training.backend import Backend
from elemflow.training.checkpoint import CheckpointIdentity, lock_of
from elemflow.training.job import train_members
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs

PLAN = Path("results/plan/packing.json")

log = logging.getLogger(__name__)

Stamps = Mapping[str, int | None]
"""Modification time, in ns since 1970, of files that are to be made; None where there is no old one."""


@dataclass(frozen=True)
class PackedRun:
    """A training that waits for its job.

    Attributes:
        run: Its configuration.
        code: Digest of the code that trains.
        inputs: Its input files.
        checkpoint_folder: Its working state.
        done: A file that exists once its job is done.
    """

    run: RunConfig
    code: str
    inputs: RunInputs
    checkpoint_folder: Path
    done: str

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return an entry of the plan."""
        run, inputs = RunConfig.from_params(stored["cfg"]), RunInputs.from_names(**stored["inputs"])
        return cls(run, stored["code"], inputs, Path(stored["checkpoint_folder"]), stored["done"])

    @property
    def neighbourhood(self) -> tuple[str, ...]:
        """What runs must share to be trained in one process."""
        return self.run.run.dataset, self.run.run.property, self.run.run.representation

    def engine(self, backend: Backend) -> str:
        """Return the name of its engine."""
        return backend.engine_name(self.run.network_settings().training.engine)

    def is_waiting(self, stamps: Stamps) -> bool:
        """Return whether it has all inputs, is not done, and was neither trained nor tried by another process."""
        identity = CheckpointIdentity.read(self.checkpoint_folder)
        if identity and (identity.finished or identity.failed):
            return False
        return not _renewed(self.done, stamps) and all(
            _renewed(str(path), stamps) if str(path) in stamps else path.exists() for path in self.inputs.files
        )


def write_plan(jobs: Iterable[Any], packing: Packing | Mapping[str, float], path: Path = PLAN) -> None:
    """Write which trainings are about to run, so that one may train others too; remove an old plan if none may.

    Args:
        jobs: All jobs that Snakemake is about to run.
        packing: `packing` of the config: most `runs` and `minutes` of a process.
        path: The plan.
    """
    limits = Packing.model_validate(packing)
    path.unlink(missing_ok=True)
    if limits.runs == 1:
        return
    jobs = list(jobs)
    made = {str(file) for job in jobs for file in job.output}
    trainings: list[dict[str, Any]] = []
    stamps: dict[str, int | None] = {}
    for job in jobs:
        if not job.rule.name.endswith("train_model") or job.params.cfg["model"]["kind"] != "network":
            continue
        inputs = {name: _plain(value) for name, value in job.input.items()}
        done = str(job.output.run_info)
        trainings.append(
            {
                "cfg": job.params.cfg,
                "code": job.params.code,
                "inputs": inputs,
                "checkpoint_folder": str(job.params.checkpoints),
                "done": done,
            }
        )
        stamps |= {name: _stamp(name) for name in (*_files(inputs), done) if name in made}
    trainings.sort(key=lambda training: training["checkpoint_folder"])
    # Keys keep their order, on which code of the user's may depend.
    write_text(path, json.dumps(limits.model_dump() | {"trainings": trainings, "stamps": stamps}, ensure_ascii=False))


def train_neighbours(
    checkpoint_folder: Path, backend: Backend, started: float, stop: str | None = None, path: Path = PLAN
) -> None:
    """Train runs that wait for their jobs, once the own run is complete; a failure there does not affect this run.

    Nothing is trained if a job's time is limited, since it was requested for one run.

    Args:
        checkpoint_folder: That of the own run.
        backend: The Keras backend of this process.
        started: `time.monotonic()` at the start of this job.
        stop: What requested a stop while the own run came to its end, in words; nothing is trained then.
        path: The plan.
    """
    if stop or DEADLINE in os.environ or not path.exists():
        return
    plan = read_json(path)
    end = started + 60 * plan["minutes"]
    waiting = [PackedRun.read(stored) for stored in plan["trainings"]]
    interruption.listen()
    try:
        with interruption.until(end):
            trained = 1
            for neighbour in neighbours(waiting, checkpoint_folder, backend):
                if trained >= plan["runs"] or interruption.requested():
                    return
                trained += _train(neighbour, plan["stamps"], checkpoint_folder, backend)
    except interruption.Stopped as stopped:
        log.info("%s; its own job continues it", stopped.message)
    finally:
        interruption.forget()


def neighbours(waiting: Sequence[PackedRun], own: Path, backend: Backend) -> Iterator[PackedRun]:
    """Yield the runs that this process could train, from the own one on, so that two processes seldom meet.

    Args:
        waiting: All trainings of the plan.
        own: Checkpoint folder of the own run.
        backend: The Keras backend of this process.
    """
    place = next((i for i, each in enumerate(waiting) if each.checkpoint_folder == own), None)
    if place is None:
        return
    this = waiting[place]
    engine = this.engine(backend)
    for each in (*waiting[place + 1 :], *waiting[:place]):
        if each.neighbourhood == this.neighbourhood and each.engine(backend) == engine:
            yield each


def _train(neighbour: PackedRun, stamps: Stamps, own: Path, backend: Backend) -> bool:
    """Train a run if it waits for that; return whether it was tried."""
    folder = neighbour.checkpoint_folder
    if not neighbour.is_waiting(stamps):
        return False
    with locked(lock_of(folder), f"process {os.getpid()}, the job of {own}") as held:
        if not held or not neighbour.is_waiting(stamps):  # its job may have begun, or even ended, meanwhile
            return False
        log.info("The own run is complete; goes on with %s", folder)
        begun = time.monotonic()
        try:
            by = f"the job of {own}"
            train_members(neighbour.run, neighbour.inputs, folder, backend, code=neighbour.code, trained_by=by)
        except ElemflowError as error:
            log.warning("%s: %s (left to its own job)", folder, error)
            _mark_failed(folder, str(error))
            return True
        except Exception as error:
            log.warning("%s: unexpected failure (left to its own job)", folder, exc_info=True)
            _mark_failed(folder, repr(error))
            return True
        log.info("%s: trained in %.1f s; its own job writes its outputs", folder, time.monotonic() - begun)
        return True


def _mark_failed(folder: Path, reason: str) -> None:
    if identity := CheckpointIdentity.read(folder):
        replace(identity, failed=reason).write(folder)


def _renewed(name: str, stamps: Stamps) -> bool:
    """Return whether a file that was to be made exists, and is not the old one."""
    return _stamp(name) not in (None, stamps.get(name))


def _stamp(name: str) -> int | None:
    try:
        return os.stat(name).st_mtime_ns
    except FileNotFoundError:
        return None


def _plain(value: str | Iterable[str]) -> str | list[str]:
    return str(value) if isinstance(value, str) else [str(each) for each in value]


def _files(inputs: Mapping[str, str | list[str]]) -> list[str]:
    return [name for value in inputs.values() for name in ([value] if isinstance(value, str) else value)]
