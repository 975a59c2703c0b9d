"""What models share that are chosen by trials, or that decline data: how they are judged, limits, and the result."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from elemflow.estimators.hyperparameter_search import Found
from elemflow.estimators.storage import save_estimator
from elemflow.training.data import MemberData
from elemflow.training.fitter import Fitted


def engine_on_cpu(cfg: Mapping[str, Any], threads: int) -> str:  # noqa: ARG001  the same for every run
    """See `elemflow.training.fitter.Fitter`."""
    return "scikit-learn"


def start_on_cpu(cfg: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """See `elemflow.training.fitter.Fitter`."""
    return {"name": engine_on_cpu(cfg, threads), "device": "cpu"}


def too_large(model: Mapping[str, Any], rows: int) -> str | None:
    """Return why a model is not fitted to so many training rows, or None."""
    limit = model.get("max_rows")
    return f"too large ({rows:,} training rows > {limit:,})" if limit and rows > limit else None


def folds_of(declared: Mapping[str, Any], data: MemberData) -> int | None:
    """Return the folds inside the training part that judge trials, or None if the validation part does.

    Args:
        declared: Keys `select_by` and `folds` of a model.
        data: The member; `auto` takes the validation part if it has rows.
    """
    by_validation = {"validation": True, "inner_cv": False, "auto": len(data.validation) > 0}
    return None if by_validation[declared["select_by"]] else int(declared["folds"])


def as_fitted(found: Found, **facts: Any) -> Fitted:
    """Return the winner of a search as a fitted member, with one row of history per trial."""
    history = [
        {"epoch": trial["trial"], "validation_mae": trial["validation_mae"], "seconds": trial["seconds"]}
        for trial in found.trials
    ]
    return Fitted(
        predict=lambda part: np.asarray(found.best.predict(part.x), dtype=np.float64),
        save=lambda to, name: save_estimator(found.best, to / f"{name}.skops"),
        history=history,
        facts={"epochs": 0, "trials": found.trials, "best_trial": found.best_trial} | facts,
        seconds=sum(trial["seconds"] for trial in found.trials),
    )
