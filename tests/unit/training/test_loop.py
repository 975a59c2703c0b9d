"""The training loop on networks of a few dozen weights: resume, best weights, stops, inference-mode overrides."""

import logging
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories.toy import SEED, SPEC, build, make_settings
from factories.training import process_backend

from elemflow.config.protocol import Optimizer
from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import TrainingError
from elemflow.training import interruption as stopping
from elemflow.training import loop, progress
from elemflow.training import state as training_state
from elemflow.training.data import MemberData, RoleData
from elemflow.training.engine import FitResult, TrainingJob
from elemflow.training.progress import Progress
from elemflow.training.state import TrainingState

LINEAR = {
    "family": "dense",
    "stacks": [{"width": 6, "layers": 1}],
    "order": ["dense", "activation"],
    "activation": {"name": "tanh"},
    "shortcut": "none",
}


def _part(rows: int, seed: int, sign: float = 1.0) -> RoleData:
    x = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    return RoleData(
        np.array([f"m{seed}-{i:03d}" for i in range(rows)], dtype=object), x, sign * x.sum(axis=1, dtype=float)
    )


DATA = MemberData(0, _part(42, 0), _part(20, 1), _part(20, 2), {})


class _Interrupt(Progress):
    """Stop the process, as a scheduler would, after an epoch and before its checkpoint."""

    def __init__(self, after: int):
        super().__init__("member 1/1", 6)
        self._after = after

    def validated(self, state: TrainingState, simultaneous: int = 1) -> None:
        if len(state.history.rows) == self._after:
            raise KeyboardInterrupt


class Fit:
    """The trained network and what a test reads of it."""

    def __init__(self, result: FitResult):
        self.state, self.predict = result.state, result.predict
        self.history, self.stopped = result.state.history.rows, result.state.stopped
        self.best_row = result.state.history.best_row
        self.best_epoch = self.best_row and self.best_row.epoch
        self.weights_epoch = result.state.kept_row.epoch


def _error(fit: Fit, rows: RoleData) -> float:
    return float(np.mean(np.abs(fit.predict(rows) - rows.y)))


def _fit(tmp_path: Path, *, spec: dict[str, Any] = SPEC, data: MemberData = DATA, **change: Any) -> tuple[Any, Fit]:
    shown = change.pop("progress", Progress("member 1/1", 6))
    every = change.pop("checkpoint_seconds", 1e9)
    seed, architecture = change.pop("seed", 5), change.pop("architecture", "")
    settings = make_settings(change.pop("evaluation", {}), **change)
    job = TrainingJob(build(spec, 3, seed), data, seed, tmp_path / "state.npz", shown, architecture)
    return job.model, Fit(loop.fit_member(job, settings, process_backend().keras, checkpoint_seconds=every))


def _numbers(fit: Fit) -> list[tuple[Any, ...]]:
    return [(row.step, row.train_loss, row.validation_mae, row.learning_rate) for row in fit.history]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """A compiled training that nothing interrupts."""
    return _fit(tmp_path_factory.mktemp("whole"))[1]


def test_equal_seeds_give_equal_bytes_and_the_loss_falls(tmp_path: Path, whole: Fit) -> None:
    _, again = _fit(tmp_path)
    assert _numbers(again) == _numbers(whole)
    assert again.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()
    assert again.history[-1].train_loss < 0.9 * again.history[0].train_loss


def test_the_recorded_error_on_the_test_set_changes_nothing(tmp_path: Path, whole: Fit) -> None:
    _, recorded = _fit(tmp_path, record_test=True)
    assert _numbers(recorded) == _numbers(whole)
    assert recorded.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()
    assert [row.test_mae for row in whole.history] == [None] * len(whole.history)
    assert recorded.state.kept_row.test_mae == _error(recorded, DATA.test)


@pytest.mark.parametrize("compiled", [True, False])
def test_members_share_what_is_compiled_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    from elemflow.training import tensorflow_engine

    monkeypatch.setattr(tensorflow_engine, "MIN_STEPS_TO_COMPILE", 1)
    dropout = {} if compiled else {"dropout": 0.2}  # which is slower when compiled
    spec = SPEC | {"stacks": [{"width": 8, "layers": 1} | dropout]}
    rows = 42 if compiled else 37  # other shapes are compiled again, but not traced again
    members = [(5, DATA), (6, MemberData(1, _part(rows, 3), _part(20, 4), _part(20, 5), {}))]

    def fit(name: str, number: int, architecture: str) -> tuple[Any, Fit]:
        seed, data = members[number]
        return _fit(tmp_path / f"{name}{number}", spec=spec, data=data, seed=seed, architecture=architecture)

    alone = [fit("alone", number, "") for number in range(2)]
    together = [fit("together", number, "one") for number in range(2)]
    programs = process_backend().keras._programs
    [program] = programs.values()
    assert program.steps.experimental_get_tracing_count() == 1
    for number in (1, 0, 1):  # the first one predicts although the second one has trained since
        (model, found), (other, expected) = together[number], alone[number]
        test = members[number][1].test
        assert found.predict(test).tobytes() == expected.predict(test).tobytes()
        assert _numbers(found) == _numbers(expected)
        for own, its in zip(model.get_weights(), other.get_weights(), strict=True):
            assert own.tobytes() == its.tobytes()
    assert together[0][1].predict(DATA.test).tobytes() != together[1][1].predict(DATA.test).tobytes()
    fit("another", 0, "two")
    assert program not in programs.values()


def test_a_member_whose_network_another_one_owns_cannot_train_on(eager: None) -> None:
    from elemflow.training.tensorflow_engine import TensorFlowEngine

    programs: dict[str, Any] = {}
    first, second = (
        TensorFlowEngine(build(SPEC, 3, seed=s), DATA.train, make_settings(), programs, "one") for s in (5, 6)
    )
    first.predict(0, DATA.test)  # takes the network, with the weights that the first member began with
    for use in (lambda: second.get_state(0), lambda: second.get_weights(0), lambda: second.finish(0, None)):
        with pytest.raises(RuntimeError, match="another member owns"):
            use()
    first.get_state(0)


def test_an_interrupted_training_ends_where_it_would_have_ended(
    tmp_path: Path, whole: Fit, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, progress=_Interrupt(after=4), checkpoint_seconds=0)
    with caplog.at_level(logging.INFO):
        _, resumed = _fit(tmp_path)
    assert "continues after epoch 3 from" in caplog.text
    assert _numbers(resumed) == _numbers(whole)
    assert (resumed.best_epoch, resumed.weights_epoch) == (whole.best_epoch, whole.weights_epoch)
    assert resumed.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()


def test_a_checkpoint_brings_back_the_best_weights(tmp_path: Path, eager: None) -> None:
    opposite = MemberData(0, _part(42, 0), _part(20, 1, sign=-1.0), _part(20, 2), {})  # the best epoch comes early
    _, whole = _fit(tmp_path / "whole", spec=LINEAR, data=opposite)
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, spec=LINEAR, data=opposite, progress=_Interrupt(after=5), checkpoint_seconds=0)
    _, resumed = _fit(tmp_path, spec=LINEAR, data=opposite)
    assert whole.best_epoch < 4
    assert resumed.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()


def test_early_stopping_restores_the_best_epoch(tmp_path: Path, eager: None) -> None:
    opposite = MemberData(0, _part(42, 0), _part(20, 1, sign=-1.0), _part(20, 2), {})  # learning makes it worse
    stopping = {"monitor": "validation", "patience": 4, "restore_best": True}
    _, fit = _fit(tmp_path, spec=LINEAR, data=opposite, max_epochs=60, early_stopping=stopping)
    errors = [entry.validation_mae for entry in fit.history]
    assert fit.stopped == "early_stopping"
    assert fit.best_epoch == fit.weights_epoch == int(np.argmin(errors)) + 1
    assert len(errors) == fit.best_epoch + 4
    assert _error(fit, opposite.validation) == min(errors) < errors[-1]


def test_the_test_set_can_be_monitored_and_stopping_can_be_off(tmp_path: Path, eager: None) -> None:
    data = MemberData(0, DATA.train, _part(0, 1), DATA.test, {})
    _, fit = _fit(tmp_path, data=data, early_stopping={"monitor": "test", "patience": 9, "restore_best": False})
    assert _error(fit, DATA.test) == fit.history[-1].validation_mae
    _, fit = _fit(tmp_path, data=data, early_stopping=None)
    assert (fit.best_epoch, fit.weights_epoch, fit.history[0].validation_mae) == (None, 6, None)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
@pytest.mark.parametrize("loss", ["mae", "mse", "huber"])
@pytest.mark.parametrize("last_batch", ["keep", "drop"])
def test_an_epoch_is_what_keras_computes(tmp_path: Path, eager: None, loss: str, last_batch: str) -> None:
    import keras

    model, fit = _fit(
        tmp_path, spec=LINEAR, loss=loss, huber_delta=0.3, last_batch=last_batch, max_epochs=2, early_stopping=None
    )
    reference = build(LINEAR, 3, seed=5)
    theirs = {"mae": "mean_absolute_error", "mse": "mean_squared_error", "huber": keras.losses.Huber(0.3)}
    reference.compile(keras.optimizers.Adam(0.01), theirs[loss])
    losses = []
    for epoch in (1, 2):
        order = training_state.epoch_order(42, 5, epoch)  # batches of 16, 16 and a short last one of 10
        order = order[: 42 if last_batch == "keep" else 32]
        x, y = DATA.train.x[order], DATA.train.y[order, None]
        losses += reference.fit(x, y, batch_size=16, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose([entry.train_loss for entry in fit.history], losses, rtol=1e-5)
    for ours, other in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "adam"},
        {"name": "adamw", "weight_decay": 0.1},
        {"name": "sgd", "momentum": 0.9},
        {"name": "adadelta", "rho": 0.5, "epsilon": 1e-3},
        {"name": "rmsprop"},
    ],
)
def test_optimizers_train_with_their_arguments(tmp_path: Path, eager: None, optimizer: dict[str, Any]) -> None:
    _, fit = _fit(tmp_path, spec=LINEAR, optimizer=optimizer | {"learning_rate": 0.02}, max_epochs=3)
    assert fit.history[-1].train_loss < fit.history[0].train_loss
    if len(optimizer) > 1:
        _, plain = _fit(
            tmp_path, spec=LINEAR, optimizer={"name": optimizer["name"], "learning_rate": 0.02}, max_epochs=3
        )
        assert plain.history[-1].train_loss != fit.history[-1].train_loss


def test_a_falling_learning_rate_survives_a_kill(tmp_path: Path, eager: None) -> None:
    opposite = MemberData(0, _part(42, 0), _part(20, 1, sign=-1.0), _part(20, 2), {})  # never improves for long
    falling = {"factor": 0.5, "patience": 2, "min_delta": 1e-4, "min_learning_rate": 0.003}
    change: dict[str, Any] = {"spec": LINEAR, "data": opposite, "learning_rate_reduction": falling, "max_epochs": 9}
    _, whole = _fit(tmp_path / "whole", **change)
    assert [entry.learning_rate for entry in whole.history[-4:]] == [0.003] * 4
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, progress=_Interrupt(after=6), checkpoint_seconds=0, **change)
    _, resumed = _fit(tmp_path, **change)
    assert _numbers(resumed) == _numbers(whole)
    _, constant = _fit(tmp_path / "constant", **change | {"learning_rate_reduction": None})
    assert constant.history[-1].train_loss != whole.history[-1].train_loss


def test_a_schedule_survives_a_kill(tmp_path: Path, eager: None) -> None:
    change: dict[str, Any] = {"spec": LINEAR, "schedule": {"warmup": 0.3, "decay": "cosine"}}
    _, whole = _fit(tmp_path / "whole", **change)
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, progress=_Interrupt(after=4), checkpoint_seconds=0, **change)
    _, resumed = _fit(tmp_path, **change)
    assert _numbers(resumed) == _numbers(whole)
    assert whole.history[-1].learning_rate < 0.001 < whole.history[1].learning_rate


def test_weight_decay_may_leave_biases_alone() -> None:
    from elemflow.training.keras_factory import make_optimizer

    declared = Optimizer(name="adamw", learning_rate=0.1, weight_decay=0.5)
    for decayed in ("all", "kernels"):
        weights = build(SPEC, 3, seed=5).trainable_variables
        for weight in weights:
            weight.assign(weight * 0 + 1)
        optimizer = make_optimizer(declared.but(weight_decay_on=decayed), weights)
        optimizer.apply([weight * 0 for weight in weights], weights)
        for weight in weights:
            falls = decayed == "all" or weight.name == "kernel"
            np.testing.assert_allclose(np.array(weight), 0.95 if falls else 1.0, rtol=1e-6, err_msg=weight.path)


def test_validations_may_come_every_few_steps_and_segments_change_no_number(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    change: dict[str, Any] = {"validate_every_steps": 4, "max_epochs": 3, "spec": LINEAR}
    _, fit = _fit(tmp_path, **change)
    assert [(entry.epoch, entry.step) for entry in fit.history] == [(2, 4), (3, 8), (3, 9)]
    monkeypatch.setattr(training_state, "SEGMENT_ROWS", 16)
    _, pieces = _fit(tmp_path, **change)
    assert _numbers(pieces) == _numbers(fit)


def test_dropout_may_stay_on_at_evaluation(tmp_path: Path, eager: None) -> None:
    early = {"monitor": "test", "patience": 100, "restore_best": True}
    model, fit = _fit(tmp_path, evaluation={"dropout": True}, early_stopping=early)
    assert _error(fit, DATA.test) == fit.best_row.validation_mae, "what is reported is what was monitored"
    x = DATA.test.x[:16]
    whole = np.array(model(x, training=False))[:, 0]
    assert not np.allclose(fit.predict(DATA.test)[:16], whole)
    _, plain = _fit(tmp_path, early_stopping=early)
    assert [e.train_loss for e in plain.history] == [e.train_loss for e in fit.history], "only evaluation differs"
    model.save(tmp_path / "model.keras")
    import keras

    np.testing.assert_allclose(np.array(keras.models.load_model(tmp_path / "model.keras")(x))[:, 0], whole)


def test_batch_norm_may_use_the_statistics_of_the_evaluation_batch(tmp_path: Path, eager: None) -> None:
    spec = {key: value for key, value in SPEC.items() if key != "stacks"} | {"stacks": [{"width": 8, "layers": 1}]}
    model, fit = _fit(tmp_path, spec=spec, evaluation={"batch_norm": "batch"}, early_stopping=None)
    before = [np.array(v) for v in model.variables]
    predicted = fit.predict(DATA.test)
    assert all((np.array(v) == old).all() for v, old in zip(model.variables, before, strict=True))
    batches = training_state.evaluation_batches(len(DATA.test), 16, SEED)
    assert batches.shape == (2, 16)
    for rows, fresh in zip(batches, (16, 4), strict=True):  # the last batch is filled up
        expected = np.array(model(DATA.test.x[rows], training=True))[:, 0]
        np.testing.assert_allclose(predicted[rows[-fresh:]], expected[-fresh:], rtol=1e-5)


class _Signal(Progress):
    """Send this process a signal after an epoch, as a scheduler does before it kills."""

    def __init__(self, number: int, after: int):
        super().__init__("member 1/1", 6)
        self._number, self._after = number, after

    def validated(self, state: TrainingState, simultaneous: int = 1) -> None:
        if len(state.history.rows) == self._after:
            signal.raise_signal(self._number)


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_signal_stops_after_the_epoch_and_keeps_everything(
    tmp_path: Path, eager: None, number: signal.Signals
) -> None:
    _, whole = _fit(tmp_path / "whole", spec=LINEAR)
    stopping.listen()
    with pytest.raises(stopping.Stopped, match="75") as stopped:
        _fit(tmp_path, spec=LINEAR, progress=_Signal(number, after=3))
    stopping.forget()
    assert stopped.value.message == f"member 1/1: stopped by {number.name} after epoch 3"
    assert _numbers(_fit(tmp_path, spec=LINEAR)[1]) == _numbers(whole)


def test_a_deadline_stops_within_a_long_epoch(tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = _fit(tmp_path / "whole", spec=LINEAR)
    monkeypatch.setattr(training_state, "SEGMENT_ROWS", 16)
    monkeypatch.setenv(DEADLINE, "0")
    with pytest.raises(stopping.Stopped) as stopped:
        _fit(tmp_path, spec=LINEAR)
    assert stopped.value.message == "member 1/1: stopped by the end of the job's time after epoch 0 and 1 of 3 steps"
    monkeypatch.delenv(DEADLINE)
    assert _numbers(_fit(tmp_path, spec=LINEAR)[1]) == _numbers(whole)


@pytest.mark.parametrize("broken", ["truncated", "foreign", "empty"])
def test_a_file_that_is_no_checkpoint_is_moved(
    tmp_path: Path, eager: None, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, whole = _fit(tmp_path / "whole", spec=LINEAR)
    spec = SPEC if broken == "foreign" else LINEAR
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, spec=spec, progress=_Interrupt(after=3), checkpoint_seconds=0)
    state = tmp_path / "state.npz"
    if broken != "foreign":
        state.write_bytes(state.read_bytes()[: 700 if broken == "truncated" else 0])
    assert _numbers(_fit(tmp_path, spec=LINEAR)[1]) == _numbers(whole)
    assert f"{state} is no checkpoint of this training" in caplog.text
    assert (tmp_path / "state.npz.moved").exists()


def test_a_diverged_training_says_what_to_do(tmp_path: Path, eager: None) -> None:
    with pytest.raises(TrainingError, match=r"member 1/1, epoch \d+: the .* at learning rate 1e\+30\. Lower protocol"):
        _fit(tmp_path, spec=LINEAR, optimizer={"name": "sgd", "learning_rate": 1e30}, loss="mse")


def test_progress_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, eager: None
) -> None:
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: 1.0))  # whatever the machine's speed
    with caplog.at_level(logging.INFO, logger="elemflow.training.progress"):
        _fit(tmp_path)
    lines = [record.message for record in caplog.records]
    assert len(lines) == 1, "one line per interval, not per epoch"
    assert lines[0].startswith("member 1/1, epoch 1/6: train loss ")
    assert "rows/s, ends in 0:" in lines[0]
