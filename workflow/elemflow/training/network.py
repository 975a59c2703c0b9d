"""Fitting of a neural network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.networks.registry import build_network, check_inputs
from elemflow.training.data import ROLES, MemberData
from elemflow.training.fitted import Fitted
from elemflow.training.loop import Progress, fit_member, start_backend

start = start_backend


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:
    """See `elemflow.training.fitted.Fitter`."""
    stopping = cfg["protocol"]["training"]["early_stopping"]
    return {stopping["monitor"]} if stopping else set()


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  set at the start
    """See `elemflow.training.fitted.Fitter`."""
    training = cfg["protocol"]["training"]
    seed = training["seed"] + data.member
    for part in (getattr(data, role) for role in ROLES):
        check_inputs(cfg["model"]["spec"], part.x, part.material_id)
    model = build_network(cfg["model"]["spec"], data.train.x.shape[1], seed)
    result = fit_member(
        model, data, training, seed=seed, checkpoint=folder / "state.npz", progress=Progress(label)
    )  # fmt: skip
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    facts = {
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "weights_epoch": result.weights_epoch,
        "stopped": result.stopped,
        "parameters": {"trainable": trainable, "total": model.count_params()},
    }
    return Fitted(
        predict=result.predict,
        save=lambda to, name: model.save(to / f"{name}.keras"),
        history=result.history,
        facts=facts,
        seconds=sum(entry["seconds"] for entry in result.history),
    )
