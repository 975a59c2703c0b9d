"""Fitting of neural networks."""

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elemflow.core.errors import DataError, TrainingError
from elemflow.networks.build import build_network, check_inputs, load_network
from elemflow.training import interruption as stopping
from elemflow.training.data import ROLES, MemberData
from elemflow.training.fitter import Fitted, NotRun, Task, one_by_one
from elemflow.training.loop import (
    PROGRESS_SECONDS,
    FitResult,
    Job,
    Progress,
    engine_name,
    fit_fleet,
    fit_member,
    fleet_size,
    start_backend,
)

if TYPE_CHECKING:
    import keras

SHOWN = 3  # shapes in a message

log = logging.getLogger(__name__)


def engine(cfg: Mapping[str, Any], threads: int) -> str:
    """See `elemflow.training.fitter.Fitter`."""
    return engine_name(threads, cfg["protocol"]["training"]["engine"])


def start(cfg: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """See `elemflow.training.fitter.Fitter`; signals are noted from here on, see `elemflow.training.interruption`."""
    stopping.listen()
    return start_backend(threads, cfg["protocol"]["training"]["engine"])


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:
    """See `elemflow.training.fitter.Fitter`."""
    training = cfg["protocol"]["training"]
    if early := training["early_stopping"]:
        return {early["monitor"]}
    return {"validation"} if training["learning_rate_reduction"] else set()


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  set at the start
    """See `elemflow.training.fitter.Fitter`."""
    job = _job(cfg, Task(data, folder, label), PROGRESS_SECONDS)
    result = fit_member(
        job.model,
        data,
        cfg["protocol"],
        seed=job.seed,
        checkpoint=job.checkpoint,
        progress=job.progress,
        architecture=job.architecture,
    )
    return _fitted(job.model, result, 1)


def fit_all(
    cfg: Mapping[str, Any], tasks: Iterator[Task], threads: int
) -> Iterator[tuple[Task, Fitted | NotRun | TrainingError]]:
    """Fit members, on JAX several at once if the protocol and the memory say so; see `one_by_one`."""
    training = cfg["protocol"]["training"]
    size = fleet_size(training["parallel_members"])
    # A fleet computes with the first member's network, and one of the user's own may differ from it beyond its weights.
    if size == 1 or cfg["model"]["spec"]["family"] == "custom":
        yield from one_by_one(fit, cfg, tasks, threads)
        return
    from elemflow.training.jax_engine import members_with_room  # noqa: PLC0415  see start_backend

    while group := list(islice(tasks, size)):
        jobs = [_job(cfg, task, PROGRESS_SECONDS * len(group)) for task in group]
        room = members_with_room(jobs[0].model, [task.data.train for task in group], training["batch_size"])
        if room < len(jobs):
            log.info("the memory has room for %d members at once, of %d", room, len(jobs))
        for first in range(0, len(jobs), room):
            fleet = jobs[first : first + room]
            for number, outcome in fit_fleet(fleet, cfg["protocol"]):
                if isinstance(outcome, TrainingError):
                    yield group[first + number], outcome
                else:
                    yield group[first + number], _fitted(fleet[number].model, outcome, len(fleet))


def _job(cfg: Mapping[str, Any], task: Task, interval: float) -> Job:
    training, spec = cfg["protocol"]["training"], cfg["model"]["spec"]
    seed = cfg["protocol"]["seed"] + task.data.member
    for part in (getattr(task.data, role) for role in ROLES):
        check_inputs(spec, part.x, part.material_id)
    model = build_network(spec, task.data.train.x.shape[1], seed)
    if task.data.pretrained:
        _start_from(model, task.data.pretrained)
        log.info("%s: starts from %s", task.label, task.data.pretrained)
    progress = Progress(task.label, training["max_epochs"], interval)
    # A layer of the user's may keep what its configuration does not say, so that a copy may compute something else.
    architecture = "" if spec["family"] == "custom" else json.dumps([spec, task.data.train.x.shape[1]], sort_keys=True)
    return Job(model, task.data, seed, task.folder / "state.npz", progress, architecture)


def _start_from(model: "keras.Model", path: Path) -> None:
    """Give a network the weights of a stored one, statistics of batch normalisation included.

    Raises:
        DataError: The stored network has another shape.
    """
    stored = load_network(path).get_weights()
    own, others = ([weight.shape for weight in weights] for weights in (model.get_weights(), stored))
    if own != others:
        differing = [f"{other} instead of {shape}" for shape, other in zip(own, others, strict=False) if shape != other]
        raise DataError(
            f"{path}: these weights do not fit the network that is to start from them. It has {len(own)} arrays, the "
            f"file {len(others)}; different shapes: {', '.join(differing[:SHOWN]) or 'none'}. Both networks need the "
            "same `spec` and the same number of inputs; train the source run anew."
        )
    model.set_weights(stored)


def _save(model: "keras.Model", path: Path) -> None:
    """Save a network as Keras does, but without times and addresses, so that equal weights give equal bytes."""
    numbers: dict[int, int] = {}

    def renumber(value: dict[str, Any]) -> dict[str, Any]:
        if "shared_object_id" in value:
            value["shared_object_id"] = numbers.setdefault(value["shared_object_id"], len(numbers) + 1)
        return value

    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    about = {key: value for key, value in json.loads(parts["metadata.json"]).items() if key != "date_saved"}
    config = json.loads(parts["config.json"], object_hook=renumber)
    parts |= {"metadata.json": json.dumps(about).encode(), "config.json": json.dumps(config).encode()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980


def _fitted(model: "keras.Model", result: FitResult, fleet: int) -> Fitted:
    course, predict, memory = result
    steps = np.diff([0, *(entry["step"] for entry in course.history)])
    seconds = np.array([entry["seconds"] for entry in course.history])
    # The median leaves out the first steps of each start, which compile.
    epoch_seconds = float(np.median(seconds / steps)) * course.steps_per_epoch
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    facts = {
        "epochs": course.epoch,
        "steps": course.step,
        "best_epoch": course.best_entry and course.best_entry["epoch"],
        "weights_epoch": course.kept_entry["epoch"],
        "stopped": course.stopped,
        "parameters": {"trainable": trainable, "total": model.count_params()},
        "fleet": fleet,
        "seconds_per_epoch": round(epoch_seconds, 6),
        "rows_per_second": round(course.rows_per_epoch / epoch_seconds, 1),
        "device_memory_mb": memory,
    }
    return Fitted(
        predict=predict,
        save=lambda to, name: _save(model, to / f"{name}.keras"),
        history=course.history,
        facts=facts,
        seconds=float(seconds.sum()),
    )
