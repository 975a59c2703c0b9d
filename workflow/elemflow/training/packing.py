"""Packing of small runs: a job that has trained its own run goes on with others in the same process.

A network's job spends ten seconds and more on its start before it takes a step. So a job whose outputs are whole trains
its neighbours, the runs of the same dataset, property and representation that Snakemake is about to start, into their
own checkpoint folders. Each of them keeps its own job, which finds all members finished and writes the outputs. What
binds a checkpoint to its training (`elemflow.training.job`) also guards those that another process wrote.

Left out of code digests, like the plan out of rule parameters: who trains a run changes none of its numbers.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import ElemflowError
from elemflow.core.files import read_json, write_text
from elemflow.core.locks import locked
from elemflow.training import interruption as stopping
from elemflow.training.checkpoint import is_finished, lock_of, read_claim, write_claim
from elemflow.training.fitters import network
from elemflow.training.job import train_members

PLAN = Path("results/plan/packing.json")
SAME = ("dataset", "property", "representation")

log = logging.getLogger(__name__)


def write_plan(jobs: Iterable[Any], packing: Mapping[str, Any], path: Path = PLAN) -> None:
    """Write which trainings are about to run, for those that could train others along; remove an old plan if none may.

    Args:
        jobs: All jobs that Snakemake is about to run.
        packing: `packing` of the config.
        path: The plan.
    """
    path.unlink(missing_ok=True)
    if packing["runs"] == 1:
        return
    jobs = list(jobs)
    made = {str(file) for job in jobs for file in job.output}
    trainings: list[dict[str, Any]] = []
    stamps: dict[str, int | None] = {}
    for job in jobs:
        if job.rule.name != "train_model" or job.params.cfg["model"]["kind"] != "network":
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
    # Keys keep their order, which code of the user's may go by.
    write_text(path, json.dumps(dict(packing) | {"trainings": trainings, "stamps": stamps}, ensure_ascii=False))


def train_neighbours(checkpoint_folder: Path, threads: int, started: float, path: Path = PLAN) -> None:
    """Train runs that wait for their jobs, once the own run is whole; whatever happens to them, it stays so.

    Nothing is trained if a job's time is limited, since it was asked for with one run in mind.

    Args:
        checkpoint_folder: That of the own run.
        threads: CPU threads of this job.
        started: `time.monotonic()` at the start of this job.
        path: The plan.
    """
    if DEADLINE in os.environ or not path.exists():
        return
    plan = read_json(path)
    end = started + 60 * plan["minutes"]
    stopping.listen()
    try:
        with stopping.until(end):
            trained = 1
            for neighbour in _neighbours(plan, str(checkpoint_folder), threads):
                if trained >= plan["runs"] or stopping.requested():
                    return
                trained += _train(neighbour, plan["stamps"], checkpoint_folder, threads)
    except stopping.Stopped as stopped:
        log.info("%s; its own job goes on with it", stopped.message)
    except Exception:
        log.warning("A run beside the own one failed; it is left to its own job.", exc_info=True)
    finally:
        stopping.forget()


def _neighbours(plan: Mapping[str, Any], own: str, threads: int) -> Iterator[Mapping[str, Any]]:
    """Yield the runs that this process could train, from the own one on, so that two processes seldom meet."""
    trainings = plan["trainings"]
    place = next((i for i, each in enumerate(trainings) if each["checkpoint_folder"] == own), None)
    if place is None:
        return
    cfg = trainings[place]["cfg"]
    engine = network.engine(cfg, threads)
    for each in trainings[place + 1 :] + trainings[:place]:
        other = each["cfg"]
        if all(other["run"][key] == cfg["run"][key] for key in SAME) and network.engine(other, threads) == engine:
            yield each


def _train(neighbour: Mapping[str, Any], stamps: Mapping[str, Any], own: Path, threads: int) -> bool:
    """Train a run if it waits for that; return whether it did."""
    folder = Path(neighbour["checkpoint_folder"])
    if not _waits(neighbour, stamps):
        return False
    with locked(lock_of(folder), f"process {os.getpid()}, the job of {own}") as held:
        if not held or not _waits(neighbour, stamps):  # its job may have begun, or even ended, meanwhile
            return False
        log.info("The own run is whole; goes on with %s", folder)
        begun = time.monotonic()
        try:
            train_members(
                neighbour["cfg"],
                **neighbour["inputs"],
                checkpoint_folder=folder,
                threads=threads,
                code=neighbour["code"],
                trained_by=f"the job of {own}",
            )
        except ElemflowError as error:
            log.warning("%s: %s (left to its own job)", folder, error)
            write_claim(folder, (read_claim(folder) or {}) | {"failed": str(error)})
            return True
        log.info("%s: trained in %.1f s; its own job writes its outputs", folder, time.monotonic() - begun)
        return True


def _waits(training: Mapping[str, Any], stamps: Mapping[str, Any]) -> bool:
    """Tell whether a run has all inputs, is not done, and is neither trained nor tried by another process."""
    claim = read_claim(Path(training["checkpoint_folder"])) or {}
    if is_finished(claim) or "failed" in claim:
        return False
    return not _renewed(training["done"], stamps) and all(
        _renewed(name, stamps) if name in stamps else Path(name).exists() for name in _files(training["inputs"])
    )


def _renewed(name: str, stamps: Mapping[str, Any]) -> bool:
    """Tell whether a file that was to be made is there, and not the old one."""
    return _stamp(name) not in (None, stamps.get(name))


def _stamp(name: str) -> int | None:
    try:
        return os.stat(name).st_mtime_ns
    except FileNotFoundError:
        return None


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else [str(each) for each in value]


def _files(inputs: Mapping[str, Any]) -> list[str]:
    return [name for value in inputs.values() for name in ([value] if isinstance(value, str) else value)]
