"""Runs that start from the networks of a source run."""

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
from factories.toy import PROTOCOL, SPEC

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file, write_parquet
from elemflow.networks.build import build_network, load_network
from elemflow.training import job as run
from elemflow.training import state as course
from elemflow.training.data import MemberData
from elemflow.training.fine_tuning import SourceFiles
from elemflow.training.fitters import network
from elemflow.training.scaling import load_scaling, load_target

ROWS = 60
NETWORK = {"kind": "network", "spec": SPEC}
OTHERS = [f"Fe{n}O{n + 1}" for n in range(1, ROWS + 1)]
OWN = [f"O{2 * n + 2}Fe{2 * n}" for n in range(1, 21)] + [f"Na{n}Cl{n + 1}" for n in range(1, ROWS - 19)]
"""The first 20 are compositions of the source, spelled otherwise."""
SOURCE = {"scaling": {"ef": "standard"}, "target_scaling": {"center": "median", "scale": "std"}}
ORDER = ("dataset", "property", "representation", "model", "protocol")


def _dataset(folder: Path, compositions: list[str], judged: slice, *, members: int = 2, seed: int = 0) -> None:
    """Write the inputs of a run whose validation and test rows are those at `judged`, four of each eight of them."""
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
    roles[judged] = np.resize(["validation", "test"], len(roles[judged]))
    split = pd.concat([pd.DataFrame({"material_id": ids, "member": m, "role": roles}) for m in range(members)])
    split.to_parquet(folder / "split.parquet")


def _train(folder: Path, keys: Any = (), source: Path | None = None, model: Any = None, **change: Any) -> Path:
    ids = dict(zip(ORDER, (folder.name, "gap", "ef", "m", "p"), strict=True))
    protocol = PROTOCOL | {"training": PROTOCOL["training"] | {"max_epochs": 2} | change} | dict(keys)
    cfg = {"run": ids, "property": {"unit": "eV", "minimum": -50.0}, "model": model or NETWORK, "protocol": protocol}
    given = source and SourceFiles(source / "out/model", source / "split.parquet", source / "materials.parquet")
    outputs = {name: folder / "out" / f"{name}.parquet" for name in ("predictions", "history")}
    run.train_run(
        cfg, features=[folder / "part.parquet"], materials=folder / "materials.parquet", split=folder / "split.parquet",
        run_info=folder / "out/run_info.json", model_folder=folder / "out/model", checkpoint_folder=folder / "checkpoint",
        threads=1, pretrained=given, **outputs,
    )  # fmt: skip
    return folder / "out"


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source run and the inputs of its target; the source has none of the compositions that the target is judged by."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("trained")
    _dataset(folder / "source", OTHERS, slice(40, 60))
    _dataset(folder / "target", OWN, slice(30, 54), seed=1)
    tf.config.run_functions_eagerly(True)
    _train(folder / "source", SOURCE)
    tf.config.run_functions_eagerly(False)
    return folder


@pytest.fixture
def both(_trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    shutil.copytree(_trained, tmp_path / "both")
    return tmp_path / "both"


def _weights(path: Path) -> list[np.ndarray]:
    weights: list[np.ndarray] = load_network(path).get_weights()
    return weights


def test_members_start_from_the_weights_scaling_and_target_of_the_source(both: Path, eager: None) -> None:
    standing = {"optimizer": {"name": "sgd", "learning_rate": 1e-30, "momentum": 0.0}, "max_epochs": 1}
    out = _train(both / "target", {"clip_predictions": True}, both / "source", **standing)
    for member in (0, 1):
        stored, started = both / "source/out/model", out / "model"
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
    return [weight.path for weight in load_network(path).weights]


def test_a_network_starts_with_every_weight_of_the_stored_one(both: Path, tmp_path: Path) -> None:
    path = both / "source/out/model/member-1.keras"
    model = build_network(SPEC, 3, seed=99)
    assert any((a != b).any() for a, b in zip(model.get_weights(), _weights(path), strict=True))
    network._start_from(model, path)
    for own, stored in zip(model.get_weights(), _weights(path), strict=True):
        np.testing.assert_array_equal(own, stored)
    with pytest.raises(DataError, match=r"member-1.keras: these weights do not fit .*\(3, 8\) instead of \(5, 8\)"):
        network._start_from(build_network(SPEC, 5, seed=0), path)
    deeper = SPEC | {"stacks": [{"width": 8, "layers": 3}, {"width": 4, "layers": 1}]}
    with pytest.raises(DataError, match=r"It has \d+ arrays, the file \d+"):
        network._start_from(build_network(deeper, 3, seed=0), path)


def test_a_pretrained_run_says_what_it_read_and_depends_on_it(both: Path, eager: None) -> None:
    (both / "source/out/model/.snakemake_timestamp").touch()
    info = json.loads((_train(both / "target", source=both / "source") / "run_info.json").read_text())
    assert not any(".snakemake_timestamp" in path for path in info["inputs_sha256"])
    assert info["pretrained"] == "source/gap/ef/m/p"
    files = [both / "source" / name for name in ("split.parquet", "materials.parquet")]
    for file in [*files, *(both / "source/out/model").glob("m*")]:
        assert info["inputs_sha256"][str(file)] == sha256_file(file)
    alone = json.loads((_train(both / "target") / "run_info.json").read_text())
    assert alone["pretrained"] is None
    assert len(alone["inputs_sha256"]) == 3


def test_pretrained_members_learn_and_predict_in_the_unit(both: Path, eager: None) -> None:
    out = _train(both / "target", source=both / "source")
    predictions = pd.read_parquet(out / "predictions.parquet").query("member == 1 and role == 'test'")
    features = pd.read_parquet(both / "target/part.parquet").set_index("material_id")
    x = features.loc[predictions["material_id"]].to_numpy(np.float32)
    model = load_network(out / "model/member-1.keras")
    scaling, target = load_scaling(out / "model/member-1.scaling.npz"), load_target(out / "model/member-1.target.json")
    expected = target.restore(np.array(model(scaling.apply(x)))[:, 0])
    np.testing.assert_allclose(predictions["y_pred"], expected, rtol=1e-4, atol=1e-4)
    assert any(
        (a != b).any()
        for a, b in zip(model.get_weights(), _weights(both / "source/out/model/member-1.keras"), strict=True)
    )


def test_a_killed_job_continues_to_the_same_bytes(
    both: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = (_train(both / "target", source=both / "source", max_epochs=4) / "predictions.parquet").read_bytes()
    monkeypatch.setattr(network, "fit_member", _partial(network.fit_member, checkpoint_seconds=0))
    record = course.Course.record

    def killed(self: course.Course, error: float | None) -> bool:
        if self.epoch == 3:
            raise KeyboardInterrupt
        return record(self, error)

    monkeypatch.setattr(course.Course, "record", killed)
    with pytest.raises(KeyboardInterrupt):
        _train(both / "target", source=both / "source", max_epochs=4)
    monkeypatch.setattr(course.Course, "record", record)
    with caplog.at_level(logging.INFO):
        out = _train(both / "target", source=both / "source", max_epochs=4)
    assert "member 1/2: continues after epoch 2" in caplog.text
    assert (out / "predictions.parquet").read_bytes() == whole


def _partial(function: Any, **keys: Any) -> Any:
    return lambda *arguments, **more: function(*arguments, **(more | keys))


def test_a_checkpoint_of_another_source_is_set_aside(
    both: Path, eager: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fit = network.fit

    def killed(cfg: Any, data: MemberData, *rest: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        _train(both / "target", source=both / "source")
    monkeypatch.setattr(network, "fit", fit)
    _train(both / "source", SOURCE, max_epochs=1)
    _train(both / "target", source=both / "source")
    assert "belongs to other settings" in caplog.text


def _respell(both: Path) -> None:
    """Give the source the compositions that the target is judged by."""
    table = pd.read_parquet(both / "source/materials.parquet")
    table["composition"] = [f"Cl{3 * (n + 1)}Na{3 * n}" for n in range(1, ROWS + 1)]
    table.to_parquet(both / "source/materials.parquet")


def _lose_member(both: Path) -> None:
    (both / "source/out/model/member-1.keras").unlink()


def _shorten(both: Path) -> None:
    split = pd.read_parquet(both / "source/split.parquet")
    split[split["member"] == 0].to_parquet(both / "source/split.parquet")


def _lose_scaling(both: Path) -> None:
    (both / "source/out/model/member-0.scaling.npz").unlink()


def _lose_target(both: Path) -> None:
    (both / "source/out/model/member-0.target.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_respell, r"source/split.parquet: member 0 of the source run has 24 of the compositions that member 0 of .*target/split.parquet is judged by, such as Cl12Na11,"),
        (_lose_member, r"model: no network for member 1 of .*target/split.parquet, since the source run has the members 0\."),
        (_shorten, r"no network for member 1 of .* has the members 0\. Remove the division .*source/split.parquet"),
        (_lose_scaling, r"member-0.scaling.npz: missing, though the source run has the key 'scaling'"),
        (_lose_target, r"member-0.target.json: missing, though the source run has the key 'target'"),
    ],
)  # fmt: skip
def test_a_source_that_does_not_fit_is_refused_by_name(both: Path, eager: None, spoil: Any, message: str) -> None:
    spoil(both)
    with pytest.raises(DataError, match=message):
        _train(both / "target", source=both / "source")
    assert not (both / "target/out/predictions.parquet").exists()


def test_a_source_of_another_model_or_representation_is_refused(both: Path) -> None:
    other = {"kind": "network", "spec": SPEC | {"shortcut": "none"}}
    with pytest.raises(DataError, match=r"source/out/model: trained with another model than this run"):
        _train(both / "target", source=both / "source", model=other)
    about = json.loads((both / "source/out/model/model.json").read_text())
    about["run"]["representation"] = "pa"
    (both / "source/out/model/model.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match=r"trained with another representation than this run.*: pa instead of ef\."):
        _train(both / "target", source=both / "source")


JOB = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
import test_pretrained
both = Path(sys.argv[1])
still = {{"optimizer": {{"name": "sgd", "learning_rate": 1e-30, "momentum": 0.0}}, "max_epochs": 1}}
test_pretrained._train(both / "target", source=both / "source", engine="jax", parallel_members=2, **still)
"""


def test_a_fleet_starts_from_the_weights_that_the_other_engine_stored(both: Path) -> None:
    pytest.importorskip("jax")
    paths = [str(Path(__file__).parent), str(Path(run.__file__).parents[2])]
    command = [sys.executable, "-c", JOB.format(paths=paths), str(both)]
    done = subprocess.run(
        command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    info = json.loads((both / "target/out/run_info.json").read_text())
    assert info["engine"]["name"] == "jax"
    for member in (0, 1):
        assert info["members"][str(member)]["fleet"] == 2
        stored, after = (both / name / f"out/model/member-{member}.keras" for name in ("source", "target"))
        fixed = [i for i, name in enumerate(_names(stored)) if "moving" not in name]
        for i in fixed:
            np.testing.assert_array_equal(_weights(stored)[i], _weights(after)[i])
