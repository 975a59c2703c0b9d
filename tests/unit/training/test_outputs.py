"""Outputs of a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories.training import NETWORK, train, write_inputs

from elemflow.training.data import RunData


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
