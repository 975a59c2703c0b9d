"""The training job, and what survives a kill."""

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

from elemflow.training import interruption, job, members, outputs
from elemflow.training.fitter import Task
from elemflow.training.fitters.network import NetworkFitter


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
    monkeypatch.setattr(outputs, "_write_model_folder", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, NETWORK)
    monkeypatch.undo()
    out = train(tmp_path, NETWORK, max_epochs=2)
    assert "belongs to other settings" in caplog.text
    assert len(list(out["checkpoint_folder"].parent.glob("checkpoint.moved-*"))) == 1
    assert len(pd.read_parquet(out["history"])) == 2


def test_a_stop_between_members_keeps_the_finished_ones(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_inputs(tmp_path)
    finish = members.finish_member

    def signalled(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        finish(*arguments)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(members, "finish_member", signalled)
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


def test_the_history_has_the_error_on_the_test_set_where_the_protocol_records_it(tmp_path):
    write_inputs(tmp_path)
    keys = {"target_scaling": {"center": "mean", "scale": "std"}, "clip_predictions": False}
    outputs = train(tmp_path, NETWORK, keys=keys, record_test=True, max_epochs=3)
    history = pd.read_parquet(outputs["history"])
    predictions = pd.read_parquet(outputs["predictions"]).query("role == 'test'")
    errors = (predictions["y_pred"] - predictions["y_true"]).abs().groupby(predictions["member"]).mean()
    chosen = history.loc[history.groupby("member")["validation_mae"].idxmin()].set_index("member")["test_mae"]
    np.testing.assert_allclose(chosen, errors, rtol=1e-6)
