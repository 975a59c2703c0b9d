"""Runs trained by the job of another: the same bytes, and nothing lost whatever happens."""

import logging
import os
import re
import signal
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories import training
from factories.toy import PROTOCOL, SPEC
from factories.training import process_backend

from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import TrainingError
from elemflow.core.files import read_json
from elemflow.core.locks import locked
from elemflow.training import interruption, packing
from elemflow.training import job as job_module
from elemflow.training.backend import EngineInfo
from elemflow.training.fitter import Fitted, Task
from elemflow.training.fitters.network import NetworkFitter
from elemflow.training.job import train_run
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs, RunOutputs
from elemflow.training.state import HistoryRow

NAMES = ("a", "b", "c")
INPUTS: dict[str, Any] = {"features": ["part.parquet"], "materials": "materials.parquet", "split": "split.parquet"}


def _cfg(name: str, epochs: int = 2) -> dict[str, Any]:
    ids = {"dataset": "toy", "property": "gap", "representation": "ef", "model": name, "protocol": "p"}
    stacks = [{"width": 6 + NAMES.index(name), "layers": 1, "dropout": 0.2}]
    return {
        "run": ids,
        "property": {"unit": "eV"},
        "model": {"kind": "network", "spec": SPEC | {"stacks": stacks}},
        "protocol": PROTOCOL | {"training": PROTOCOL["training"] | {"max_epochs": epochs}},
    }


def _job(name: str, **cfg: Any) -> SimpleNamespace:
    files = {key: f"runs/{name}/{key}" for key in ("predictions", "history", "run_info", "model")}
    output = type("Output", (list,), files)(files.values())
    params = SimpleNamespace(cfg=_cfg(name, **cfg), code="0", checkpoints=f"checkpoints/{name}")
    return SimpleNamespace(rule=SimpleNamespace(name="train_model"), params=params, input=INPUTS, output=output)


def _plan(*names: str, runs: int = 8, minutes: float = 10) -> None:
    packing.write_plan([_job(name) for name in names], {"runs": runs, "minutes": minutes})


def _train(name: str, then: Callable[[str | None], None] | None = None, **cfg: Any) -> dict[str, Path]:
    folder = Path("runs", name)
    out = {key: folder / key for key in ("predictions", "history", "run_info")} | {"model_folder": folder / "model"}
    outputs = RunOutputs(**out, checkpoint_folder=Path("checkpoints", name))
    run, inputs = RunConfig.from_params(_cfg(name, **cfg)), RunInputs.from_names(**INPUTS)
    train_run(run, inputs, outputs, process_backend(), code="0", then=then)
    return out


def _packing(name: str, started: float | None = None) -> Callable[[str | None], None]:
    return partial(packing.train_neighbours, Path("checkpoints", name), process_backend(), started or time.monotonic())


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training.write_inputs(tmp_path, members=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DEADLINE, raising=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the training where only what lies around it matters."""

    def fit(self: NetworkFitter, task: Task) -> Fitted:
        epochs = self.settings.training.max_epochs
        history = [HistoryRow(epoch, 1.0, 0.1) for epoch in range(epochs)]
        return Fitted(lambda rows: np.full(len(rows), epochs), lambda to, name: None, history, {"epochs": epochs}, 0.1)

    monkeypatch.setattr(NetworkFitter, "start", lambda self: EngineInfo("tensorflow", "cpu"))
    monkeypatch.setattr(NetworkFitter, "fit", fit)


def _trained() -> list[str]:
    identities = {path.parent.name: read_json(path) for path in Path("checkpoints").glob("*/identity.json")}
    return sorted(name for name, identity in identities.items() if identity["finished"])


def _bytes(out: dict[str, Path]) -> list[Any]:
    """Return all that must not depend on who trained."""
    with zipfile.ZipFile(out["model_folder"] / "member-0.keras") as archive:
        config = re.sub(r'"shared_object_id": \d+', "", archive.read("config.json").decode())  # an address in memory
    import keras

    weights = [
        value.tobytes() for value in keras.models.load_model(out["model_folder"] / "member-0.keras").get_weights()
    ]
    history = pd.read_parquet(out["history"]).drop(columns="seconds")
    return [out["predictions"].read_bytes(), history.to_csv(), config, weights]


def test_a_packed_run_has_the_bytes_of_one_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = {"b": _bytes(_train("b"))}
    _plan("a", "b")
    _train("a", _packing("a"))
    assert _trained() == ["b"]
    assert not Path("checkpoints/a").exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    monkeypatch.setattr(NetworkFitter, "start", lambda self: pytest.fail("the framework is started for nothing"))
    for name, expected in alone.items():
        out = _train(name, _packing(name))
        assert _bytes(out) == expected
        info = read_json(out["run_info"])
        assert info["trained_by"] == "the job of checkpoints/a"
        assert info["engine"] == {"name": "tensorflow", "device": "cpu"}
    assert not list(Path("checkpoints").iterdir())


def test_a_signal_as_the_own_run_ends_starts_no_other(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _plan("a", "b")
    fit = NetworkFitter.fit

    def signalled(self: NetworkFitter, task: Task) -> Fitted:
        interruption.listen()
        fitted = fit(self, task)
        signal.raise_signal(signal.SIGTERM)  # after the last segment
        return fitted

    monkeypatch.setattr(NetworkFitter, "fit", signalled)
    out = _train("a", _packing("a"))
    assert out["run_info"].exists()
    assert not Path("checkpoints/b").exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_stop_during_a_neighbour_keeps_both(eager: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _train("b")["predictions"].read_bytes()
    _plan("a", "b")
    train = packing.train_members

    def stopped(*args: Any, **kwargs: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return train(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(packing, "train_members", stopped)
        out = _train("a", _packing("a"))
    assert out["run_info"].exists()
    assert [path.name for path in Path("checkpoints").iterdir()] == ["b"]
    assert _train("b")["predictions"].read_bytes() == whole


def test_a_kill_during_a_neighbour_costs_the_own_run_no_training(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    _plan("a", "b")
    monkeypatch.setattr(packing, "train_members", killed)
    with pytest.raises(KeyboardInterrupt):
        _train("a", _packing("a"))
    whole = Path("runs/a/predictions").read_bytes()
    monkeypatch.setattr(NetworkFitter, "start", lambda self: pytest.fail("nothing is left to train"))
    Path("runs/a/predictions").unlink()  # as Snakemake does with what a failed job made
    assert _train("a")["predictions"].read_bytes() == whole


def test_a_neighbour_that_fails_is_left_to_its_own_job(
    quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fit = NetworkFitter.fit

    def diverges(self: NetworkFitter, task: Task) -> Any:
        if self.run.run.model == "b":
            raise TrainingError("the training loss is nan")
        return fit(self, task)

    with monkeypatch.context() as patch:
        patch.setattr(NetworkFitter, "fit", diverges)
        _plan(*NAMES)
        _train("a", _packing("a"))
        assert "the training loss is nan" in caplog.text
        assert _trained() == ["c"]
        with caplog.at_level(logging.INFO):
            _train("c", _packing("c"))
        assert "goes on with" not in caplog.text.rpartition("finished before")[2], "what failed is not tried again"
        with pytest.raises(TrainingError):
            _train("b")
    assert _train("b")["run_info"].exists()


def test_an_unexpected_failure_does_not_harm_the_own_run(
    quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _plan("a", "b")
    monkeypatch.setattr(packing, "train_members", lambda *_, **__: 1 / 0)
    assert _train("a", _packing("a"))["run_info"].exists()
    assert "ZeroDivisionError" in caplog.text
    assert not Path("checkpoints/a").exists()


def test_another_training_in_the_same_folder_is_moved(quick: None, caplog: pytest.LogCaptureFixture) -> None:
    _plan("a", "b")
    _train("a", _packing("a"))
    out = _train("b", epochs=3)
    assert "belongs to other settings" in caplog.text
    assert len(pd.read_parquet(out["history"])) == 3


@pytest.mark.parametrize(
    ("limits", "trained"),
    [({"runs": 2}, ["b"]), ({"runs": 8, "minutes": 1e-9}, []), ({"runs": 1}, []), ({}, ["b", "c"])],
)
def test_limits(quick: None, limits: dict[str, Any], trained: list[str]) -> None:
    _plan(*NAMES, **limits)
    _train("a", _packing("a"))
    assert _trained() == trained


def test_a_job_of_limited_time_trains_its_own_run_alone(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _plan(*NAMES)
    monkeypatch.setenv(DEADLINE, f"{time.time() + 1e6:.0f}")
    _train("a", _packing("a"))
    assert _trained() == []


def test_a_run_that_another_process_trains_is_passed_over(quick: None) -> None:
    _plan(*NAMES)
    with locked("checkpoints/b.lock", "someone"):
        _train("a", _packing("a"))
    assert _trained() == ["c"]


def test_only_what_waits_for_its_job_and_has_new_inputs_is_trained(quick: None) -> None:
    jobs = [_job(name) for name in NAMES]
    Path("runs/b").mkdir(parents=True)
    Path("runs/b/run_info").write_text("of an older training")
    split = SimpleNamespace(rule=SimpleNamespace(name="split_dataset"), output=["split.parquet"])
    packing.write_plan([split, *jobs], {"runs": 8, "minutes": 10})
    _train("a", _packing("a"))
    assert _trained() == [], "the split is about to be written again"
    os.utime("split.parquet", (1, 1))
    _train("a", _packing("a"))
    assert _trained() == ["b", "c"]
    for name in ("b", "c"):
        _train(name)
    Path("runs/a/run_info").unlink()
    _train("a", _packing("a"))
    assert _trained() == [], "both are done"


def test_neighbours_share_dataset_property_representation_and_engine() -> None:
    def packed(name: str, folder: str, representation: str = "ef", **training: Any) -> packing.PackedRun:
        cfg = _cfg(name)
        cfg["run"]["representation"] = representation
        cfg["protocol"] = PROTOCOL | {"training": PROTOCOL["training"] | training}
        inputs = RunInputs.from_names(**INPUTS)
        return packing.PackedRun(RunConfig.from_params(cfg), "0", inputs, Path(folder), "done")

    waiting = [
        packed("a", "a"),
        packed("b", "b"),
        packed("c", "c", "pa"),
        packed("c", "d"),
        packed("c", "e", engine="jax"),
    ]
    found = packing.neighbours(waiting, Path("b"), process_backend())
    assert [each.checkpoint_folder.name for each in found] == ["d", "a"]
    assert not list(packing.neighbours(waiting, Path("unknown"), process_backend()))


def test_estimators_are_not_in_the_plan() -> None:
    forest = _job("a")
    forest.params.cfg["model"] = {"kind": "estimator", "estimator": "ridge"}
    packing.write_plan([forest, _job("b")], {"runs": 8, "minutes": 10})
    assert [each["checkpoint_folder"] for each in read_json(packing.PLAN)["trainings"]] == ["checkpoints/b"]
    packing.write_plan([_job("b")], {"runs": 1, "minutes": 10})
    assert not packing.PLAN.exists()


def test_a_waiting_job_takes_over_when_the_other_is_done(quick: None, caplog: pytest.LogCaptureFixture) -> None:
    wait = job_module._Wait(Path("checkpoints/b"))
    with caplog.at_level(logging.INFO):
        wait("the job of a")
        wait("the job of a")
    assert [record.message for record in caplog.records].count(
        "checkpoints/b: locked by the job of a, which trains it; waits"
    ) == 1
    signal_handler = signal.getsignal(signal.SIGTERM)
    interruption.listen()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(interruption.Stopped):
        wait("the job of a")
    interruption.forget()
    assert signal.getsignal(signal.SIGTERM) is signal_handler


def test_folders_of_damaged_identity_are_moved(quick: None, caplog: pytest.LogCaptureFixture) -> None:
    for damaged in (b"{", b"\xff\xfe", b"[]", b'{"digest": "1"}'):
        Path("checkpoints/a").mkdir(parents=True)
        Path("checkpoints/a/identity.json").write_bytes(damaged)
        caplog.clear()
        assert _train("a")["run_info"].exists()
        assert "checkpoints/a cannot be continued, since its identity.json is absent or damaged" in caplog.text
        assert "checkpoints/a.moved-unknown" in caplog.text
    assert Path("checkpoints/a.moved-unknown/identity.json").read_bytes() == damaged
