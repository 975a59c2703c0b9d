"""AutoML: a search for an estimator and its parameters, judged on the validation part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.estimators import flaml_search
from elemflow.estimators.hyperparameter_search import search
from elemflow.estimators.optuna_spaces import optuna_trials
from elemflow.training.data import MemberData
from elemflow.training.fitter import Fitted
from elemflow.training.fitters.common import as_fitted, engine_on_cpu, start_on_cpu

engine, start = engine_on_cpu, start_on_cpu


def chosen_by(cfg: Mapping[str, Any]) -> set[str]:  # noqa: ARG001  the same for every run
    """See `elemflow.training.fitter.Fitter`."""
    return {"validation"}


def fit(cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:  # noqa: ARG001  nothing to keep
    """See `elemflow.training.fitter.Fitter`."""
    model, parts = cfg["model"], (data.train, data.validation)
    seed = cfg["protocol"]["seed"] + data.member
    if model["engine"] == "flaml":
        found = flaml_search.search(model, *parts, seed=seed, threads=threads, label=label)
    else:
        trials = optuna_trials(model, len(data.train), seed, label)
        found = search([trials], *parts, seed=seed, threads=threads, label=label)
    return as_fitted(found, chosen=found.winner["model"])
