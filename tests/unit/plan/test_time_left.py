"""Time left of a build, by a clock of the test."""

import logging
from types import SimpleNamespace

import pytest

from elemflow.plan.time_left import OTHER, TRAINING, ExpectedJob, Progress, TimeLeft

JOBS = {
    1: ExpectedJob(OTHER, 5),
    2: ExpectedJob(TRAINING, 100),
    3: ExpectedJob(TRAINING, 100),
    4: ExpectedJob(TRAINING, 300),
}


class Clock:
    """Seconds that the test counts."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="left")
def _left(clock):
    return TimeLeft(JOBS, clock)


def test_nothing_is_said_before_a_job_has_finished(left, clock):
    left.start([1])
    clock.now = 5
    assert left.seconds() is None


def test_trainings_take_as_long_as_those_that_have_finished(left, clock):
    left.start([1])
    clock.now = 10
    left.finish(1)  # twice as long as expected, which says nothing of trainings
    left.start([2])
    assert left.seconds() == 500
    clock.now = 60
    left.finish(2)  # half as long as expected
    left.start([3])
    assert left.seconds() == 200
    clock.now = 100
    assert left.seconds() == 160


def test_jobs_run_next_to_each_other_and_the_longest_ends_last(left, clock):
    left.start([1])
    clock.now = 5
    left.finish(1)
    left.start([2, 3])
    assert left.seconds() == 300
    left.start([4])
    clock.now = 105
    assert left.seconds() == 200
    for number in (2, 3, 4):
        left.finish(number)
    assert left.seconds() is None


def test_jobs_of_another_graph_are_left_alone(left, clock):
    left.finish(99)
    left.start([1, 98])
    clock.now = 5
    left.finish(1)
    assert left.seconds() == 500


def test_a_line_follows_the_count_of_steps_now_and_then(clock, caplog):
    log = logging.getLogger("of a test")
    progress = Progress(TimeLeft(JOBS, clock), log, clock)

    def tell(event, **facts):
        progress.handle(logging.makeLogRecord({"event": event, **facts}))

    with caplog.at_level(logging.INFO):
        tell("job_started", jobs=[1])
        tell("progress", done=0, total=4)
        clock.now = 5
        tell("job_finished", job_id=1)
        tell("progress", done=1, total=4)
        tell("progress", done=1, total=4)
        tell(None)
    assert [record.msg for record in caplog.records] == ["about 8 min left"]


def test_the_forecast_says_how_long_trainings_take(monkeypatch):
    from elemflow.plan import time_left

    path = "d/p/ef/m/q"
    monkeypatch.setattr(time_left, "read_rates", lambda _: {})
    monkeypatch.setattr(time_left, "describe", lambda *_: [SimpleNamespace(run=path)])
    monkeypatch.setattr(time_left, "cost_of", lambda *_: SimpleNamespace(hours=(1.0, 3.0)))
    wildcards = SimpleNamespace(dataset="d", property="p", representation="ef", model="m", protocol="q")
    jobs = [
        SimpleNamespace(jobid=1, rule=SimpleNamespace(name="mine_train_model"), wildcards=wildcards),
        SimpleNamespace(jobid=2, rule=SimpleNamespace(name="make_table"), wildcards=SimpleNamespace()),
    ]
    found = time_left.expected_jobs(jobs, None, None, None, "rates.csv")
    assert found == {1: ExpectedJob(TRAINING, 7200), 2: ExpectedJob(OTHER, time_left.SECONDS_OF_A_JOB)}
