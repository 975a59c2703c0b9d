"""Searches over networks: what is chosen, what is resumed, and what is recorded."""

import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories.toy import SPEC
from factories.training import train, write_inputs

from elemflow.core.files import read_json
from elemflow.training import interruption
from elemflow.training.fitters import network_search
from elemflow.training.fitters.network import NetworkFitter

SEARCH = {
    "kind": "network_search",
    "spec": SPEC,
    "trials": 4,
    "sampler": "tpe",
    "space": {
        "spec.stacks": {
            "shallow": [{"width": 6, "layers": 1}],
            "deep": [{"width": 6, "layers": 2}, {"width": 4, "layers": 1}],
        },
        "training.optimizer.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "training.batch_size": [8, 16],
    },
}
TRAINING = {"max_epochs": 3}


def facts_of(outputs: dict[str, Path], member: int = 0) -> dict:
    return read_json(outputs["run_info"])["members"][str(member)]


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("searched")
    write_inputs(folder)
    return train(folder, SEARCH, **TRAINING)


def test_the_trial_with_the_lowest_validation_error_wins(searched):
    for member in range(2):
        facts = facts_of(searched, member)
        errors = [trial["validation_mae"] for trial in facts["trials"]]
        assert [trial["trial"] for trial in facts["trials"]] == [1, 2, 3, 4]
        assert facts["best_trial"] == 1 + int(np.argmin(errors))
        assert set(facts["trials"][0]["parameters"]) == set(SEARCH["space"])
    history = pd.read_parquet(searched["history"]).query("member == 0")
    assert history["validation_mae"].tolist() == [trial["validation_mae"] for trial in facts_of(searched)["trials"]]


def test_predictions_are_those_of_the_stored_network(searched):
    from elemflow.networks.build import load_network

    facts = facts_of(searched)
    network = load_network(searched["model_folder"] / "member-0.keras")
    assert network.count_params() == facts["parameters"]["total"]
    predictions = pd.read_parquet(searched["predictions"]).query("member == 0 and role == 'validation'")
    error = (predictions["y_pred"] - predictions["y_true"]).abs().mean()
    assert error == pytest.approx(facts["trials"][facts["best_trial"] - 1]["validation_mae"], rel=1e-5)


def test_a_search_that_is_stopped_goes_on_with_the_next_trial(searched, tmp_path, monkeypatch):
    write_inputs(tmp_path)
    fitted: list[str] = []
    fit = NetworkFitter.fit

    def stop_in_the_third(self, task):
        fitted.append(task.folder.name)
        if len(fitted) == 3:
            raise interruption.Stopped("stopped by a test", signal.SIGTERM.name)
        return fit(self, task)

    monkeypatch.setattr(NetworkFitter, "fit", stop_in_the_third)
    with pytest.raises(interruption.Stopped):
        train(tmp_path, SEARCH, **TRAINING)
    outputs = train(tmp_path, SEARCH, **TRAINING)
    assert fitted[:4] == ["1", "2", "3", "3"]
    assert outputs["predictions"].read_bytes() == searched["predictions"].read_bytes()
    for member in range(2):
        parameters = [
            [trial["parameters"] for trial in facts_of(each, member)["trials"]] for each in (outputs, searched)
        ]
        assert parameters[0] == parameters[1]


def test_the_same_choice_is_trained_once(tmp_path, monkeypatch):
    write_inputs(tmp_path, members=1)
    trained: list[str] = []
    fit = NetworkFitter.fit
    monkeypatch.setattr(NetworkFitter, "fit", lambda self, task: trained.append(task.label) or fit(self, task))
    space = {"training.loss": ["mae", "mse"]}
    outputs = train(tmp_path, SEARCH | {"space": space, "trials": 6, "sampler": "random"}, **TRAINING)
    assert len(trained) == 2
    states = [trial["state"] for trial in facts_of(outputs)["trials"]]
    assert (states.count(network_search.COMPLETE), states.count(network_search.REPEATED)) == (2, 4)


def test_a_grid_has_no_more_trials_than_points(tmp_path):
    write_inputs(tmp_path, members=1)
    optimizers = {"Adam": {"name": "adam", "learning_rate": 0.01}, "momentum": {"name": "sgd", "learning_rate": 0.01,
                  "momentum": 0.9}}  # fmt: skip
    space = {"training.optimizer": optimizers, "spec.activation": {"tanh": {"name": "tanh"}, "ReLU": {"name": "relu"}}}
    facts = facts_of(train(tmp_path, SEARCH | {"space": space, "trials": 9, "sampler": "grid"}, **TRAINING))
    tried = {tuple(trial["parameters"].items()) for trial in facts["trials"]}
    assert len(facts["trials"]) == len(tried) == 4
    assert facts["chosen"].startswith(("activation tanh, optimizer", "activation ReLU, optimizer"))


def test_trials_behind_the_others_are_pruned(tmp_path):
    write_inputs(tmp_path, members=1)
    space = {"training.optimizer.learning_rate": [0.02, 0.03, 0.04, 0.05, 1e-9, 2e-9, 3e-9, 4e-9]}
    search = SEARCH | {"space": space, "trials": 8, "sampler": "grid", "prune_after": 1}
    trials = facts_of(train(tmp_path, search, max_epochs=6))["trials"]
    best = min(trial["validation_mae"] for trial in trials)
    pruned = [trial for trial in trials if trial["state"] == network_search.PRUNED]
    assert pruned
    assert all(trial["epochs"] < 6 and trial["validation_mae"] > best for trial in pruned)
    assert {trial["epochs"] for trial in trials if trial["state"] == network_search.COMPLETE} == {6}


def test_trials_that_diverge_do_not_end_the_search(tmp_path):
    write_inputs(tmp_path, members=1)
    space = {
        "training.optimizer": {
            "wild": {"name": "sgd", "learning_rate": 1e30},
            "calm": {"name": "sgd", "learning_rate": 0.01},
        }
    }
    facts = facts_of(train(tmp_path, SEARCH | {"space": space, "sampler": "grid"}, **TRAINING))
    states = {trial["parameters"]["training.optimizer"]: trial["state"] for trial in facts["trials"]}
    assert states == {"wild": network_search.FAILED, "calm": network_search.COMPLETE}
