"""What failed, in the words of the logs: shown once more when a run of the workflow ends with an error."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

UNEXPECTED = "Unexpected failure"  # as elemflow.core.logs writes it; the message is the last line of the traceback


def named_error(log: str | Path) -> str | None:
    """Return the last error that a job's log names; None if there is no log or it names none."""
    lines = _read(log)
    errors = [i for i, line in enumerate(lines) if " ERROR " in line]
    if not errors:
        return None
    if lines[errors[-1]].endswith(UNEXPECTED):
        return lines[-1]
    message = lines[errors[-1]].split(" ERROR ", 1)[1]
    return " ".join([message, *lines[errors[-1] + 1 :][:1]]) if message.endswith(":") else message


def last_error(log: str | Path) -> str:
    """Return the last error that a job's log names, or how the log ends if it names none."""
    if not Path(log).exists():
        return "no log: it failed before its script began"
    last = (_read(log) or ["(nothing)"])[-1]
    return named_error(log) or f"no error in its log, so it was stopped from outside (memory, time); last line: {last}"


def _read(log: str | Path) -> list[str]:
    if not Path(log).exists():
        return []
    return [line for line in Path(log).read_text("utf-8", errors="replace").splitlines() if line.strip()]


def failure_of_run(run: str, results: Path) -> dict[str, str] | None:
    """Return the `log` and `message` of a run that failed at its last start; None for any other run.

    A run that was stopped from outside did not fail: it goes on when it is started again.

    Args:
        run: Path of the run below `runs/`.
        results: Folder of the results.
    """
    folder = results / "runs" / run
    if (folder / "predictions.parquet").exists() and (folder / "metrics.json").exists():
        return None
    for rule in ("train_model", "evaluate_run"):
        log = results / "logs" / rule / f"{run}.log"
        if message := named_error(log):
            return {"log": str(log), "message": message}
    return None


def describe_failures(jobs: Iterable[Any]) -> str:
    """Return the list of failed jobs, each with its log and the last error in it.

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
            lines += [f"  {job.rule.name} {what}".rstrip(), f"    {job.log[0]}", f"    {last_error(job.log[0])}"]
    if not lines:
        return ""
    head = f"Failed: {len(lines) // 3}. What finished is kept; the same command goes on from there."
    return "\n".join([head, *lines])
