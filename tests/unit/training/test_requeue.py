"""A training at the end of its time is put back into Slurm's queue, and only then."""

import time
from pathlib import Path

import pytest

from elemflow.core.deadline import DEADLINE
from elemflow.training import requeue as module
from elemflow.training.interruption import MARGIN, TIME_LIMIT, Stopped
from elemflow.training.requeue import requeue, requeued_at_time_limit

BEGAN = time.time()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of a Slurm whose scontrol notes its arguments; return the note."""
    script = tmp_path / "scontrol"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/note\n[ ! -e {tmp_path}/forbidden ]\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv(DEADLINE, str(BEGAN + MARGIN + 30))
    monkeypatch.setattr(module, "SECONDS_TO_BE_STOPPED", 0.0)
    return tmp_path / "note"


def test_a_training_at_its_time_limit_is_put_back(slurm):
    assert requeue(Stopped("", TIME_LIMIT), BEGAN)
    assert slurm.read_text() == "requeue 17\n"


def test_a_cancelled_training_is_not_put_back(slurm):
    assert not requeue(Stopped("", "SIGTERM"), BEGAN)
    assert not slurm.exists()


def test_a_job_without_time_for_training_is_not_put_back(slurm, monkeypatch):
    monkeypatch.setenv(DEADLINE, str(BEGAN + MARGIN - 1))
    assert not requeue(Stopped("", TIME_LIMIT), BEGAN)
    assert not slurm.exists()


def test_outside_of_slurm_nothing_is_put_back(slurm, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID")
    assert not requeue(Stopped("", TIME_LIMIT), BEGAN)
    assert not slurm.exists()


def test_a_site_that_forbids_it_is_named(slurm, caplog):
    (slurm.parent / "forbidden").touch()
    assert not requeue(Stopped("", TIME_LIMIT), BEGAN)
    assert "Slurm does not put job 17 back into the queue" in caplog.text


def test_a_training_that_is_stopped_still_fails(slurm, monkeypatch):
    monkeypatch.setenv(DEADLINE, str(time.time() + MARGIN + 3600))
    with pytest.raises(Stopped), requeued_at_time_limit():
        raise Stopped("", TIME_LIMIT)
    assert slurm.read_text() == "requeue 17\n"
