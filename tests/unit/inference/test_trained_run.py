"""Trained members: their scaling, target and batches, whatever the kind of model."""

from pathlib import Path

import numpy as np
import pytest
from factories.training import NETWORK, make_run
from sklearn.linear_model import LinearRegression

from elemflow.core.errors import DataError
from elemflow.estimators.storage import save_estimator
from elemflow.features.scaling import Target, fit_scaling, save_scaling, save_target
from elemflow.inference.trained_run import TrainedRun, _network
from elemflow.training.storage import write_run_config


@pytest.mark.parametrize(("rows", "sizes"), [(0, [0]), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_a_network_predicts_some_rows_at_once(rows: int, sizes: list[int]) -> None:
    calls = []

    def forward(x: np.ndarray) -> np.ndarray:
        calls.append(len(x))
        return x[:, 0]

    x = np.arange(2.0 * rows, dtype=np.float32).reshape(rows, 2)
    found = _network(forward, 4)(x)
    assert calls == sizes
    np.testing.assert_array_equal(found, x[:, 0])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(_network(forward, None)(x), found)
    assert calls[len(sizes) :] == [rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two linear models: the first as it is, the second with scaled features, scaled target and a lower bound."""
    x = np.random.default_rng(0).normal(2, 3, size=(50, 2)).astype(np.float32)
    y = x @ [1.0, -2.0]
    scaling, target = fit_scaling(x, [("ef", 2)], {"ef": "standard"}), Target(1.0, 4.0, minimum=-5.0)
    write_run_config(tmp_path, make_run({"kind": "estimator", "estimator": "ridge"}))
    save_estimator(LinearRegression().fit(x, y), tmp_path / "member-0.skops")
    save_estimator(LinearRegression().fit(scaling.apply(x), target.apply(y)), tmp_path / "member-10.skops")
    save_scaling(tmp_path / "member-10.scaling.npz", scaling)
    save_target(tmp_path / "member-10.target.json", target)
    return tmp_path


def test_each_member_predicts_with_its_own_scaling_and_target(folder: Path) -> None:
    run = TrainedRun(folder)
    assert ([member.number for member in run.members], run.parts) == ([0, 10], ["ef"])
    x = np.array([[1, 0], [0, 9]], dtype=np.float32)
    np.testing.assert_allclose(run.predict(x), [[1, -18], [1, -5]], atol=1e-5)
    np.testing.assert_array_equal(run.members[1].predict_scaled(run.members[1].scale(x)), run.members[1].predict(x))
    assert run.predict(x[:0]).shape == (2, 0)
    assert run.unsupported_rows(x) == {}


def test_a_run_without_members_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.json"):
        TrainedRun(tmp_path)
    write_run_config(tmp_path, make_run(NETWORK))
    with pytest.raises(DataError, match=str(tmp_path)):
        TrainedRun(tmp_path)
