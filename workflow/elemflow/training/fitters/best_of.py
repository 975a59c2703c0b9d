"""The best of several declared models, judged under equal conditions."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.estimators.hyperparameter_search import declared_grid, search
from elemflow.training.data import MemberData
from elemflow.training.fitter import Fitted, NotRun
from elemflow.training.fitters.common import as_fitted, engine_on_cpu, folds_of, start_on_cpu, too_large

log = logging.getLogger(__name__)

engine, start = engine_on_cpu, start_on_cpu


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:
    """See `elemflow.training.fitter.Fitter`."""
    return {"validation"} if cfg["model"]["select_by"] == "validation" else set()


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  nothing to keep
    """See `elemflow.training.fitter.Fitter`."""
    model, rows = cfg["model"], len(data.train)
    left_out = {name: reason for name, each in model["candidates"].items() if (reason := too_large(each, rows))}
    for name, reason in left_out.items():
        log.info("%s: %s left out, %s", label, name, reason)
    if len(left_out) == len(model["candidates"]):
        raise NotRun(next(iter(left_out.values())))
    seed, folds = cfg["protocol"]["seed"] + data.member, folds_of(model, data)
    trials = [
        declared_grid(name, each, seed, model["trials"])
        for name, each in model["candidates"].items()
        if name not in left_out
    ]
    found = search(trials, data.train, data.validation, folds=folds, seed=seed, threads=threads, label=label)
    return as_fitted(found, chosen=found.winner["model"], folds=folds, left_out=left_out)
