"""Time left of a build: from the forecast of each training, and how long the jobs took that have finished.

Not part of code digests: no result depends on it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elemflow.config.load import Settings
from elemflow.core.progress import duration_text
from elemflow.core.run import Run
from elemflow.plan.build import Plan
from elemflow.plan.forecast import SECONDS_OF_A_JOB, cost_of, describe, read_rates

TRAINING = "train_model"
OTHER = "other"
BETWEEN = 10.0
"""Seconds between two lines."""
HOUR = 3600


@dataclass(frozen=True)
class ExpectedJob:
    """A job that will run.

    Attributes:
        kind: Jobs of one kind are as much faster or slower than expected as those that have finished.
        seconds: How long it is expected to take.
    """

    kind: str
    seconds: float


class TimeLeft:
    """How long some jobs will take together.

    Args:
        jobs: The jobs, by number.
        clock: Seconds.
    """

    def __init__(self, jobs: Mapping[int, ExpectedJob], clock: Callable[[], float] = time.monotonic):
        self._left, self._clock = dict(jobs), clock
        self._started: dict[int, float] = {}
        self._took: dict[str, float] = {}
        self._expected: dict[str, float] = {}

    def start(self, jobs: Iterable[int]) -> None:
        """Note that jobs have started, the first time or again."""
        self._started |= dict.fromkeys(jobs, self._clock())

    def finish(self, number: int) -> None:
        """Note that a job has finished."""
        job, started = self._left.pop(number, None), self._started.pop(number, None)
        if job is not None and started is not None:
            self._took[job.kind] = self._took.get(job.kind, 0.0) + self._clock() - started
            self._expected[job.kind] = self._expected.get(job.kind, 0.0) + job.seconds

    def seconds(self) -> float | None:
        """Return how long the jobs take that have not finished; None if none has or none is left.

        As many run next to each other as do now, and none ends before the longest of them.
        """
        if not self._left or not self._took:
            return None
        now = self._clock()
        running = sum(number in self._left for number in self._started)
        each = [
            max(job.seconds * self._pace(job.kind) - (now - self._started.get(number, now)), 0.0)
            for number, job in self._left.items()
        ]
        return max(sum(each) / max(running, 1), *each)

    def _pace(self, kind: str) -> float:
        """Return how many times as long as expected jobs of a kind take; of another kind, if none has finished."""
        known = kind if self._expected.get(kind) else None
        took, expected = (self._took[known], self._expected[known]) if known else (1.0, 1.0)
        return took / expected if expected else 1.0


class Progress(logging.Handler):
    """Follow Snakemake's own messages, and log the time left after its count of finished steps.

    Args:
        left: The jobs.
        log: Where the lines go.
        clock: Seconds.
    """

    def __init__(self, left: TimeLeft, log: logging.Logger, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._time_left, self._log, self._clock, self._next = left, log, clock, clock()

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a message says of jobs."""
        match str(getattr(record, "event", "")).rpartition(".")[2].lower():
            case "job_started":
                self._time_left.start(getattr(record, "jobs", None) or ())
            case "job_finished":
                self._time_left.finish(getattr(record, "job_id", -1))
            case "progress":
                self._show()

    def _show(self) -> None:
        seconds, now = self._time_left.seconds(), self._clock()
        if seconds is not None and now >= self._next:
            self._next = now + BETWEEN
            text = f"about {duration_text(seconds)} left"
            self._log.info(text)  # Snakemake's formatter shows the message without its arguments


def expected_jobs(
    jobs: Iterable[Any], settings: Settings, plan: Plan, results: Path, rates: str | Path
) -> dict[int, ExpectedJob]:
    """Return how long the jobs of a build are expected to take.

    A training takes the middle of what the forecast says of it, any other job the seconds of one with little to do.

    Args:
        jobs: Jobs of Snakemake that will run.
        settings: Checked settings.
        plan: The plan.
        results: Folder of the results.
        rates: See `elemflow.plan.forecast.read_rates`.
    """
    known = read_rates(rates)
    hours = {run.run: sum(cost_of(run, known).hours) / 2 for run in describe(settings, plan, results)}
    return {job.jobid: _expected(job, hours) for job in jobs}


def _expected(job: Any, hours: Mapping[str, float]) -> ExpectedJob:
    name = str(job.rule.name)
    if name.endswith(TRAINING):  # in another Snakefile, names of rules may have a prefix
        return ExpectedJob(TRAINING, HOUR * hours.get(Run.of(job.wildcards).path, SECONDS_OF_A_JOB / HOUR))
    return ExpectedJob(OTHER, SECONDS_OF_A_JOB)
