"""The training job: members, outputs, scaling, and what survives a kill."""

import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories.training import NETWORK, train, write_inputs

from elemflow.core.errors import DataError, TrainingError
from elemflow.training import interruption, job
from elemflow.training.data import RunData
from elemflow.training.fitter import Task
from elemflow.training.fitters.network import NetworkFitter
from elemflow.training.scaling import load_scaling, load_target


def test_a_job_writes_all_outputs(tmp_path: Path, eager: None) -> None:
    write_inputs(tmp_path)
    out = train(tmp_path, NETWORK)
    predictions = pd.read_parquet(out["predictions"])
    order = predictions.sort_values(["member", "role", "material_id"], ignore_index=True)
    pd.testing.assert_frame_equal(predictions, order)
    assert set(predictions["role"]) == {"validation", "test"}
    assert not set(predictions["material_id"]) & {"m000", "m058", "m059"}
    history = pd.read_parquet(out["history"])
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6] * 2
    info = json.loads(out["run_info"].read_text())
    for member in ("0", "1"):
        facts = info["members"][member]
        assert facts["dropped_rows"] == {"without_features": 2, "without_value": 1}
        assert sum(facts["rows"].values()) == 57
        assert facts["seed"] == 7 + int(member)
        assert facts["seconds_predicting"] > 0
        assert facts["parameters"]["trainable"] < facts["parameters"]["total"]
    assert not out["checkpoint_folder"].exists()
    import keras

    model = keras.models.load_model(out["model_folder"] / "member-1.keras")
    data = RunData(
        [tmp_path / "part.parquet"], tmp_path / "materials.parquet", tmp_path / "split.parquet",
        dataset="toy", property_id="gap",
    )  # fmt: skip
    test = data.member(1, ["test"]).test
    stored = predictions.query("member == 1 and role == 'test'")["y_pred"]
    np.testing.assert_allclose(np.array(model(test.x))[:, 0], stored, rtol=1e-5, atol=1e-6)


def test_a_scaling_is_fitted_on_training_rows_and_kept_with_the_model(tmp_path: Path, eager: None) -> None:
    write_inputs(tmp_path)
    plain = pd.read_parquet(train(tmp_path, NETWORK)["predictions"])["y_pred"]
    out = train(tmp_path, NETWORK, {"ef": "standard"})
    predictions = pd.read_parquet(out["predictions"])
    assert not np.allclose(predictions["y_pred"], plain)
    import keras

    model = keras.models.load_model(out["model_folder"] / "member-1.keras")
    scaling = load_scaling(out["model_folder"] / "member-1.scaling.npz")
    data = RunData(
        [tmp_path / "part.parquet"], tmp_path / "materials.parquet", tmp_path / "split.parquet",
        dataset="toy", property_id="gap",
    )  # fmt: skip
    parts = data.member(1, ["test"])
    np.testing.assert_allclose(scaling.mean, parts.train.x.mean(axis=0), rtol=1e-5)
    stored = predictions.query("member == 1 and role == 'test'")["y_pred"]
    np.testing.assert_allclose(np.array(model(scaling.apply(parts.test.x)))[:, 0], stored, rtol=1e-5, atol=1e-6)


def test_a_target_is_learned_and_predictions_come_in_the_unit(tmp_path: Path, eager: None) -> None:
    write_inputs(tmp_path)
    keys = {"target_scaling": {"center": "median", "scale": "std"}, "clip_predictions": True}
    whole = pd.read_parquet(train(tmp_path, NETWORK)["predictions"])
    out = train(tmp_path, NETWORK, keys=keys)
    predictions, history = pd.read_parquet(out["predictions"]), pd.read_parquet(out["history"])
    pd.testing.assert_series_equal(predictions["y_true"], whole["y_true"])
    assert not np.allclose(predictions["y_pred"], whole["y_pred"])
    target = load_target(out["model_folder"] / "member-1.target.json")
    assert target.minimum == -5
    import keras

    model = keras.models.load_model(out["model_folder"] / "member-1.keras")
    data = RunData(
        [tmp_path / "part.parquet"], tmp_path / "materials.parquet", tmp_path / "split.parquet",
        dataset="toy", property_id="gap",
    )  # fmt: skip
    parts = data.member(1, ["test"])
    assert target.center == np.median(parts.train.y)
    stored = predictions.query("member == 1 and role == 'test'")["y_pred"]
    np.testing.assert_allclose(target.restore(np.array(model(parts.test.x))[:, 0]), stored, rtol=1e-5, atol=1e-6)
    errors = predictions.query("role == 'validation'").eval("abs(y_true - y_pred)")
    kept = history.groupby("member")["validation_mae"].min()
    np.testing.assert_allclose(errors.groupby(predictions["member"]).mean(), kept, rtol=1e-4)


def test_values_below_the_bound_are_refused_by_name(tmp_path: Path, eager: None) -> None:
    write_inputs(tmp_path)
    table = pd.read_parquet(tmp_path / "materials.parquet")
    table.loc[5, "gap"] = -5.5
    table.to_parquet(tmp_path / "materials.parquet")
    with pytest.raises(DataError, match=r"material 'm005' has the value -5\.5, and predictions are clipped"):
        train(tmp_path, NETWORK, keys={"clip_predictions": True})


def test_a_killed_job_keeps_finished_members(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_inputs(tmp_path)
    whole = train(tmp_path, NETWORK)["predictions"].read_bytes()
    fit = NetworkFitter.fit

    def killed(self: NetworkFitter, task: Task) -> Any:
        if task.data.member == 1:
            raise KeyboardInterrupt
        return fit(self, task)

    monkeypatch.setattr(NetworkFitter, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, NETWORK)
    monkeypatch.setattr(NetworkFitter, "fit", fit)
    with caplog.at_level(logging.INFO):
        out = train(tmp_path, NETWORK)
    assert "member 1/2: finished before, kept" in caplog.text
    assert out["predictions"].read_bytes() == whole
    assert json.loads(out["run_info"].read_text())["starts"] == 2


def test_a_checkpoint_of_other_settings_is_moved(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_inputs(tmp_path, members=1)
    monkeypatch.setattr(job, "_write_model_folder", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, NETWORK)
    monkeypatch.undo()
    out = train(tmp_path, NETWORK, max_epochs=2)
    assert "belongs to other settings" in caplog.text
    assert len(list(out["checkpoint_folder"].parent.glob("checkpoint.moved-*"))) == 1
    assert len(pd.read_parquet(out["history"])) == 2


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "estimator", "estimator": "random_forest", "parameters": {"n_estimators": 5}},
        {
            "kind": "search",
            "engine": "optuna",
            "trials": 4,
            "estimators": ["ridge", "decision_tree"],
            "standardise": True,
        },
    ],
)
def test_estimators_and_searches_write_the_same_files(tmp_path: Path, model: dict[str, Any]) -> None:
    write_inputs(tmp_path)
    first = train(tmp_path, model)["predictions"].read_bytes()
    out = train(tmp_path, model)
    assert out["predictions"].read_bytes() == first
    assert sorted(p.name for p in out["model_folder"].iterdir()) == ["member-0.skops", "member-1.skops", "model.json"]
    assert len(pd.read_parquet(out["history"])) == model.get("trials", 0) * 2


def test_a_role_without_rows_is_named(tmp_path: Path, eager: None) -> None:
    inputs = write_inputs(tmp_path, members=1)
    split = pd.read_parquet(inputs["split"])
    split[split["role"] != "validation"].to_parquet(inputs["split"])
    message = "dataset 'toy', property 'gap', member 0: no validation rows. The split has 0"
    with pytest.raises(DataError, match=message):
        train(tmp_path, NETWORK)
    with pytest.raises(DataError, match=message):
        train(tmp_path, {"kind": "search", "engine": "optuna", "trials": 1, "estimators": ["ridge"]})
    train(tmp_path, NETWORK, early_stopping={"monitor": "test", "patience": 3, "restore_best": True})


def test_a_diverged_member_does_not_keep_the_others_from_being_finished(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_inputs(tmp_path)
    fit = NetworkFitter.fit

    def diverges(self: NetworkFitter, task: Task) -> Any:
        if task.data.member == 0:
            raise TrainingError("member 1/2, epoch 3: the training loss is nan")
        return fit(self, task)

    monkeypatch.setattr(NetworkFitter, "fit", diverges)
    with pytest.raises(TrainingError, match=r"1 of 2 members failed.*\n.*epoch 3: the training loss is nan"):
        train(tmp_path, NETWORK)
    monkeypatch.undo()
    with caplog.at_level(logging.INFO):
        train(tmp_path, NETWORK)
    assert "member 2/2: finished before, kept" in caplog.text


def test_a_stop_between_members_keeps_the_finished_ones(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_inputs(tmp_path)
    finish = job._finish_member

    def signalled(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        finish(*arguments)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(job, "_finish_member", signalled)
    with pytest.raises(interruption.Stopped):
        train(tmp_path, NETWORK)
    assert caplog.messages[-1] == "stopped by SIGTERM before member 2/2; start the workflow again to continue"
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.undo()
    with caplog.at_level(logging.INFO):
        train(tmp_path, NETWORK)
    assert "member 1/2: finished before, kept" in caplog.text


def test_a_kill_while_the_working_state_is_removed_is_made_good(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rmtree = shutil.rmtree

    def killed(folder: Path | str, **options: Any) -> None:
        if Path(folder).name != "checkpoint":  # Keras removes folders, too
            return rmtree(folder, **options)
        Path(folder, "member-0/history.parquet").unlink()
        raise KeyboardInterrupt

    write_inputs(tmp_path)
    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, NETWORK)
    monkeypatch.undo()
    out = train(tmp_path, NETWORK)
    assert list(pd.read_parquet(out["history"])["epoch"]) == [1, 2, 3, 4, 5, 6] * 2


def test_equal_trainings_give_equal_bytes_of_the_networks(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_inputs(tmp_path)
    stored = []
    for day in (1, 2):
        monkeypatch.setattr(time, "time", lambda day=day: 1.8e9 + 86400 * day)
        out = train(tmp_path, NETWORK)
        stored.append((out["model_folder"] / "member-1.keras").read_bytes())
    assert stored[0] == stored[1]


JOB = """
import sys, time
from functools import partial
from pathlib import Path
sys.path[:0] = {paths!r}
from factories import training
from elemflow.training import interruption
from elemflow.training.fitters import network
from elemflow.training.progress import Progress

folder, gate = Path(sys.argv[1]), int(sys.argv[2])


class Gate(Progress):
    def validated(self, state, simultaneous=1):
        if len(state.history.rows) == gate:
            (folder / f"reached-{{gate}}").touch()
            while not interruption.requested():
                time.sleep(0.01)


network.Progress = Gate
network.fit_member = partial(network.fit_member, checkpoint_seconds=0)
training.train(folder, training.NETWORK, max_epochs=60)
"""


def _start(folder: Path, gate: int) -> subprocess.Popen[str]:
    """Start a job that writes a checkpoint after every epoch and waits after that epoch for a signal; none waits."""
    paths = [str(Path(__file__).parents[2]), str(Path(job.__file__).parents[2])]
    command = [sys.executable, "-c", JOB.format(paths=paths), str(folder), str(gate)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_job_killed_at_random_epochs_gives_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    rng = np.random.default_rng()
    gates = {signal.SIGKILL: int(rng.integers(3, 25)), signal.SIGTERM: int(rng.integers(30, 55))}
    for number in (signal.SIGKILL, signal.SIGTERM, None):
        gate = gates[number] if number else 0
        process = _start(tmp_path, gate)
        if number:
            while not (tmp_path / f"reached-{gate}").exists():
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.01)
            process.send_signal(number)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == {None: 0, signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 75}[number], errors
    killed = (tmp_path / "out" / "predictions.parquet").read_bytes()
    assert train(tmp_path, NETWORK, max_epochs=60)["predictions"].read_bytes() == killed
