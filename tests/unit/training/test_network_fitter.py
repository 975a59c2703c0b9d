"""Groups of simultaneous members that fit into the memory, and what a fitter checks before."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories.toy import PROTOCOL, SPEC, TRAINING, build
from factories.training import NETWORK, make_run

from elemflow.core.errors import ConfigError, DataError, TrainingError
from elemflow.networks.families.dense import Dense
from elemflow.training.backend import Backend
from elemflow.training.data import MemberData, RoleData
from elemflow.training.engine import TrainingJob
from elemflow.training.fitter import Task
from elemflow.training.fitters import network
from elemflow.training.fitters.network import NetworkFitter

RNN = {"family": "recurrent", "max_elements": 4, "lstm_width": 6, "highway_layers": 1, "gate_bias": -1.0}


def _rows(rows: int) -> RoleData:
    ids = np.array([f"m{i}" for i in range(rows)], dtype=object)
    return RoleData(ids, np.zeros((rows, 3), np.float32), np.zeros(rows))


def _tasks(members: int) -> list[Task]:
    return [
        Task(MemberData(m, _rows(20), _rows(5), _rows(5), {}), Path(), f"member {m + 1}/{members}")
        for m in range(members)
    ]


def _fitter(keras: Any, model: dict[str, Any] = NETWORK, **training: Any) -> NetworkFitter:
    run = make_run(model, PROTOCOL | {"training": TRAINING | training})
    return NetworkFitter(run, SimpleNamespace(keras=keras, threads=1))  # type: ignore[arg-type]


@pytest.mark.parametrize(("most", "room", "groups"), [(None, 2, [2, 2, 1]), (None, 9, [5]), (3, 2, [2, 1, 2])])
def test_members_are_grouped_where_the_memory_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, most: int | None, room: int, groups: list[int]
) -> None:
    trained: list[list[str]] = []

    def fit_members(jobs: Sequence[TrainingJob], settings: Any, backend: Any) -> Iterator[tuple[int, Any]]:
        trained.append([job.progress.label for job in jobs])
        for number in reversed(range(len(jobs))):  # whoever ends first comes first
            yield number, TrainingError(jobs[number].progress.label)

    monkeypatch.setattr(network, "fit_members", fit_members)
    monkeypatch.setattr(Dense, "build", lambda *_: None)
    keras = SimpleNamespace(parallel_members=lambda declared: most, members_with_room=lambda *_: room)
    with caplog.at_level("INFO"):
        found = list(_fitter(keras).fit_all(iter(_tasks(5))))
    assert [len(labels) for labels in trained] == groups
    assert sorted(task.label for task, _ in found) == [f"member {m}/5" for m in range(1, 6)]
    assert all(str(outcome) == task.label for task, outcome in found)
    assert ("the memory has room for 2 members at once" in caplog.text) == (room == 2)


def _jax_backend() -> Any:
    return pytest.importorskip("elemflow.training.jax_engine").JaxBackend()


@pytest.mark.parametrize("on_device", [True, False])
def test_room_grows_with_memory_and_is_never_nothing(monkeypatch: pytest.MonkeyPatch, on_device: bool) -> None:
    backend, jax_engine = _jax_backend(), pytest.importorskip("elemflow.training.jax_engine")
    model, train_sets = build(SPEC, 3, 0), [task.data.train for task in _tasks(2)]

    def room(memory: int) -> int:
        stats = {"bytes_limit": memory} if on_device else None  # a CPU says nothing, and its free memory counts
        monkeypatch.setattr(jax_engine.jax, "devices", lambda: [SimpleNamespace(memory_stats=lambda: stats)])
        monkeypatch.setattr(jax_engine.os, "sysconf", lambda name: memory if name == "SC_AVPHYS_PAGES" else 1)
        return int(backend.members_with_room(model, train_sets, 16))

    assert room(1) == 1
    few, more = room(10_000_000), room(20_000_000)
    assert 1 < few < more
    assert more - few == pytest.approx(0.8 * 10_000_000 / (7 * 4 * model.count_params() + 8 * 16 * 40), rel=0.5)


def test_layers_of_several_outputs_are_counted() -> None:
    rows = RoleData(np.array(["a", "b"], dtype=object), np.eye(2, 86, dtype=np.float32), np.zeros(2))
    assert _jax_backend().members_with_room(build(RNN, 86, 1), [rows], 8) >= 1


def test_networks_of_ones_own_are_trained_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of such a network may compute another function than the one that it reported."""
    keras = SimpleNamespace(parallel_members=lambda declared: None)
    custom = {"kind": "network", "spec": {"family": "custom", "file": "net.py"}}
    fitted: list[str] = []
    monkeypatch.setattr(NetworkFitter, "fit", lambda self, task: fitted.append(task.label))
    assert len(list(_fitter(keras, custom).fit_all(iter(_tasks(2))))) == 2
    assert fitted == ["member 1/2", "member 2/2"]


def test_every_set_is_checked_before_the_training() -> None:
    x = np.zeros((4, 86), np.float32)
    for row in range(4):
        x[row, : row + 1] = 1 / (row + 1)
    ids = np.array([f"m{row}" for row in range(4)], dtype=object)
    few, many = (RoleData(ids[rows], x[rows], np.zeros(len(rows))) for rows in ([0, 1], [2, 3]))
    fitter = _fitter(None, {"kind": "network", "spec": RNN | {"max_elements": 3}})
    with pytest.raises(DataError, match="material 'm3'"):
        fitter.fit(Task(MemberData(0, few, few, many, {}), Path(), "member 1/1"))


def test_a_network_needs_the_key_training() -> None:
    run = make_run(NETWORK, PROTOCOL | {"training": None})
    with pytest.raises(ConfigError, match="key 'training'"):
        NetworkFitter(run, Backend(1))
