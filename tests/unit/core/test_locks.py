"""Locks between processes."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from elemflow.core import locks

HOLD = """
import sys, time
sys.path.insert(0, {package!r})
from elemflow.core.locks import locked
with locked({path!r}, "the other"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path: Path):
    """A process that holds the lock of `x/run.lock`."""
    code = HOLD.format(package=str(Path(locks.__file__).parents[2]), path=str(tmp_path / "x/run.lock"))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_lock_is_for_one_process_and_ends_with_it(tmp_path: Path, other, monkeypatch) -> None:
    monkeypatch.setattr(locks, "SECONDS_BETWEEN_TRIES", 0.01)
    path, holders = tmp_path / "x/run.lock", []
    with locks.locked(path, "me") as held:
        assert not held

    def wait(holder: str) -> None:
        holders.append(holder)
        if len(holders) == 3:
            other.kill()  # a process that dies of this cannot tidy up

    with locks.locked(path, "me", wait) as held:
        assert held
        assert path.read_text() == "me"
    assert set(holders) == {"the other"}
    assert len(holders) >= 3
    assert not path.exists()


def test_who_waits_may_give_up(tmp_path: Path, other) -> None:
    def wait(holder: str) -> None:
        raise SystemExit(holder)

    with pytest.raises(SystemExit, match="the other"), locks.locked(tmp_path / "x/run.lock", "me", wait):
        pytest.fail("the lock is held twice")


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locks.locked(tmp_path / "run.lock", "me"):
        raise KeyError
    with locks.locked(tmp_path / "run.lock", "me") as held:
        assert held


def test_without_locks_who_would_wait_goes_on(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locks.locked(tmp_path / "run.lock", "me", print) as held:
        assert held
    with locks.locked(tmp_path / "run.lock", "me") as held:
        assert not held
