"""Fitting of one estimator with fixed parameters."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.estimators.registry import fit_estimator, make_estimator
from elemflow.estimators.storage import save_estimator
from elemflow.training.data import MemberData
from elemflow.training.fitted import Fitted

log = logging.getLogger(__name__)


def start(threads: int) -> dict[str, Any]:  # noqa: ARG001  set at each fit
    """See `elemflow.training.fitted.Fitter`."""
    return {"name": "scikit-learn", "device": "cpu"}


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:  # noqa: ARG001  the same for every run
    """See `elemflow.training.fitted.Fitter`."""
    return set()


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  nothing to keep
    """See `elemflow.training.fitted.Fitter`."""
    seed = cfg["protocol"]["training"]["seed"] + data.member
    estimator = make_estimator(cfg["model"]["estimator"], cfg["model"].get("parameters", {}), seed, threads)
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
