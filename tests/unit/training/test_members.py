"""Members of a run: scalings, targets, and what keeps one from being fitted."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories.training import NETWORK, train, write_inputs

from elemflow.core.errors import DataError, TrainingError
from elemflow.features.scaling import load_scaling, load_target
from elemflow.training.data import RunData
from elemflow.training.fitter import Task
from elemflow.training.fitters.network import NetworkFitter


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
