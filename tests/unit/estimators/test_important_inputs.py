"""Estimators on the inputs that matter to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from factories.training import inputs_of, make_run, outputs_in, process_backend

from elemflow.config.estimators import check_model
from elemflow.config.model import read_model
from elemflow.core.errors import ConfigError, TrainingError
from elemflow.core.files import read_json, write_parquet
from elemflow.estimators.storage import load_estimator
from elemflow.training.job import train_run
from elemflow.training.run_files import RunOutputs

pytest.importorskip("sklearn")

LINE: dict[str, Any] = {"kind": "important_inputs", "estimator": "linear_regression"}


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Materials whose property is the sum of the first two inputs; the third is noise."""
    rng = np.random.default_rng(0)
    ids = [f"m{i:03d}" for i in range(80)]
    x = rng.normal(size=(80, 3)).astype(np.float32)
    table = pd.DataFrame({"material_id": ids, "gap": x[:, :2].sum(axis=1, dtype=float)})
    table.to_parquet(tmp_path / "materials.parquet")
    columns = {"material_id": ids} | {name: x[:, i] for i, name in enumerate("abc")}
    write_parquet(tmp_path / "part.parquet", pa.table(columns), {"part": "ef", "labels": list("abc")})
    roles = np.array(["train"] * 50 + ["validation"] * 15 + ["test"] * 15, dtype=object)
    pd.DataFrame({"material_id": ids, "member": 0, "role": roles}).to_parquet(tmp_path / "split.parquet")
    return tmp_path


def _train(folder: Path, model: dict[str, Any]) -> dict[str, Path]:
    outputs = outputs_in(folder / "out")
    run = make_run(model, {"split": {"scheme": "fractions", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 0}, "seed": 7, "clip_predictions": False})  # fmt: skip
    train_run(run, inputs_of(folder), RunOutputs(**outputs), process_backend())
    return outputs


def test_useless_inputs_are_left_out_and_the_stored_estimator_takes_all(inputs: Path) -> None:
    out = _train(inputs, LINE | {"minimum": 1e-3})
    facts = read_json(out["run_info"])["members"]["0"]
    assert facts["inputs"] == [0, 1]
    assert facts["chosen"] == "2 of 3 inputs"
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    stored = load_estimator(out["model_folder"] / "member-0.skops")
    np.testing.assert_allclose(stored.predict(x), x[:, :2].sum(axis=1), atol=1e-4)
    x[:, 2] = 1e6
    np.testing.assert_allclose(stored.predict(x), x[:, :2].sum(axis=1), atol=1e-4)


def test_equal_runs_give_equal_bytes(inputs: Path) -> None:
    model = {"kind": "important_inputs", "estimator": "random_forest", "parameters": {"n_estimators": 5}}
    first, second = (
        [out["predictions"].read_bytes(), (out["model_folder"] / "member-0.skops").read_bytes()]
        for out in (_train(inputs, model), _train(inputs, model))
    )
    assert first == second


def test_the_test_set_does_not_select(inputs: Path) -> None:
    def kept() -> list[int]:
        members: dict[str, Any] = read_json(_train(inputs, LINE | {"minimum": 1e-3})["run_info"])["members"]
        found: list[int] = members["0"]["inputs"]
        return found

    before = kept()
    table = pd.read_parquet(inputs / "materials.parquet")
    table.loc[65:, "gap"] = -50.0
    table.to_parquet(inputs / "materials.parquet")
    assert kept() == before


def test_a_limit_that_no_input_reaches_is_an_error_that_names_it(inputs: Path) -> None:
    with pytest.raises(TrainingError, match=r"at most 1000\. Lower 'minimum'.*model"):
        _train(inputs, LINE | {"minimum": 1000.0})


def test_estimator_and_parameters_are_checked_at_planning() -> None:
    with pytest.raises(ConfigError, match=r"no estimator 'random_forrest'.*random_forest"):
        check_model(read_model(LINE | {"estimator": "random_forrest"}), "model m", {})
    with pytest.raises(ConfigError, match="n_estimators"):
        check_model(read_model(LINE | {"estimator": "random_forest", "parameters": {"n_estimators": -1}}), "model m", {})  # fmt: skip
