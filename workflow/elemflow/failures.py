"""What failed, in the words of the logs: shown once more when a run of the workflow ends with an error."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

UNEXPECTED = "Unexpected failure"  # as elemflow.logs writes it; the message is the last line of the traceback


def last_error(log: str | Path) -> str:
    """Return the last error that a job's log names, or how the log ends if it names none."""
    try:
        lines = [line for line in Path(log).read_text("utf-8", errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return "no log: it failed before its script began"
    errors = [i for i, line in enumerate(lines) if " ERROR " in line]
    if errors and not lines[errors[-1]].endswith(UNEXPECTED):
        message = lines[errors[-1]].split(" ERROR ", 1)[1]
        return " ".join([message, *lines[errors[-1] + 1 :][:1]]) if message.endswith(":") else message
    last = lines[-1] if lines else "(nothing)"
    return last if errors else f"no error in its log, so it was stopped from outside (memory, time); last line: {last}"


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
