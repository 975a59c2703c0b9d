"""Failed jobs: what each recorded about its failure, listed when the workflow ends with an error."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from elemflow.core.files import read_json
from elemflow.core.logs import failure_path

RUN_RULES = ("train_model", "evaluate_run")
"""Rules whose failure leaves a run without metrics."""

STOPS = {
    "stopped by the end of the job's time": "its time limit, and the next start continues",
    "stopped by SIG": "cancelled or preempted, and the next start continues",
}
"""What the last line of a log says of a training that was stopped, and what that means."""


class Failure(NamedTuple):
    """A failed job.

    Attributes:
        log: Path of its log.
        message: What it recorded, in one line.
    """

    log: str
    message: str


class Rule(Protocol):
    """A rule of Snakemake."""

    name: str


class FailedJob(Protocol):
    """What is read of a failed job of Snakemake, or of a group of jobs, which has `jobs` alone."""

    rule: Rule
    input: Sequence[str]
    output: Sequence[str]
    log: Sequence[str]
    wildcards: Iterable[str]
    jobs: Iterable["FailedJob"]

    def is_group(self) -> bool:
        """Return whether this is a group of jobs."""


def recorded_failure(log: str | Path) -> Failure | None:
    """Return the failure that a job recorded next to its log; None if it recorded none."""
    path = failure_path(log)
    if not path.exists():
        return None
    first, *further = str(read_json(path)["message"]).splitlines() or [""]
    return Failure(str(log), " ".join([first, *further[:1]]) if first.endswith(":") else first)


def reason_of(log: str | Path) -> str:
    """Return why a job failed, in one line: what it recorded, or how its log ends if it was killed before that."""
    if failure := recorded_failure(log):
        return failure.message
    if not Path(log).exists():
        return "no log: its script never started; the message of the scheduler above says why (partition, account)"
    lines = [line for line in Path(log).read_text("utf-8", errors="replace").splitlines() if line.strip()]
    last = lines[-1] if lines else "(nothing)"
    for sign, cause in STOPS.items():
        if sign in last:
            return f"{cause}; last line of its log: {last}"
    return f"killed without an error: out of memory, out of time or cancelled; last line of its log: {last}"


def failure_of_run(run: str, results: Path) -> Failure | None:
    """Return how a run failed at its last start; None for any other run.

    A run that was stopped by a signal or a time limit did not fail: the next start continues it.

    Args:
        run: Path of the run below `runs/`.
        results: Folder of the results.
    """
    folder = results / "runs" / run
    if (folder / "predictions.parquet").exists() and (folder / "metrics.json").exists():
        return None
    logs = (results / "logs" / rule / f"{run}.log" for rule in RUN_RULES)
    return next((failure for log in logs if (failure := recorded_failure(log))), None)


def describe_failures(jobs: Iterable[FailedJob]) -> str:
    """Return the list of failed jobs, each with its log and the reason.

    Args:
        jobs: Failed jobs of Snakemake; of a group, those that have outputs missing are meant.
    """
    singles = [job for each in jobs for job in (each.jobs if each.is_group() else [each])]
    lines = []
    for job in sorted(singles, key=lambda job: [str(file) for file in job.output]):
        missing = [file for file in job.output if not Path(file).exists()]
        made = all(Path(file).exists() for file in job.input)  # else it waited for another of its group
        if missing and made:
            what = "/".join(str(value) for value in job.wildcards)
            lines += [f"  {job.rule.name} {what}".rstrip(), f"    {job.log[0]}", f"    {reason_of(job.log[0])}"]
    if not lines:
        return ""
    head = f"Failed: {len(lines) // 3}. What finished is kept; the same command goes on from there."
    return "\n".join([head, *lines])
