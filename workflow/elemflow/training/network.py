"""Fitting of a neural network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.networks.registry import build_network, check_inputs
from elemflow.training import stopping
from elemflow.training.data import ROLES, MemberData
from elemflow.training.fitted import Fitted
from elemflow.training.loop import Progress, fit_member, start_backend


def start(threads: int) -> dict[str, Any]:
    """See `elemflow.training.fitted.Fitter`; signals are noted from here on, see `elemflow.training.stopping`."""
    stopping.listen()
    return start_backend(threads)


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:
    """See `elemflow.training.fitted.Fitter`."""
    training = cfg["protocol"]["training"]
    if early := training["early_stopping"]:
        return {early["monitor"]}
    return {"validation"} if training["learning_rate_reduction"] else set()


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  set at the start
    """See `elemflow.training.fitted.Fitter`."""
    training = cfg["protocol"]["training"]
    seed = training["seed"] + data.member
    for part in (getattr(data, role) for role in ROLES):
        check_inputs(cfg["model"]["spec"], part.x, part.material_id)
    model = build_network(cfg["model"]["spec"], data.train.x.shape[1], seed)
    progress = Progress(label, training["max_epochs"])
    course, predict, memory = fit_member(
        model, data, cfg["protocol"], seed=seed, checkpoint=folder / "state.npz", progress=progress
    )
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
        "seconds_per_epoch": round(epoch_seconds, 6),
        "rows_per_second": round(course.rows_per_epoch / epoch_seconds, 1),
        "device_memory_mb": memory,
    }
    return Fitted(
        predict=predict,
        save=lambda to, name: model.save(to / f"{name}.keras"),
        history=course.history,
        facts=facts,
        seconds=float(seconds.sum()),
    )
