from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from elemflow.provenance.failures import describe_failures, failure_of_run, last_error

STAMP = "2026-01-01 00:00:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{STAMP} INFO a\n{STAMP} ERROR the loss is nan. Lower it.\n", "the loss is nan. Lower it."),
        (f"{STAMP} ERROR 2 of 3 failed:\nmember 1: nan\nmember 2: nan\n", "2 of 3 failed: member 1: nan"),
        (f"{STAMP} ERROR Unexpected failure\nTraceback:\n  File x\nKeyError: 'a'\n\n", "KeyError: 'a'"),
        (
            f"{STAMP} INFO epoch 3\n",
            f"no error in its log, so it was stopped from outside (memory, time); last line: {STAMP} INFO epoch 3",
        ),
        ("", "no error in its log, so it was stopped from outside (memory, time); last line: (nothing)"),
    ],
)
def test_last_error(tmp_path, text, expected):
    (tmp_path / "log").write_text(text)
    assert last_error(tmp_path / "log") == expected


def test_a_log_may_be_absent(tmp_path):
    assert last_error(tmp_path / "log") == "no log: it failed before its script began"


@dataclass
class Job:
    name: str
    input: list = field(default_factory=list)
    output: list = field(default_factory=list)
    log: list = field(default_factory=list)
    wildcards: tuple = ("mp", "gap")

    @property
    def rule(self):
        return SimpleNamespace(name=self.name)

    def is_group(self):
        return False


def test_failures_are_listed_with_log_and_error(tmp_path):
    (tmp_path / "log").write_text(f"{STAMP} ERROR no rows\n")
    job = Job("train_model", output=[tmp_path / "absent"], log=[tmp_path / "log"])
    assert describe_failures([job]).splitlines() == [
        "Failed: 1. What finished is kept; the same command goes on from there.",
        "  train_model mp/gap",
        f"    {tmp_path / 'log'}",
        "    no rows",
    ]


def test_of_a_group_only_the_job_that_failed_is_listed(tmp_path):
    made = tmp_path / "made"
    made.touch()
    done = Job("split", output=[made])
    failed = Job("train_model", input=[made], output=[tmp_path / "predictions"], log=[tmp_path / "log"])
    waiting = Job("evaluate_run", input=[tmp_path / "predictions"], output=[tmp_path / "metrics"])
    group = SimpleNamespace(jobs=[waiting, failed, done], is_group=lambda: True)
    shown = describe_failures([group])
    assert "train_model" in shown
    assert "evaluate_run" not in shown
    assert "split" not in shown


def test_nothing_failed():
    assert describe_failures([]) == ""
    assert describe_failures([Job("done", output=[Path(__file__)])]) == ""


@pytest.mark.parametrize(
    ("log", "made", "message"),
    [
        ("t INFO on\nt ERROR member 1 diverged\n", (), "member 1 diverged"),
        ("t ERROR Unexpected failure\nTraceback\nKeyError: 'x'\n", (), "KeyError: 'x'"),
        ("t INFO epoch 3\n", (), None),
        (None, (), None),
        ("t ERROR once\n", ("predictions.parquet", "metrics.json"), None),
        ("t ERROR once\n", ("metrics.json",), "once"),  # of an older start
    ],
)
def test_a_failed_run_is_known_by_its_log(tmp_path, log, made, message):
    run = "kefe/gap/ef/brnet/p"
    path = tmp_path / f"logs/train_model/{run}.log"
    for file in made:
        (tmp_path / "runs" / run).mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs" / run / file).touch()
    if log:
        path.parent.mkdir(parents=True)
        path.write_text(log)
    assert failure_of_run(run, tmp_path) == (message and {"log": str(path), "message": message})
