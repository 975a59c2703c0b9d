"""Fine-tuned runs, whose networks come from a pre-training run."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from factories.toy import PROTOCOL, SPEC, build, make_spec
from factories.training import process_backend

from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file, write_parquet
from elemflow.features.scaling import load_scaling, load_target
from elemflow.networks.build import load_network
from elemflow.training import job as job_module
from elemflow.training.fine_tuning import PretrainingFiles
from elemflow.training.fitter import Task
from elemflow.training.fitters import network
from elemflow.training.fitters.network import NetworkFitter, copy_weights
from elemflow.training.job import train_run
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs, RunOutputs
from elemflow.training.state import TrainingState

ROWS = 60
NETWORK = {"kind": "network", "spec": SPEC}
MODEL = NetworkModel.model_validate(NETWORK)
OTHERS = [f"Fe{n}O{n + 1}" for n in range(1, ROWS + 1)]
OWN = [f"O{2 * n + 2}Fe{2 * n}" for n in range(1, 21)] + [f"Na{n}Cl{n + 1}" for n in range(1, ROWS - 19)]
"""The first 20 are compositions of the pre-training dataset, spelled otherwise."""
SOURCE = {"scaling": {"ef": "standard"}, "target_scaling": {"center": "median", "scale": "std"}}
ORDER = ("dataset", "property", "representation", "model", "protocol")


def _dataset(folder: Path, compositions: list[str], evaluated: slice, *, members: int = 2, seed: int = 0) -> None:
    """Write the inputs of a run whose validation and test rows are those at `evaluated`, four of each eight of them."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    ids = [f"{folder.name}-{i:02d}" for i in range(ROWS)]
    x = rng.normal(seed, 1 + seed, size=(ROWS, 3)).astype(np.float32)
    table = {"material_id": ids, "composition": compositions, "gap": x.sum(axis=1, dtype=float) + seed}
    pd.DataFrame(table).to_parquet(folder / "materials.parquet")
    features = pa.Table.from_pandas(
        pd.DataFrame({"material_id": ids} | dict(zip("abc", x.T, strict=True))), preserve_index=False
    )
    write_parquet(folder / "part.parquet", features, {"part": "ef", "labels": list("abc")})
    roles = np.full(ROWS, "train", dtype=object)
    roles[evaluated] = np.resize(["validation", "test"], len(roles[evaluated]))
    split = pd.concat([pd.DataFrame({"material_id": ids, "member": m, "role": roles}) for m in range(members)])
    split.to_parquet(folder / "split.parquet")


def _train(folder: Path, keys: Any = (), source: Path | None = None, model: Any = None, **change: Any) -> Path:
    ids = dict(zip(ORDER, (folder.name, "gap", "ef", "m", "p"), strict=True))
    protocol = PROTOCOL | {"training": PROTOCOL["training"] | {"max_epochs": 2} | change} | dict(keys)
    cfg = {"run": ids, "property": {"unit": "eV", "minimum": -50.0}, "model": model or NETWORK, "protocol": protocol}
    files = source and PretrainingFiles(source / "out/model", source / "split.parquet", source / "materials.parquet")
    inputs = RunInputs([folder / "part.parquet"], folder / "materials.parquet", folder / "split.parquet", files)
    out = folder / "out"
    outputs = RunOutputs(
        out / "predictions.parquet",
        out / "history.parquet",
        out / "run_info.json",
        out / "model",
        folder / "checkpoint",
    )
    train_run(RunConfig.from_params(cfg), inputs, outputs, process_backend())
    return out


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pre-training run and the inputs of a fine-tuned run, whose evaluation compositions it has not seen."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("trained")
    _dataset(folder / "pretraining", OTHERS, slice(40, 60))
    _dataset(folder / "fine_tuned", OWN, slice(30, 54), seed=1)
    tf.config.run_functions_eagerly(True)
    _train(folder / "pretraining", SOURCE)
    tf.config.run_functions_eagerly(False)
    return folder


@pytest.fixture
def both(_trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    shutil.copytree(_trained, tmp_path / "both")
    return tmp_path / "both"


def _weights(path: Path) -> list[np.ndarray]:
    weights: list[np.ndarray] = load_network(path, make_spec(SPEC)).get_weights()
    return weights


def test_members_start_from_the_weights_scaling_and_target_of_the_pretraining(both: Path, eager: None) -> None:
    standing = {"optimizer": {"name": "sgd", "learning_rate": 1e-30, "momentum": 0.0}, "max_epochs": 1}
    out = _train(both / "fine_tuned", {"clip_predictions": True}, both / "pretraining", **standing)
    for member in (0, 1):
        stored, started = both / "pretraining/out/model", out / "model"
        fixed = [i for i, name in enumerate(_names(stored / f"member-{member}.keras")) if "moving" not in name]
        first, after = _weights(stored / f"member-{member}.keras"), _weights(started / f"member-{member}.keras")
        for i in fixed:
            np.testing.assert_array_equal(first[i], after[i])
        scaling = sha256_file(stored / f"member-{member}.scaling.npz")
        assert sha256_file(started / f"member-{member}.scaling.npz") == scaling
        target, own = (
            load_target(stored / f"member-{member}.target.json"),
            load_target(started / f"member-{member}.target.json"),
        )
        assert (own.center, own.scale, own.minimum) == (target.center, target.scale, -50)
    assert any((a != b).any() for a, b in zip(*(_weights(stored / f"member-{m}.keras") for m in (0, 1)), strict=True))


def _names(path: Path) -> list[str]:
    return [weight.path for weight in load_network(path, make_spec(SPEC)).weights]


def test_a_network_starts_with_every_weight_of_the_stored_one(both: Path, tmp_path: Path) -> None:
    path = both / "pretraining/out/model/member-1.keras"
    model = build(SPEC, 3, seed=99)
    assert any((a != b).any() for a, b in zip(model.get_weights(), _weights(path), strict=True))
    copy_weights(model, path, MODEL)
    for own, stored in zip(model.get_weights(), _weights(path), strict=True):
        np.testing.assert_array_equal(own, stored)
    with pytest.raises(DataError, match=r"member-1.keras: these weights do not fit .*\(3, 8\) instead of \(5, 8\)"):
        copy_weights(build(SPEC, 5, seed=0), path, MODEL)
    deeper = SPEC | {"stacks": [{"width": 8, "layers": 3}, {"width": 4, "layers": 1}]}
    with pytest.raises(DataError, match=r"It has \d+ arrays, the file \d+"):
        copy_weights(build(deeper, 3, seed=0), path, MODEL)


def test_a_pretrained_run_says_what_it_read_and_depends_on_it(both: Path, eager: None) -> None:
    (both / "pretraining/out/model/.snakemake_timestamp").touch()
    info = json.loads((_train(both / "fine_tuned", source=both / "pretraining") / "run_info.json").read_text())
    assert not any(".snakemake_timestamp" in path for path in info["inputs_sha256"])
    assert info["pretrained"] == "pretraining/gap/ef/m/p"
    files = [both / "pretraining" / name for name in ("split.parquet", "materials.parquet")]
    for file in [*files, *(both / "pretraining/out/model").glob("m*")]:
        assert info["inputs_sha256"][str(file)] == sha256_file(file)
    alone = json.loads((_train(both / "fine_tuned") / "run_info.json").read_text())
    assert alone["pretrained"] is None
    assert len(alone["inputs_sha256"]) == 3


def test_pretrained_members_learn_and_predict_in_the_unit(both: Path, eager: None) -> None:
    out = _train(both / "fine_tuned", source=both / "pretraining")
    predictions = pd.read_parquet(out / "predictions.parquet").query("member == 1 and role == 'test'")
    features = pd.read_parquet(both / "fine_tuned/part.parquet").set_index("material_id")
    x = features.loc[predictions["material_id"]].to_numpy(np.float32)
    model = load_network(out / "model/member-1.keras", make_spec(SPEC))
    scaling, target = load_scaling(out / "model/member-1.scaling.npz"), load_target(out / "model/member-1.target.json")
    expected = target.restore(np.array(model(scaling.apply(x)))[:, 0])
    np.testing.assert_allclose(predictions["y_pred"], expected, rtol=1e-4, atol=1e-4)
    assert any(
        (a != b).any()
        for a, b in zip(model.get_weights(), _weights(both / "pretraining/out/model/member-1.keras"), strict=True)
    )


def test_a_killed_job_continues_to_the_same_bytes(
    both: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = (
        _train(both / "fine_tuned", source=both / "pretraining", max_epochs=4) / "predictions.parquet"
    ).read_bytes()
    monkeypatch.setattr(network, "fit_member", _partial(network.fit_member, checkpoint_seconds=0))
    record = TrainingState.record

    def killed(self: TrainingState, error: float | None, recorded: float | None = None) -> bool:
        if self.epoch == 3:
            raise KeyboardInterrupt
        return record(self, error, recorded)

    monkeypatch.setattr(TrainingState, "record", killed)
    with pytest.raises(KeyboardInterrupt):
        _train(both / "fine_tuned", source=both / "pretraining", max_epochs=4)
    monkeypatch.setattr(TrainingState, "record", record)
    with caplog.at_level(logging.INFO):
        out = _train(both / "fine_tuned", source=both / "pretraining", max_epochs=4)
    assert "member 1/2: continues after epoch 2" in caplog.text
    assert (out / "predictions.parquet").read_bytes() == whole


def _partial(function: Any, **keys: Any) -> Any:
    return lambda *arguments, **more: function(*arguments, **(more | keys))


def test_a_checkpoint_of_another_pretraining_is_moved(
    both: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fit = NetworkFitter.fit

    def killed(self: NetworkFitter, task: Task) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(NetworkFitter, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        _train(both / "fine_tuned", source=both / "pretraining")
    monkeypatch.setattr(NetworkFitter, "fit", fit)
    _train(both / "pretraining", SOURCE, max_epochs=1)
    _train(both / "fine_tuned", source=both / "pretraining")
    assert "belongs to other settings" in caplog.text


def _respell(both: Path) -> None:
    """Give the pre-training run the evaluation compositions of the fine-tuned run."""
    table = pd.read_parquet(both / "pretraining/materials.parquet")
    table["composition"] = [f"Cl{3 * (n + 1)}Na{3 * n}" for n in range(1, ROWS + 1)]
    table.to_parquet(both / "pretraining/materials.parquet")


def _lose_member(both: Path) -> None:
    (both / "pretraining/out/model/member-1.keras").unlink()


def _shorten(both: Path) -> None:
    split = pd.read_parquet(both / "pretraining/split.parquet")
    split[split["member"] == 0].to_parquet(both / "pretraining/split.parquet")


def _lose_scaling(both: Path) -> None:
    (both / "pretraining/out/model/member-0.scaling.npz").unlink()


def _lose_target(both: Path) -> None:
    (both / "pretraining/out/model/member-0.target.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_respell, r"pretraining/split.parquet: member 0 of the pre-training run has 24 of the validation and test compositions of member 0 of .*fine_tuned/split.parquet, such as Cl12Na11,"),
        (_lose_member, r"model: no network for member 1 of .*fine_tuned/split.parquet; the pre-training run has the members 0\."),
        (_shorten, r"no network for member 1 of .* has the members 0\. Remove the split .*pretraining/split.parquet"),
        (_lose_scaling, r"member-0.scaling.npz: missing, though the pre-training run has the key 'scaling'"),
        (_lose_target, r"member-0.target.json: missing, though the pre-training run has the key 'target_scaling'"),
    ],
)  # fmt: skip
def test_a_pretraining_that_does_not_fit_is_refused_by_name(both: Path, eager: None, spoil: Any, message: str) -> None:
    spoil(both)
    with pytest.raises(DataError, match=message):
        _train(both / "fine_tuned", source=both / "pretraining")
    assert not (both / "fine_tuned/out/predictions.parquet").exists()


def test_a_pretraining_of_another_model_or_representation_is_refused(both: Path) -> None:
    other = {"kind": "network", "spec": SPEC | {"shortcut": "none"}}
    with pytest.raises(DataError, match=r"pretraining/out/model: trained with another model than this run"):
        _train(both / "fine_tuned", source=both / "pretraining", model=other)
    about = json.loads((both / "pretraining/out/model/model.json").read_text())
    about["run"]["representation"] = "pa"
    (both / "pretraining/out/model/model.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match=r"trained with another representation than this run.*: pa instead of ef\."):
        _train(both / "fine_tuned", source=both / "pretraining")


JOB = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
import test_fine_tuning
both = Path(sys.argv[1])
still = {{"optimizer": {{"name": "sgd", "learning_rate": 1e-30, "momentum": 0.0}}, "max_epochs": 1}}
test_fine_tuning._train(both / "fine_tuned", source=both / "pretraining", engine="jax", parallel_members=2, **still)
"""


def test_simultaneous_members_start_from_weights_that_the_other_engine_stored(both: Path) -> None:
    pytest.importorskip("jax")
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2]), str(Path(job_module.__file__).parents[2])]
    command = [sys.executable, "-c", JOB.format(paths=paths), str(both)]
    done = subprocess.run(
        command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    info = json.loads((both / "fine_tuned/out/run_info.json").read_text())
    assert info["engine"]["name"] == "jax"
    for member in (0, 1):
        assert info["members"][str(member)]["parallel_members"] == 2
        stored, after = (both / name / f"out/model/member-{member}.keras" for name in ("pretraining", "fine_tuned"))
        fixed = [i for i, name in enumerate(_names(stored)) if "moving" not in name]
        for i in fixed:
            np.testing.assert_array_equal(_weights(stored)[i], _weights(after)[i])
