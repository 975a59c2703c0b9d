"""The JAX engine: against TensorFlow step by step, and simultaneous members against each alone; each in its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elemflow.training import job as run
from elemflow.training.data import RoleData

pytest.importorskip("jax")
FOLDERS = [str(Path(__file__).parents[2]), str(Path(run.__file__).parents[2])]


FAST = "--xla_backend_optimization_level=0"
"""Most of the time goes into compiling."""


def _on(engine: str, action: str, folder: Path, *arguments: str, flags: str = FAST) -> Any:
    """Run an action of `factories.engine_actions` on an engine in a process of its own, and return what it says."""
    command = [sys.executable, "-m", "factories.engine_actions", engine, action, str(folder), *arguments]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(FOLDERS),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": flags,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_both_engines_compute_the_same_steps(tmp_path: Path) -> None:
    theirs = _on("tensorflow", "curves", tmp_path)  # also writes the weights that both start from
    ours = _on("jax", "curves", tmp_path)
    assert theirs.keys() == ours.keys()
    for name, curve in theirs.items():
        np.testing.assert_allclose(ours[name], curve, rtol=1e-4, err_msg=name)


def test_a_base_of_one_head_takes_the_steps_of_a_run(tmp_path: Path) -> None:
    found = _on("jax", "one_head", tmp_path, flags="")
    assert found["other"] == [], "all weights have equal bytes"
    assert found["moved"] == found["arrays"]
    assert found["losses"][0] == pytest.approx(found["losses"][1], rel=1e-6)


def test_simultaneous_members_are_trained_as_each_alone(tmp_path: Path) -> None:
    """Ten members of unequal size: one diverges, and half of them stop before the others."""
    found = _on("jax", "simultaneous", tmp_path)
    assert len(found["together"]) == 10
    assert "member 4/10, epoch 1: the training loss is" in found["together"].pop("3")
    assert {member["stopped"] for member in found["together"].values()} == {"early_stopping", "max_epochs"}
    for member, alone in found["alone"].items():
        together = found["together"][member]
        np.testing.assert_allclose(together["losses"], alone["losses"], rtol=1e-5, err_msg=member)
        np.testing.assert_allclose(together["predicted"], alone["predicted"], rtol=1e-4, atol=1e-5, err_msg=member)
        assert (together["stopped"], together["best"]) == (alone["stopped"], alone["best"])


def test_stopped_members_continue_in_other_groups(tmp_path: Path) -> None:
    found = _on("jax", "stop", tmp_path)
    assert found["resumed"] == pytest.approx(found["whole"], rel=1e-5)
    assert found["message"].startswith("member 1/3, member 2/3, member 3/3: stopped by SIGTERM after epoch 2")


def test_a_job_trains_its_members_together(tmp_path: Path) -> None:
    found = _on("jax", "job", tmp_path)
    assert found["engine"]["name"] == "jax"
    assert found["together"] == [2, 2, 1]
    assert found["errors"] < 1.5
    for override in found["overrides"].values():
        assert override["reported"] == pytest.approx(override["monitored"]), "what is reported is what was monitored"
        assert all(override["again"]), "a prediction leaves the state as it is"
        assert not np.allclose(override["batch"], override["inference"])
    normalised = found["overrides"]["batch_norm"]
    np.testing.assert_allclose(normalised["batch"], normalised["training"], rtol=1e-5)


def test_rows_that_members_share_are_kept_once() -> None:
    from elemflow.training.jax_engine import shared_rows

    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 2)).astype(np.float32)
    ids = np.array([f"m{i}" for i in range(9)], dtype=object)
    sets = [RoleData(ids[rows], x[rows], x[rows, 0]) for rows in ([0, 1, 2, 3], [2, 3, 4], [0, 8, 4, 5])]
    unique, places = shared_rows(sets)
    assert len(unique) == 7
    for rows, place in zip(sets, places, strict=True):
        np.testing.assert_array_equal(unique[place], rows.x)
    scaled = [RoleData(rows.material_id, rows.x * scale, rows.y) for scale, rows in enumerate(sets, start=1)]
    unique, places = shared_rows(scaled)
    for rows, place in zip(scaled, places, strict=True):
        np.testing.assert_array_equal(unique[place], rows.x)
