import os
import time

import pytest
import yaml

from elemflow.core.deadline import DEADLINE, set_deadline
from elemflow.core.errors import ConfigError
from elemflow.training.interruption import requested, until


@pytest.mark.parametrize("given", ["", "soon", "nan", "2026-01-01"])
def test_a_deadline_that_is_no_time_is_named(monkeypatch, given):
    monkeypatch.setenv(DEADLINE, given)
    with pytest.raises(
        ConfigError, match=rf"environment variable ELEMFLOW_DEADLINE: found '{given}'; expected seconds"
    ):
        requested()


def test_the_time_for_other_runs_ends_without_that_of_the_job(monkeypatch):
    monkeypatch.delenv(DEADLINE, raising=False)
    with until(time.monotonic() - 1):
        assert requested() == "the end of the time for other runs"
        monkeypatch.setenv(DEADLINE, "0")
        assert requested() == "the end of the job's time"
        monkeypatch.delenv(DEADLINE)
    assert requested() is None


def test_deadline_is_set_where_time_is_limited(monkeypatch):
    monkeypatch.setenv(DEADLINE, "unchanged")
    set_deadline(60, None)
    assert os.environ[DEADLINE] == "unchanged"
    before = time.time()
    set_deadline(60, 5)
    assert before + 55 * 60 - 1 <= float(os.environ[DEADLINE]) <= time.time() + 55 * 60 + 1


def test_an_option_of_the_command_line_leaves_the_grace_of_the_slurm_profile(root):
    profile = yaml.safe_load((root / "workflow/profiles/slurm/profile.yaml").read_text())
    assert profile["default-resources"]["grace"] > 0
    assert "set-resources" not in profile, "all of it is lost with any --set-resources on the command line"
