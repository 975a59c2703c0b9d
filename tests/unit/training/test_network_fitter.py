"""Division of the members of a run into fleets that fit into the memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories.toy import PROTOCOL, SPEC

from elemflow.core.errors import TrainingError
from elemflow.training.data import MemberData, RoleData
from elemflow.training.fitter import Task
from elemflow.training.fitters import network

jax_engine = pytest.importorskip("elemflow.training.jax_engine")
CFG = {"model": {"kind": "network", "spec": SPEC}, "protocol": PROTOCOL}


def _part(rows: int) -> RoleData:
    ids = np.array([f"m{i}" for i in range(rows)], dtype=object)
    return RoleData(ids, np.zeros((rows, 3), np.float32), np.zeros(rows))


def _tasks(members: int) -> list[Task]:
    return [
        Task(MemberData(m, _part(20), _part(5), _part(5), {}), Path(), f"member {m + 1}/{members}")
        for m in range(members)
    ]


@pytest.mark.parametrize(("size", "room", "fleets"), [(None, 2, [2, 2, 1]), (None, 9, [5]), (3, 2, [2, 1, 2])])
def test_a_fleet_is_divided_where_the_memory_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, size: int | None, room: int, fleets: list[int]
) -> None:
    trained: list[list[str]] = []

    def fit_fleet(jobs: Sequence[Any], protocol: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
        trained.append([job.progress.label for job in jobs])
        for number in reversed(range(len(jobs))):  # whoever ends first comes first
            yield number, TrainingError(jobs[number].progress.label)

    monkeypatch.setattr(network, "fleet_size", lambda declared: size)
    monkeypatch.setattr(network, "fit_fleet", fit_fleet)
    monkeypatch.setattr(network, "build_network", lambda *_: None)
    monkeypatch.setattr(jax_engine, "members_with_room", lambda *_: room)
    with caplog.at_level("INFO"):
        found = list(network.fit_all(CFG, iter(_tasks(5)), 1))
    assert [len(labels) for labels in trained] == fleets
    assert sorted(task.label for task, _ in found) == [f"member {m}/5" for m in range(1, 6)]
    assert all(str(outcome) == task.label for task, outcome in found)
    assert ("the memory has room for 2 members at once" in caplog.text) == (room == 2)


@pytest.mark.parametrize("on_device", [True, False])
def test_room_grows_with_memory_and_is_never_nothing(monkeypatch: pytest.MonkeyPatch, on_device: bool) -> None:
    from elemflow.networks.build import build_network

    model, parts = build_network(SPEC, 3, 0), [task.data.train for task in _tasks(2)]

    def room(memory: int) -> int:
        stats = {"bytes_limit": memory} if on_device else None  # a CPU says nothing, and its free memory counts
        monkeypatch.setattr(jax_engine.jax, "devices", lambda: [SimpleNamespace(memory_stats=lambda: stats)])
        monkeypatch.setattr(jax_engine.os, "sysconf", lambda name: memory if name == "SC_AVPHYS_PAGES" else 1)
        return int(jax_engine.members_with_room(model, parts, 16))

    assert room(1) == 1
    few, more = room(10_000_000), room(20_000_000)
    assert 1 < few < more
    assert more - few == pytest.approx(0.8 * 10_000_000 / (7 * 4 * model.count_params() + 8 * 16 * 40), rel=0.5)


def test_networks_of_ones_own_are_trained_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a fleet stores of them could be another function than the one that it reported."""
    monkeypatch.setattr(network, "fleet_size", lambda fleet: None)
    monkeypatch.setattr(network, "one_by_one", lambda fit, cfg, tasks, threads: iter(["alone"]))
    cfg = {"protocol": {"training": {"parallel_members": "auto"}}, "model": {"spec": {"family": "custom"}}}
    assert list(network.fit_all(cfg, iter(()), 1)) == ["alone"]
    assert not list(network.fit_all(cfg | {"model": {"spec": SPEC}}, iter(()), 1))
