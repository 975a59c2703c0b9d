"""What the start of a process costs each small run, and what is left of it when one process trains several.

    python benchmarks/bench_packing.py [RUNS]       # 8 by default; about 4 minutes on an idle machine

Trains tiny networks (2 members, 2 epochs) with Snakemake in a copy of the project: one of them, all with
`packing: {runs: 1}`, and all in one process. Times are those of the whole command; seconds of processors say more where
the machine has other work.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from factories.tiny_project import GRID, TINY_NETWORK, TINY_STUDY, Project, make_project  # noqa: E402  with the tests


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    names = [f"net{number}" for number in range(runs)]
    targets = [f"results/runs/tiny/seebeck/ef/{name}/tiny/predictions.parquet" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(ROOT, Path(folder) / "project")
        for number, name in enumerate(names):
            stacks = [{"width": 8 + number, "layers": 2, "branches": [1, 1]}, {"width": 4, "layers": 1}]
            project.declare(f"models/{name}", TINY_NETWORK | {"spec": TINY_NETWORK["spec"] | {"stacks": stacks}})
        grid = GRID | {"columns": [{"model": names}]}
        project.declare(
            "studies/tiny", TINY_STUDY | {"tables": {"errors": {"title": "Errors"} | grid}, "figures": {}, "claims": {}}
        )
        _time(project, ["features", "splits"], 1)
        found = {
            "nothing": _time(project, ["features", "splits"], 1),
            "one run": _time(project, targets[:1], 1),
            f"{runs} runs, each in its process": _time(project, targets, 1),
            f"{runs} runs in one process": _time(project, targets, runs),
        }
    print("| trained | seconds | CPU seconds | CPU seconds per run beyond the first |")
    print("|---|---|---|---|")
    for label, (wall, cpu) in found.items():
        further = f"{(cpu - found['one run'][1]) / (runs - 1):.1f}" if label.startswith(str(runs)) else ""
        print(f"| {label} | {wall:.0f} | {cpu:.0f} | {further} |")


def _time(project: Project, targets: list[str], runs: int) -> tuple[float, float]:
    """Return the seconds of a Snakemake command that makes targets again, and those of all processors in it."""
    (project.folder / "packing.yaml").write_text(f"packing: {{runs: {runs}}}")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "progress", "rules", "host"]
    command += [
        "--config",
        "studies=[tiny]",
        "--configfile",
        "packing.yaml",
        "--forcerun",
        "train_model",
        "--",
        *targets,
    ]
    wall, cpu = time.perf_counter(), _cpu_seconds()
    subprocess.run(
        command, cwd=project.folder, env=os.environ | {"PYTHONPATH": str(project.folder / "workflow")}, check=True
    )
    return time.perf_counter() - wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
