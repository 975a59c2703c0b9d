"""Search for an estimator and its parameters, judged on the validation part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.estimators.search import search
from elemflow.estimators.storage import save_estimator
from elemflow.training.data import MemberData
from elemflow.training.fitted import Fitted


def start(threads: int) -> dict[str, Any]:  # noqa: ARG001  set at each fit
    """See `elemflow.training.fitted.Fitter`."""
    return {"name": "scikit-learn", "device": "cpu"}


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:  # noqa: ARG001  the same for every run
    """See `elemflow.training.fitted.Fitter`."""
    return {"validation"}


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  nothing to keep
    """See `elemflow.training.fitted.Fitter`."""
    seed = cfg["protocol"]["training"]["seed"] + data.member
    found = search(cfg["model"], data.train, data.validation, seed=seed, threads=threads, label=label)
    history = [
        {"epoch": trial["trial"], "validation_mae": trial["validation_mae"], "seconds": trial["seconds"]}
        for trial in found.trials
    ]
    return Fitted(
        predict=lambda part: np.asarray(found.best.predict(part.x), dtype=np.float64),
        save=lambda to, name: save_estimator(found.best, to / f"{name}.skops"),
        history=history,
        facts={"epochs": 0, "trials": found.trials, "best_trial": found.best_trial},
        seconds=sum(trial["seconds"] for trial in found.trials),
    )
