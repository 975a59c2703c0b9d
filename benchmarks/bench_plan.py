"""Time to plan many runs: expanding the studies, and a whole dry-run, as the number of runs grows.

python benchmarks/bench_plan.py [runs ...] [options of Snakemake, such as --profile slurm]
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from elemflow.config.load import load
from elemflow.plan.build import build
from elemflow.plan.published import read_published, read_published_quantities

ROOT = Path(__file__).resolve().parents[1]
DATASETS, PROPERTIES, MODELS = 20, 5, ("automl", "bnet", "brnet", "elemnet", "irnet17", "plain17", "random_forest")


def make_project(folder: Path, runs: int) -> None:
    """Copy the workflow and declare datasets and protocols until a study has `runs` runs."""
    for name in ("workflow", "config", "scripts", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "resources/published", folder / "resources/published")
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "profiles").symlink_to("workflow/profiles")
    (folder / "slurm").symlink_to("workflow/profiles/slurm")
    dataset = yaml.safe_load((ROOT / "config/datasets/transport.yaml").read_text())
    column = dataset["properties"]["seebeck_p"]
    dataset["properties"] = {f"property_{i}": column for i in range(PROPERTIES)}
    for i in range(DATASETS):
        (folder / f"config/datasets/set_{i}.yaml").write_text(yaml.safe_dump(dataset))
    protocols = -(-runs // (DATASETS * PROPERTIES * len(MODELS)))
    for i in range(protocols):
        shutil.copy(ROOT / "config/protocols/demo.yaml", folder / f"config/protocols/protocol_{i}.yaml")
    rows = [{"dataset": [f"set_{i}" for i in range(DATASETS)], "property": list(dataset["properties"])}]
    columns = [{"model": list(MODELS)}]
    tables = {
        f"table_{i}": {"title": "T", "rows": rows, "columns": columns, "defaults": {"protocol": f"protocol_{i}"}}
        for i in range(protocols)
    }
    study = {"title": "Many", "defaults": {"representation": "ef"}, "tables": tables}
    (folder / "config/studies/many.yaml").write_text(yaml.safe_dump(study))


def main() -> None:
    arguments = sys.argv[1:]
    sizes = [int(argument) for argument in arguments if argument.isdigit()]
    options = [argument for argument in arguments if not argument.isdigit()]
    for asked in sizes or [700, 1400, 3500]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_project(folder, asked)
            started = time.perf_counter()
            printed = folder / "resources/published"
            published = {
                **read_published(printed / "published_mae.csv"),
                **read_published_quantities(printed / "published_other.csv"),
            }
            plan = build(load({"studies": ["many"]}, folder), published)
            planned = time.perf_counter() - started
            started, used = time.perf_counter(), cpu_seconds()
            command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all", "--config", "studies=[many]"]
            subprocess.run([*command, *options], cwd=folder, check=True, capture_output=True)
            elapsed, used = time.perf_counter() - started, cpu_seconds() - used
            print(f"{len(plan.runs):6d} runs: plan {planned:6.2f} s, dry-run {elapsed:6.2f} s ({used:.2f} s of CPU)")


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
