"""Cells of the papers' tables at full scale, as many as a GPU trains in minutes, and what an epoch takes on it.

    python benchmarks/train_cells.py prepare --data <folder> --folder prepared     # anywhere: features and splits
    python benchmarks/train_cells.py train --folder prepared --out out --minutes 9  # on the GPU
    python benchmarks/train_cells.py rates --folder prepared --out out    # seconds per epoch of 1, 5 and 10 members
    python benchmarks/train_cells.py train --folder prepared --out out --cells 'oqmd2/*' 'mp_huang/*'   # some of them
    python -m elemflow.tools.record out/results <run> ...                 # the finished cells, after unzipping

`prepare` makes the inputs of `CELLS` from local tables (config/overlays/local_tables.yaml) and copies them with their
configuration to one folder. `train` needs that folder alone: it trains the cells in order on engine JAX, and adds
metrics, run_info, test predictions, counts and origin of each to `out/cells.zip` as soon as it is done, so that nothing
is lost if it is cut. A cell that the time does not suffice for is stopped, not recorded. Where the machine that trains
has no repository, the commit of `prepare` is that of the run. Of a cell on formation energies of OQMD, `train` prints
after how many epochs and seconds it reached the error that ElemNet printed; `rates` times the first cell on OQMD.
"""

import argparse
import csv
import json
import logging
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from elemflow.core.deadline import DEADLINE
from elemflow.core.files import write_json
from elemflow.core.run import Run
from elemflow.evaluation.metrics import evaluate
from elemflow.provenance.run_info import git_commit
from elemflow.training.backend import Backend
from elemflow.training.interruption import Stopped
from elemflow.training.job import train_run
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs, RunOutputs

ROOT = Path(__file__).resolve().parents[1]
OVERLAY = "config/overlays/local_tables.yaml"
NETWORKS = ("brnet", "irnet17", "bnet", "elemnet_keras")
ELEMNET_ERROR = 0.0437
"""eV/atom, formation energies of OQMD: what tatis2021 quotes of the authors of ElemNet."""
OF_ELEMNET = "oqmd/formation_energy/ef/elemnet_keras/brnet2023"
CELLS = (
    *(f"mp/{name}/ef/{model}/brnet2023" for name in ("formation_energy", "band_gap") for model in NETWORKS),
    *(f"oqmd/band_gap/ef/{model}/brnet2023" for model in NETWORKS),
    OF_ELEMNET,
    "mp_huang/formation_energy/pa/dnn17/huang2020_dnn",
    "oqmd2/formation_energy/pa/dnn17/huang2020_dnn",
    "oqmd/formation_energy/ef/irnet_concatenated/tatis2021",
    "oqmd/formation_energy/ef/fcunet/tatis2021",
)
STUDIES = ["brnet2023", "huang2020", "tatis2021"]
ORIGIN = ("results/datasets/{dataset}/provenance.json", "resources/raw/{dataset}/manifest.json")
"""What the record takes the SHA-256 of the raw files from."""
MEMBERS = (1, 5, 10)
RATE_COLUMNS = ("run", "engine", "device", "members", "train_rows", "seconds_per_epoch", "seconds_per_epoch_and_member")


def prepare(data: Path, folder: Path, cells: tuple[str, ...] = CELLS, overlay: str = OVERLAY) -> None:
    """Make the inputs of the cells and copy them, with the configuration of each, to a folder.

    Args:
        data: Folder of the local tables.
        folder: Folder to fill.
        cells: Runs, as paths below `results/runs/`.
        overlay: Configuration laid over that of the project; the working directory is the project.
    """
    # Only here, since the machine that trains needs no Snakemake.
    read_yaml = import_module("elemflow.config.yaml_schema").read_yaml
    workflow_class = import_module("elemflow.plan.workflow").Workflow
    config = {"studies": STUDIES, "data_folder": str(data), "mirror": None} | read_yaml(Path(overlay))
    workflow = workflow_class.load(config, Path.cwd(), [overlay])
    prepared, files = [], {}
    for cell in cells:
        wildcards = SimpleNamespace(**Run.parse(cell).keys())
        training = workflow.training
        inputs = [*training.features(wildcards), training.materials(wildcards), training.split(wildcards)]
        files |= dict.fromkeys(map(str, inputs))
        curation = f"results/datasets/{wildcards.dataset}/curation.json"
        kept = [curation, *(path.format(dataset=wildcards.dataset) for path in ORIGIN)]
        files |= dict.fromkeys(kept)
        evaluation = workflow.evaluation.cfg(wildcards)
        entry = {"cfg": training.cfg(wildcards), "evaluation": evaluation, "inputs": list(map(str, inputs))}
        prepared.append({"run": cell, "kept": kept, "code": training.code(wildcards)} | entry)
    options = ["--configfile", overlay, "--config", f"studies=[{','.join(config['studies'])}]", f"data_folder={data}"]
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *options, "--", *files]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(Path.cwd() / "workflow")}, check=True)
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, folder / name)
    write_json(folder / "cells.json", {"commit": git_commit(), "cells": prepared})


def _read_cells(folder: Path, chosen: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the prepared cells, or those that match one of the patterns; each with the commit of `prepare`."""
    prepared = json.loads((folder / "cells.json").read_text(encoding="utf-8"))
    cells = [entry | {"commit": prepared["commit"]} for entry in prepared["cells"]]
    unknown = [pattern for pattern in chosen if not any(fnmatch(entry["run"], pattern) for entry in cells)]
    if unknown:
        known = ", ".join(entry["run"] for entry in cells)
        raise SystemExit(f"--cells: no prepared cell is {' or '.join(unknown)}. Prepared: {known}.")
    return [entry for entry in cells if not chosen or any(fnmatch(entry["run"], each) for each in chosen)]


def train(folder: Path, out: Path, minutes: float, chosen: Sequence[str] = (), **training: Any) -> list[str]:
    """Train the prepared cells in order until the time ends.

    Args:
        folder: What `prepare` wrote.
        out: Folder for `cells.zip`.
        minutes: Time.
        chosen: Patterns of the cells to train; all if there are none.
        training: Keys of `training` of every protocol to replace, such as `engine`.

    Returns:
        The cells that are done.
    """
    end, done = time.time() + 60 * minutes, []
    os.environ[DEADLINE] = f"{end:.0f}"
    backend = Backend(1)
    for entry in _read_cells(folder, chosen):
        if time.time() > end:
            break
        try:
            files = _train_cell(entry, folder, out / "work" / entry["run"], backend, training)
        except Stopped as stopped:
            print(f"{entry['run']}: {stopped.message}", flush=True)
            break
        with zipfile.ZipFile(out / "cells.zip", "a", zipfile.ZIP_DEFLATED) as archive:
            for name, path in files.items():
                archive.write(path, name)
        done.append(entry["run"])
        print(f"{entry['run']}: done, {end - time.time():.0f} s left", flush=True)
        if entry["run"] == OF_ELEMNET:
            print(describe_time_to(out / "work" / OF_ELEMNET / "history.parquet", ELEMNET_ERROR), flush=True)
    return done


def _train_cell(
    entry: dict[str, Any], folder: Path, work: Path, backend: Backend, training: dict[str, Any]
) -> dict[str, Path]:
    """Train one cell; return the files to keep by their path in the archive, as below `results/`."""
    names = ("predictions.parquet", "history.parquet", "run_info.json", "model", "state")
    outputs = RunOutputs(*(work / name for name in names))
    train_run(_config(entry, training), _inputs(entry, folder), outputs, backend, code=entry["code"])
    _add_commit(outputs.run_info, entry["commit"])
    write_json(work / "metrics.json", evaluate(outputs.predictions, **entry["evaluation"]).plain())
    kept = ("metrics.json", "run_info.json", "predictions.parquet", "history.parquet")
    of_run = {f"results/runs/{entry['run']}/{name}": work / name for name in kept}
    return of_run | {name: folder / name for name in entry["kept"]}


def _add_commit(path: Path, commit: str | None) -> None:
    """Write the commit of `prepare` into a `run_info.json` that has none: the machine has files and no repository."""
    info = json.loads(path.read_text(encoding="utf-8"))
    if not info.get("commit"):
        write_json(path, info | {"commit": commit})


def describe_time_to(history: Path, error: float) -> str:
    """Return after how many epochs and seconds of training each member first validated at an error or below.

    Args:
        history: `history.parquet` of the run, with the seconds between validations.
        error: Mean absolute error on the validation set.
    """
    lines = []
    for member, rows in pd.read_parquet(history).groupby("member"):
        reached = rows[rows["validation_mae"] <= error]
        if reached.empty:
            lines.append(f"member {member}: not at {error:g} in {rows['epoch'].max()} epochs")
        else:
            epoch = int(reached["epoch"].iloc[0])
            seconds = rows.loc[rows["epoch"] <= epoch, "seconds"].sum()
            lines.append(f"member {member}: at {error:g} after {epoch} epochs, {seconds:.0f} s")
    return "\n".join(lines)


def _config(entry: dict[str, Any], training: dict[str, Any]) -> RunConfig:
    protocol = entry["cfg"]["protocol"]
    return RunConfig.from_params(entry["cfg"] | {"protocol": protocol | {"training": protocol["training"] | training}})


def _inputs(entry: dict[str, Any], folder: Path) -> RunInputs:
    *features, materials, split = (folder / name for name in entry["inputs"])
    return RunInputs(features, materials, split)


def rates(folder: Path, out: Path, engines: tuple[str, ...], epochs: int = 4) -> None:
    """Measure an epoch of a prepared cell on each engine, each in a process of its own; write `rates.csv`."""
    for engine in engines:
        for members in MEMBERS if engine == "jax" else MEMBERS[:1]:
            command = [sys.executable, __file__, "rate", "--folder", folder, "--out", out, "--engine", engine]
            subprocess.run([*map(str, command), "--members", str(members), "--epochs", str(epochs)], check=False)


def rate(folder: Path, out: Path, engine: str, members: int, epochs: int) -> None:
    """Train the first prepared cell on OQMD, else the first, and add the median time of an epoch to `rates.csv`."""
    cells = _read_cells(folder)
    entry = next((cell for cell in cells if cell["run"].startswith("oqmd/")), cells[0])
    split = entry["cfg"]["protocol"]["split"] | {"members": members, "split_per_member": False}
    entry["cfg"]["protocol"] = entry["cfg"]["protocol"] | {"split": split}
    work = out / "work" / f"rate-{engine}-{members}"
    training = {"engine": engine, "parallel_members": members, "max_epochs": epochs}
    files = _train_cell(entry, folder, work, Backend(1), training)
    info = json.loads(files[f"results/runs/{entry['run']}/run_info.json"].read_text(encoding="utf-8"))
    seconds = info["seconds_per_epoch"]
    rows = next(iter(info["members"].values()))["rows"]["train"]
    line = (entry["run"], engine, info["engine"]["device"], members, rows, seconds * members, seconds)
    fresh = not (out / "rates.csv").exists()
    with (out / "rates.csv").open("a", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([RATE_COLUMNS, line] if fresh else [line])
    print(dict(zip(RATE_COLUMNS, line, strict=True)), flush=True)


def main() -> None:
    """Run one of the commands."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["prepare", "train", "rates", "rate"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--cells", nargs="*", default=(), metavar="PATTERN", help="runs to train; default: all")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--engine", default="jax")
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=4)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.command == "prepare":
        prepare(given.data.resolve(), given.folder)
    elif given.command == "train":
        train(given.folder, given.out, given.minutes, given.cells, engine=given.engine)
    elif given.command == "rates":
        rates(given.folder, given.out, ("jax", "tensorflow"), given.epochs)
    else:
        rate(given.folder, given.out, given.engine, given.members, given.epochs)


if __name__ == "__main__":
    main()
