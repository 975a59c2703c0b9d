"""Fitting of one estimator, with fixed parameters or with the best point of its grid."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.estimators.build import fit_estimator, make_estimator
from elemflow.estimators.hyperparameter_search import declared_grid, search
from elemflow.estimators.storage import save_estimator
from elemflow.training.data import MemberData
from elemflow.training.fitter import Fitted, NotRun
from elemflow.training.fitters.common import as_fitted, engine_on_cpu, folds_of, start_on_cpu, too_large

log = logging.getLogger(__name__)

engine, start = engine_on_cpu, start_on_cpu


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:
    """See `elemflow.training.fitter.Fitter`."""
    return {"validation"} if cfg["model"].get("search", {}).get("select_by") == "validation" else set()


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  nothing to keep
    """See `elemflow.training.fitter.Fitter`."""
    model = cfg["model"]
    if reason := too_large(model, len(data.train)):
        raise NotRun(reason)
    seed = cfg["protocol"]["seed"] + data.member
    if "search" in model:
        folds = folds_of(model["search"], data)
        trials = [declared_grid(cfg["run"]["model"], model, seed)]
        found = search(trials, data.train, data.validation, folds=folds, seed=seed, threads=threads, label=label)
        return as_fitted(found, folds=folds)
    estimator = make_estimator(model["estimator"], model.get("parameters", {}), seed, threads)
    started = time.monotonic()
    fit_estimator(estimator, data.train.x, data.train.y, threads)
    seconds = time.monotonic() - started
    log.info("%s: fitted in %.1f s", label, seconds)
    return Fitted(
        predict=lambda part: np.asarray(estimator.predict(part.x), dtype=np.float64),
        save=lambda to, name: save_estimator(estimator, to / f"{name}.skops"),
        history=[],
        facts={"epochs": 0},
        seconds=seconds,
    )
