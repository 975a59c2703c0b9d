from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from elemflow.core.files import write_json
from elemflow.core.logs import failure_path
from elemflow.provenance.failures import describe_failures, failure_of_run, reason_of, recorded_failure


def record(log: Path, message: str) -> None:
    write_json(failure_path(log), {"error": "DataError", "message": message})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("the loss is nan. Lower it.", "the loss is nan. Lower it."),
        ("2 of 3 failed:\nmember 1: nan\nmember 2: nan", "2 of 3 failed: member 1: nan"),
        ("KeyError: 'a'", "KeyError: 'a'"),
        ("", ""),
    ],
)
def test_a_recorded_failure_becomes_one_line(tmp_path, message, expected):
    record(tmp_path / "p.log", message)
    assert recorded_failure(tmp_path / "p.log") == (str(tmp_path / "p.log"), expected)


@pytest.mark.parametrize(("text", "last"), [("INFO epoch 2\nINFO epoch 3\n\n", "INFO epoch 3"), ("", "(nothing)")])
def test_a_killed_job_is_known_by_the_end_of_its_log(tmp_path, text, last):
    (tmp_path / "log").write_text(text)
    assert reason_of(tmp_path / "log").endswith(f"last line of its log: {last}")


def test_a_log_may_be_absent(tmp_path):
    assert reason_of(tmp_path / "log").startswith("no log: its script never started")


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
    record(tmp_path / "log", "no rows")
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
    ("recorded", "made", "failed"),
    [
        ("member 1 diverged", (), True),
        (None, (), False),
        ("once", ("predictions.parquet", "metrics.json"), False),
        ("once", ("metrics.json",), True),  # of an older start
    ],
)
@pytest.mark.parametrize("rule", ["train_model", "evaluate_run"])
def test_a_failed_run_is_known_by_its_record(tmp_path, rule, recorded, made, failed):
    run = "kefe/gap/ef/brnet/p@returned=0.05"
    log = tmp_path / f"logs/{rule}/{run}.log"
    for file in made:
        (tmp_path / "runs" / run).mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs" / run / file).touch()
    if recorded:
        record(log, recorded)
    assert failure_of_run(run, tmp_path) == ((str(log), recorded) if failed else None)
