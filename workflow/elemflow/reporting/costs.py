"""What the jobs cost: hours, memory and waiting, per rule and per study, from the benchmark files."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd

from elemflow.core.files import read_json, write_text
from elemflow.reporting.pages import render_costs
from elemflow.reporting.view import NO_VALUE

COLUMNS = {
    "name": "",
    "jobs": "Jobs",
    "hours": "Time",
    "cpu_hours": "CPU time",
    "cpu_not_measured": "Jobs without a measured CPU time",
    "gpu_hours": "GPU time",
    "peak_memory_mb": "Peak memory (MB)",
    "queue_hours": "Time in the queue",
}
"""Columns of the csv, in hours where they are times, and their heads on pages, which name a fitting unit."""
TIMES = tuple(name for name in COLUMNS if name.endswith("hours"))
OPTIONAL = ("cpu_not_measured", "gpu_hours", "queue_hours")
"""Columns that pages leave out where no line has anything in them."""
UNITS = {"s": 3600, "min": 60, "h": 1}
"""Units of time on pages, per hour."""
LARGEST = 600
"""Largest time that is shown in a unit below the hour."""
RUN_RULES = ("train_model", "evaluate_run")
SUBMITTED = re.compile(r"SLURM jobid (\S+) \(log: \S*/slurm_logs/(?:rule|group)_([^/]+)/")


def write_costs(
    studies: Mapping[str, Iterable[str]],
    benchmarks: str | Path,
    runs: str | Path,
    logs: str | Path,
    *,
    csv: str | Path,
    html: str | Path,
) -> None:
    """Write what the jobs cost, one line per rule and per study.

    A run that two studies share counts in both. Jobs whose CPU time Snakemake could not measure are not in `cpu_hours`,
    which are empty if there are no others; `cpu_not_measured` counts them. Hours are those of the last start of a job;
    a training that was continued says in its `run_info.json` how long it took in all. The time in the queue is known
    where Snakemake submitted to Slurm and Slurm's accounting answers.

    Args:
        studies: Runs of each study.
        benchmarks: Folder of Snakemake's benchmark files, `<rule>/<job>.tsv` or `<rule>.tsv`.
        runs: Folder of the runs, whose `run_info.json` names the device.
        logs: Folder of Snakemake's own logs.
        csv: Written: `kind` (`rule` or `study`) and the columns of `COLUMNS`.
        html: Written: the same as a page.
    """
    jobs = read_benchmarks(Path(benchmarks), Path(runs))
    waited = queue_seconds(Path(logs), jobs)
    by_rule = {str(rule): group for rule, group in jobs.groupby("rule")}
    of_runs = jobs[jobs["rule"].isin(RUN_RULES)]
    lines = [_line("rule", rule, group, waited.get(rule)) for rule, group in by_rule.items()]
    lines += [
        _line("study", study, of_runs[of_runs["job"].isin(list(paths))], None) for study, paths in studies.items()
    ]
    frame = pd.DataFrame(lines, columns=["kind", *COLUMNS])
    write_text(csv, frame.to_csv(index=False, lineterminator="\n"))
    write_text(html, render_costs(*list_costs(frame)))


def list_costs(frame: pd.DataFrame) -> tuple[list[str], dict[str, list[list[str]]]]:
    """Return the heads and lines of the csv as pages show them, the lines by the heading of their table.

    Times are in the unit that suits the longest; columns without content are left out.
    """
    shown = {"rule": "Rules", "study": "Studies: their trainings and evaluations"}
    columns = [name for name in COLUMNS if name not in OPTIONAL or frame[name].dropna().astype(bool).any()]
    longest = frame[list(TIMES)].max().max()
    unit = next((unit for unit, per_hour in UNITS.items() if not longest * per_hour > LARGEST), "h")
    scaled = frame.assign(**{name: frame[name] * UNITS[unit] for name in TIMES})
    groups = {
        heading: [[_shown(value) for value in line] for line in scaled[scaled["kind"] == kind][columns].to_numpy()]
        for kind, heading in shown.items()
    }
    return [f"{COLUMNS[name]} ({unit})" if name in TIMES else COLUMNS[name] for name in columns], groups


def read_benchmarks(folder: Path, runs: Path) -> pd.DataFrame:
    """Return one row per job: `rule`, `job`, `seconds`, `cpu_seconds`, `gpu_seconds`, `memory_mb`.

    What Snakemake could not measure is nan.
    """
    rows = []
    for path in sorted(folder.rglob("*.tsv")):
        parts = path.relative_to(folder).with_suffix("").parts
        measured = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
        job = "/".join(parts[1:])
        on_gpu = parts[0] == "train_model" and _device(runs / job) != "cpu"
        rows.append(
            {
                "rule": parts[0],
                "job": job,
                "seconds": measured["s"],
                "cpu_seconds": measured["cpu_time"],
                "gpu_seconds": measured["s"] if on_gpu else 0.0,
                "memory_mb": measured["max_rss"],
            }
        )
    return pd.DataFrame(rows, columns=["rule", "job", "seconds", "cpu_seconds", "gpu_seconds", "memory_mb"])


def _device(run: Path) -> str:
    file = run / "run_info.json"
    return str(read_json(file)["engine"]["device"]) if file.exists() else "cpu"


def queue_seconds(logs: Path, jobs: pd.DataFrame) -> dict[str, float]:
    """Return how long the submissions of each rule waited; a group counts for its longest rule."""
    submitted = {
        job: name for path in sorted(logs.glob("*.log")) for job, name in SUBMITTED.findall(path.read_text("utf-8"))
    }
    if not submitted or not shutil.which("sacct"):
        return {}
    longest = jobs.groupby("rule")["seconds"].sum().sort_values(ascending=False).index
    command = ["sacct", "--noheader", "--parsable2", "--allocations", "--format=jobid,submit,start"]
    answer = subprocess.run([*command, f"--jobs={','.join(submitted)}"], capture_output=True, text=True, check=False)  # noqa: S603  fixed words
    waited: dict[str, float] = {}
    for job, *times in (line.split("|") for line in answer.stdout.splitlines()):
        rule = next((rule for rule in longest if rule in submitted.get(job, "")), None)
        try:
            begun, started = (datetime.fromisoformat(time) for time in times)
        except ValueError:  # `Unknown`: it never started
            continue
        if rule:
            waited[rule] = waited.get(rule, 0.0) + (started - begun).total_seconds()
    return waited


def _line(kind: str, name: str, jobs: pd.DataFrame, waited: float | None) -> dict[str, str | float | None]:
    hours = {key: round(float(jobs[key].sum()) / 3600, 4) for key in ("seconds", "cpu_seconds", "gpu_seconds")}
    unmeasured = int(jobs["cpu_seconds"].isna().sum())
    return {
        "kind": kind,
        "name": name,
        "jobs": len(jobs),
        "hours": hours["seconds"],
        "cpu_hours": None if len(jobs) and unmeasured == len(jobs) else hours["cpu_seconds"],
        "cpu_not_measured": unmeasured,
        "gpu_hours": hours["gpu_seconds"],
        "peak_memory_mb": jobs["memory_mb"].max(),
        "queue_hours": None if waited is None else round(waited / 3600, 4),
    }


def _shown(value: str | float) -> str:
    """Write a value with the digits that a reader can use; an unknown one is a dash."""
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return NO_VALUE
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"  # noqa: PLR2004
