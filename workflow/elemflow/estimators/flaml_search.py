"""AutoML with FLAML (Wang et al., MLSys 2021): a frugal local search that starts from cheap models.

FLAML normally has a budget in seconds and gives the next trial to the learner that pays most per second, so that its
result depends on the machine. Here the budget is in trials and the learners take turns.
"""

import json
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np

from elemflow.config.estimators import SEARCHABLE
from elemflow.config.model import SearchModel
from elemflow.estimators.hyperparameter_search import SearchResult, Trial
from elemflow.estimators.rows import Rows

log = logging.getLogger(__name__)

NAMES = {theirs: ours for ours, theirs in SEARCHABLE["flaml"].items()}


def search_with_flaml(
    model: SearchModel, train: Rows, validation: Rows, *, seed: int, threads: int, label: str
) -> SearchResult:
    """Fit `trials` estimators on the training set and keep the one with the lowest error on the validation set.

    Args:
        model: The search; its `trials` and `estimators` count.
        train: Training set; every trial sees all of it.
        validation: Validation set.
        seed: Seed of the search; the estimators have FLAML's own fixed seed.
        threads: Threads of every estimator.
        label: What is searched for, for the log.

    Returns:
        The best estimator, fitted on the training set, and all trials; equal arguments give equal results.
    """
    from flaml import AutoML  # noqa: PLC0415  heavy, and only this engine needs it

    logging.getLogger("flaml").setLevel(logging.WARNING)
    automl = AutoML()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        journal = Path(folder) / "trials.jsonl"
        automl.fit(
            train.x, train.y, X_val=validation.x, y_val=validation.y, task="regression", metric="mae",
            eval_method="holdout", estimator_list=[SEARCHABLE["flaml"][name] for name in model.estimators],
            max_iter=model.trials, time_budget=-1, learner_selector="roundrobin", seed=seed, n_jobs=threads,
            sample=False, retrain_full=False, skip_transform=True, early_stop=False, verbose=0, mlflow_logging=False,
            log_file_name=str(journal), log_type="all",
        )  # fmt: skip
        lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    trials: list[Trial] = []
    for line in lines:
        if "learner" in line:  # the last line names the best
            name, mae, seconds = NAMES[line["learner"]], line["validation_loss"], round(line["trial_time"], 3)
            error = mae if np.isfinite(mae) else None
            trials.append(Trial(len(trials) + 1, name, name, line["config"], error, seconds))
    errors = [np.inf if trial.validation_mae is None else trial.validation_mae for trial in trials]
    best_trial = errors.index(min(errors)) + 1
    log.info("%s: %d trials, best %s @ %d", label, len(trials), trials[best_trial - 1].model, best_trial)
    estimator = automl.model.estimator
    # Threads add up the trees' predictions in the order in which they finish, so the last bits would vary.
    estimator.set_params(n_jobs=1)
    return SearchResult(estimator, best_trial, trials)
