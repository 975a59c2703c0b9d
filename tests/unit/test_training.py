"""The training loop and the training job, on networks of a few dozen weights."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from elemflow.errors import DataError, TrainingError
from elemflow.files import write_parquet
from elemflow.networks.registry import build_network
from elemflow.training import loop, network, run
from elemflow.training.data import MemberData, Part, RunData
from elemflow.training.scaling import load_scaling

SPEC = {
    "family": "dense",
    "stacks": [{"width": 8, "layers": 2, "branches": [1, 1], "dropout": 0.2}, {"width": 4, "layers": 1}],
    "order": ["dense", "batch_norm", "activation"],
    "activation": {"name": "leaky_relu", "negative_slope": 0.3},
    "batch_norm": {"momentum": 0.9, "epsilon": 0.001},
    "shortcut": "layer",
}
LINEAR = {
    "family": "dense",
    "stacks": [{"width": 6, "layers": 1}],
    "order": ["dense", "activation"],
    "activation": {"name": "tanh"},
    "shortcut": "none",
}
TRAINING: dict[str, Any] = {
    "optimizer": {"name": "adam", "learning_rate": 0.01},
    "batch_size": 16,
    "loss": "mae",
    "max_epochs": 6,
    "early_stopping": {"monitor": "validation", "patience": 100, "restore_best": True},
    "seed": 7,
}


@pytest.fixture(scope="module", autouse=True)
def _backend() -> None:
    pytest.importorskip("tensorflow")
    loop.start_backend(1)


@pytest.fixture
def eager() -> Iterator[None]:
    """Spare the seconds of compiling; for tests of what lies around the compiled epoch."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def _part(rows: int, seed: int, sign: float = 1.0) -> Part:
    x = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    return Part(np.array([f"m{seed}-{i:03d}" for i in range(rows)], dtype=object), x, sign * x.sum(axis=1, dtype=float))


DATA = MemberData(0, _part(42, 0), _part(20, 1), _part(20, 2), {})


class _Interrupt(loop.Progress):
    """Stop the process, as a scheduler would, after an epoch and before its checkpoint."""

    def __init__(self, after: int):
        super().__init__("member 1/1")
        self._after = after

    def epoch(self, result: loop.FitResult, **_facts: Any) -> None:
        if len(result.history) == self._after:
            raise KeyboardInterrupt


def _fit(tmp_path: Path, *, spec: dict[str, Any] = SPEC, data: MemberData = DATA, **change: Any) -> tuple[Any, Any]:
    progress = change.pop("progress", loop.Progress("member 1/1"))
    every = change.pop("checkpoint_seconds", 1e9)
    model = build_network(spec, 3, seed=5)
    checkpoint = tmp_path / "state.npz"
    fit = loop.fit_member(
        model, data, TRAINING | change, seed=5, checkpoint=checkpoint, progress=progress, checkpoint_seconds=every
    )
    return model, fit


def _numbers(fit: loop.FitResult) -> list[tuple[Any, ...]]:
    return [(entry["epoch"], entry["train_loss"], entry["validation_mae"]) for entry in fit.history]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> loop.FitResult:
    """A compiled training that nothing interrupts."""
    return _fit(tmp_path_factory.mktemp("whole"))[1]


def test_equal_seeds_give_equal_bytes_and_the_loss_falls(tmp_path: Path, whole: loop.FitResult) -> None:
    _, again = _fit(tmp_path)
    assert _numbers(again) == _numbers(whole)
    assert again.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()
    assert again.history[-1]["train_loss"] < 0.9 * again.history[0]["train_loss"]


def test_an_interrupted_training_ends_where_it_would_have_ended(tmp_path: Path, whole: loop.FitResult) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, progress=_Interrupt(after=4), checkpoint_seconds=0)
    _, resumed = _fit(tmp_path)
    assert resumed.first_epoch == 4
    assert _numbers(resumed) == _numbers(whole)
    assert (resumed.best_epoch, resumed.weights_epoch) == (whole.best_epoch, whole.weights_epoch)
    assert resumed.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()


def test_a_checkpoint_brings_back_the_best_weights(tmp_path: Path, eager: None) -> None:
    opposite = MemberData(0, _part(42, 0), _part(20, 1, sign=-1.0), _part(20, 2), {})  # the best epoch comes early
    _, whole = _fit(tmp_path / "whole", spec=LINEAR, data=opposite)
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, spec=LINEAR, data=opposite, progress=_Interrupt(after=5), checkpoint_seconds=0)
    _, resumed = _fit(tmp_path, spec=LINEAR, data=opposite)
    assert whole.best_epoch < resumed.first_epoch == 5
    assert resumed.predict(DATA.test).tobytes() == whole.predict(DATA.test).tobytes()


def test_early_stopping_restores_the_best_epoch(tmp_path: Path, eager: None) -> None:
    opposite = MemberData(0, _part(42, 0), _part(20, 1, sign=-1.0), _part(20, 2), {})  # learning makes it worse
    stopping = {"monitor": "validation", "patience": 4, "restore_best": True}
    _, fit = _fit(tmp_path, spec=LINEAR, data=opposite, max_epochs=60, early_stopping=stopping)
    errors = [entry["validation_mae"] for entry in fit.history]
    assert fit.stopped == "early_stopping"
    assert fit.best_epoch == fit.weights_epoch == int(np.argmin(errors)) + 1
    assert len(errors) == fit.best_epoch + 4
    kept = fit.predict(opposite.validation)
    assert np.mean(np.abs(kept - opposite.validation.y)) == min(errors) < errors[-1]


def test_the_test_part_can_be_monitored_and_stopping_can_be_off(tmp_path: Path, eager: None) -> None:
    data = MemberData(0, DATA.train, _part(0, 1), DATA.test, {})
    _, fit = _fit(tmp_path, data=data, early_stopping={"monitor": "test", "patience": 9, "restore_best": False})
    assert np.mean(np.abs(fit.predict(DATA.test) - DATA.test.y)) == fit.history[-1]["validation_mae"]
    _, fit = _fit(tmp_path, data=data, early_stopping=None)
    assert (fit.best_epoch, fit.weights_epoch, fit.history[0]["validation_mae"]) == (None, 6, None)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
@pytest.mark.parametrize("loss", ["mae", "mse", "huber"])
def test_an_epoch_is_what_keras_computes(tmp_path: Path, eager: None, loss: str) -> None:
    import keras

    model, fit = _fit(tmp_path, spec=LINEAR, loss=loss, max_epochs=2, early_stopping=None)
    reference = build_network(LINEAR, 3, seed=5)
    name = {"mae": "mean_absolute_error", "mse": "mean_squared_error", "huber": "huber"}[loss]
    reference.compile(keras.optimizers.Adam(0.01), name)
    losses = []
    for epoch in (1, 2):
        order = loop.epoch_order(42, 5, epoch)  # batches of 16, 16 and a short last one of 10
        x, y = DATA.train.x[order], DATA.train.y[order, None]
        losses += reference.fit(x, y, batch_size=16, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose([entry["train_loss"] for entry in fit.history], losses, rtol=1e-5)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_orders_differ_between_epochs_and_seeds() -> None:
    orders = [loop.epoch_order(50, seed, epoch).tolist() for seed, epoch in ((1, 1), (1, 2), (2, 1))]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "adadelta", "rmsprop"])
def test_optimizers_train(tmp_path: Path, eager: None, name: str) -> None:
    _, fit = _fit(tmp_path, spec=LINEAR, optimizer={"name": name, "learning_rate": 0.02}, max_epochs=3)
    assert fit.history[-1]["train_loss"] < fit.history[0]["train_loss"]


def test_a_diverged_training_says_what_to_do(tmp_path: Path, eager: None) -> None:
    with pytest.raises(TrainingError, match=r"member 1/1, epoch \d+: the .* at learning rate 1e\+30\. Lower protocol"):
        _fit(tmp_path, spec=LINEAR, optimizer={"name": "sgd", "learning_rate": 1e30}, loss="mse")


def test_progress_line(caplog: pytest.LogCaptureFixture, tmp_path: Path, eager: None) -> None:
    with caplog.at_level(logging.INFO, logger="elemflow.training.loop"):
        _fit(tmp_path)
    lines = [record.message for record in caplog.records]
    assert len(lines) == 1, "one line per interval, not per epoch"
    assert lines[0].startswith("member 1/1, epoch 1/6: train loss ")
    assert "rows/s, ends in 0:00:" in lines[0]


# The job around the loop


def _inputs(folder: Path, members: int = 2) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    ids = [f"m{i:03d}" for i in range(60)]
    x = rng.normal(size=(60, 3)).astype(np.float32)
    table = pd.DataFrame({"material_id": ids, "gap": x.sum(axis=1, dtype=float)})
    table.loc[0, "gap"] = np.nan
    table.to_parquet(folder / "materials.parquet")
    features = pd.DataFrame({"material_id": ids} | {name: x[:, i] for i, name in enumerate("abc")})
    table = pa.Table.from_pandas(features.iloc[:-2], preserve_index=False)
    write_parquet(folder / "part.parquet", table, {"part": "ef", "labels": list("abc")})
    roles = np.array(["train"] * 40 + ["validation"] * 8 + ["test"] * 12, dtype=object)
    split = [pd.DataFrame({"material_id": ids, "member": m, "role": rng.permutation(roles)}) for m in range(members)]
    pd.concat(split).to_parquet(folder / "split.parquet")
    return {"materials": folder / "materials.parquet", "split": folder / "split.parquet"}


def _train(
    folder: Path, model: dict[str, Any], scaling: dict[str, str] | None = None, **change: Any
) -> dict[str, Path]:
    names = ("predictions", "history", "run_info", "model_folder", "checkpoint_folder")
    files = ("predictions.parquet", "history.parquet", "run_info.json", "model", "checkpoint")
    outputs = {name: folder / "out" / file for name, file in zip(names, files, strict=True)}
    cfg = {
        "run": {"dataset": "toy", "property": "gap", "representation": "ef", "model": "m", "protocol": "p"},
        "property": {"unit": "eV", "title": "Gap"},
        "model": model,
        "protocol": {"training": TRAINING | change} | ({"scaling": scaling} if scaling else {}),
    }
    inputs = {"materials": folder / "materials.parquet", "split": folder / "split.parquet"}
    run.train_run(cfg, features=[folder / "part.parquet"], **inputs, **outputs, threads=1)
    return outputs


NETWORK = {"kind": "network", "spec": SPEC}


def test_a_job_writes_all_outputs(tmp_path: Path, eager: None) -> None:
    _inputs(tmp_path)
    out = _train(tmp_path, NETWORK)
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
    _inputs(tmp_path)
    plain = pd.read_parquet(_train(tmp_path, NETWORK)["predictions"])["y_pred"]
    out = _train(tmp_path, NETWORK, {"ef": "standard"})
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


def test_a_killed_job_keeps_finished_members(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _inputs(tmp_path)
    whole = _train(tmp_path, NETWORK)["predictions"].read_bytes()
    fit_network = network.fit

    def killed(cfg: Any, data: MemberData, *rest: Any) -> Any:
        if data.member == 1:
            raise KeyboardInterrupt
        return fit_network(cfg, data, *rest)

    monkeypatch.setattr(network, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path, NETWORK)
    monkeypatch.setattr(network, "fit", fit_network)
    with caplog.at_level(logging.INFO):
        out = _train(tmp_path, NETWORK)
    assert "member 1/2: finished before, kept" in caplog.text
    assert out["predictions"].read_bytes() == whole
    assert json.loads(out["run_info"].read_text())["starts"] == 2


def test_a_checkpoint_of_other_settings_is_set_aside(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _inputs(tmp_path, members=1)
    monkeypatch.setattr(run, "_write_model_folder", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path, NETWORK)
    monkeypatch.undo()
    out = _train(tmp_path, NETWORK, max_epochs=2)
    assert "belongs to other settings" in caplog.text
    assert len(list(out["checkpoint_folder"].parent.glob("checkpoint.aside-*"))) == 1
    assert len(pd.read_parquet(out["history"])) == 2


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "estimator", "estimator": "random_forest", "parameters": {"n_estimators": 5}},
        {"kind": "search", "engine": "optuna", "trials": 4, "estimators": ["ridge", "decision_tree"]},
    ],
)
def test_estimators_and_searches_write_the_same_files(tmp_path: Path, model: dict[str, Any]) -> None:
    _inputs(tmp_path)
    first = _train(tmp_path, model)["predictions"].read_bytes()
    out = _train(tmp_path, model)
    assert out["predictions"].read_bytes() == first
    assert sorted(p.name for p in out["model_folder"].iterdir()) == ["member-0.skops", "member-1.skops", "model.json"]
    assert len(pd.read_parquet(out["history"])) == model.get("trials", 0) * 2


def test_a_part_without_rows_is_named(tmp_path: Path, eager: None) -> None:
    inputs = _inputs(tmp_path, members=1)
    split = pd.read_parquet(inputs["split"])
    split[split["role"] != "validation"].to_parquet(inputs["split"])
    message = "dataset 'toy', property 'gap', member 0: no validation rows. The split has 0"
    with pytest.raises(DataError, match=message):
        _train(tmp_path, NETWORK)
    with pytest.raises(DataError, match=message):
        _train(tmp_path, {"kind": "search", "trials": 1, "estimators": ["ridge"]})
    _train(tmp_path, NETWORK, early_stopping={"monitor": "test", "patience": 3, "restore_best": True})
