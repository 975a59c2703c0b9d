"""A fine-tuned network as an estimator, and its fitter in the workflow."""

import numpy as np
import pytest
from factories.base_toy import compositions, value, write_toy

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.estimators.storage import load_estimator, save_estimator
from elemflow.features import elemental_fractions
from elemflow.multitask.estimator import FineTunedBase
from elemflow.multitask.file import read_base
from elemflow.multitask.network import HEADS


@pytest.fixture(scope="module", name="file")
def _file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return write_toy(folder, folder / "toy.elemflow")


@pytest.fixture(name="rows")
def _rows():
    names = compositions(60)
    return elemental_fractions.featurize(names)[0], np.array([10 * value(name) for name in names])


def test_it_is_fitted_stored_and_read_with_equal_predictions(file, rows, tmp_path):
    x, y = rows
    fitted = FineTunedBase(str(file), sha256_file(file), seed=1).fit(x[:40], y[:40])
    assert np.abs(fitted.predict(x[40:]) - y[40:]).mean() < 0.5 * np.abs(np.median(y) - y).mean()
    assert fitted.head_ in {"z_gap", "b_modulus"}
    save_estimator(fitted, tmp_path / "m.skops")
    np.testing.assert_array_equal(load_estimator(tmp_path / "m.skops").predict(x), fitted.predict(x))
    again = FineTunedBase(str(file), seed=1).fit(x[:40], y[:40])
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))


def test_a_new_head_starts_from_no_property(file, rows):
    fitted = FineTunedBase(str(file), head="new").fit(*rows)
    assert fitted.head_ == ""
    assert np.isnan(fitted.correlation_)


def test_the_short_schedule_stays_nearer_to_the_base(file, rows):
    x, y = rows
    base = read_base(file)
    start = base.weights[0]
    moved = {}
    for schedule in ("rows", "short"):
        fitted = FineTunedBase(str(file), schedule=schedule).fit(x[:40], y[:40])
        trunk = [name for name in start if not name.startswith(HEADS)]
        moved[schedule] = sum(float(np.abs(fitted.weights_[name] - start[name]).sum()) for name in trunk)
    assert 0 < moved["short"] < moved["rows"]


def test_another_file_other_features_and_a_constant_are_refused(file, rows, tmp_path):
    x, y = rows
    for estimator, features, values, named in (
        (FineTunedBase(str(file), "0" * 64), x, y, "SHA-256"),
        (FineTunedBase(str(tmp_path / "no.elemflow")), x, y, "no such base"),
        (FineTunedBase(str(file)), x[:, :5], y, "86 features"),
        (FineTunedBase(str(file)), x, np.ones(len(x)), "nothing to learn"),
    ):
        with pytest.raises(DataError, match=named):
            estimator.fit(features, values)


def test_the_fitter_counts_test_materials_that_the_base_has_seen(file, rows, monkeypatch):
    from elemflow.config.model import read_model
    from elemflow.features.scaling import Target
    from elemflow.training.data import RoleData
    from elemflow.training.fitters import fine_tuned_base

    model = read_model({"kind": "fine_tuned_base", "file": str(file), "sha256": sha256_file(file)})

    class Run:
        pass

    fitter = fine_tuned_base.FineTunedBaseFitter.__new__(fine_tuned_base.FineTunedBaseFitter)
    fitter.run = Run()
    fitter.run.model = model
    names = compositions(60)
    seen = read_base(file).seen.contains(names)
    data = RoleData(np.array(names, dtype=object), rows[0], rows[1])
    found = fitter._seen(data, lambda given: given.y + np.where(seen, 1.0, 3.0), Target())
    monkeypatch.setattr(fine_tuned_base, "knows_seen", lambda _: False)
    unsure = fitter._seen(data, lambda given: given.y + np.where(seen, 1.0, 3.0), Target())
    assert (unsure["test_seen"], unsure["test_unknown"]) == (seen.sum(), (~seen).sum())
    assert "test_unseen" not in unsure
    assert (found["test_seen"], found["test_unseen"]) == (seen.sum(), (~seen).sum())
    assert found["test_error_seen"] == pytest.approx(1)
    assert found["test_error_unseen"] == pytest.approx(3)
    assert 0 < found["test_seen_under"]["b_modulus"] <= found["test_seen_under"]["z_gap"]
    in_eighths = RoleData(data.material_id, data.x, (rows[1] - 2.0) / 8.0)
    scaled = fitter._seen(in_eighths, lambda given: given.y + np.where(seen, 1.0, 3.0) / 8, Target(2.0, 8.0))
    assert scaled["test_error_unknown"] == pytest.approx(3), "in the unit of the property"


def test_the_device_is_the_one_that_computes(monkeypatch):
    import os
    from types import SimpleNamespace

    import jax

    from elemflow.training.fitters.fine_tuned_base import FineTunedBaseFitter

    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(device_kind="NVIDIA H200")])
    for name in ("NPROC", "XLA_FLAGS", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.delenv(name, raising=False)
    fitter = FineTunedBaseFitter.__new__(FineTunedBaseFitter)
    fitter.backend = SimpleNamespace(threads=1)
    assert fitter.start() == ("jax", "NVIDIA H200")
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "--xla_gpu_deterministic_ops=true" in os.environ["XLA_FLAGS"]
