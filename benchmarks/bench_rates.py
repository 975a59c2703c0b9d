"""Rates behind the forecast of costs: processor time per training step of every network, on one thread of this machine.

    python benchmarks/bench_rates.py                 # writes resources/rates.csv, about 10 minutes on an idle machine
    python benchmarks/bench_rates.py --parameters    # counts parameters alone and keeps the times of the file
    python benchmarks/bench_rates.py --record        # takes times of estimators from the recorded runs alone

Each network has a process of its own on engine tensorflow. A step is a batch of rows of 86 features through forward
pass, gradient and Adam. Two sizes of batch give a part for the step, the update of the weights, and a part per row.
Networks that are not in `MEASURED` differ from one of these in little but their number of parameters, by which the
forecast then goes. Lines of estimators are kept: one fit on 10,000 rows of `pa`, from docs/results/models.md. An
estimator with recorded runs of its own has their time per fit and row, and `automl` its time per trial and row,
whatever it tries: the median over the runs, in wall-clock time of one thread with other work on the other one.
"""

import csv
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np

from elemflow.config.load import load
from elemflow.config.protocol import Evaluation, Training
from elemflow.networks.spec import NetworkSpec
from elemflow.plan.paths import RECORD
from elemflow.training.backend import Backend
from elemflow.training.data import MemberData, RoleData
from elemflow.training.engine import NetworkSettings, Steps, TrainingJob
from elemflow.training.progress import Progress

ROOT = Path(__file__).parents[1]
RATES = ROOT / "resources" / "rates.csv"
COLUMNS = ("model", "parameters", "ms_per_step", "ms_per_row")
FEATURES, STEPS, REPEATS, BATCHES = 86, 20, 2, (32, 128)
MEASURED = (
    *("brnet", "irnet17", "cnn", "rnn", "fcmnr", "irnet_concatenated", "fcunet", "elemnet", "plain17", "irnet48"),
    *("dnn17", "bnet", "plain48", "srnet17", "irnet10", "dnn3"),
)
DEMO = {"studies": ["demo"]}


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        print(measure(sys.argv[2]))
        return
    with RATES.open(newline="") as stream:
        known = {line["model"]: line for line in csv.DictReader(stream)}
    if "--record" in sys.argv:
        for name, rate in rates_of_record().items():
            known[name] = dict.fromkeys(COLUMNS, "") | {"model": name, "ms_per_row": f"{rate:.3g}"}
        _write(known)
        return
    Backend(1).start("tensorflow")
    networks = {name: model for name, model in load(DEMO, ROOT).models.items() if model.kind == "network"}
    for name, model in networks.items():
        parameters = str(model.spec.build(FEATURES, 0).count_params())
        known[name] = dict.fromkeys(COLUMNS, "") | known.get(name, {}) | {"model": name, "parameters": parameters}
    for name in MEASURED if "--parameters" not in sys.argv else ():
        limits = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
        command = [sys.executable, __file__, "--worker", name]
        done = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True, check=True)
        known[name] |= dict(zip(COLUMNS[2:], done.stdout.splitlines()[-1].split(), strict=True))
        print(known[name], flush=True)
        _write(known)
    _write(known)


def rates_of_record() -> dict[str, float]:
    """Return the milliseconds per row and fit of each recorded estimator or search, the median over its runs."""
    rates: dict[str, list[float]] = defaultdict(list)
    for path in sorted((ROOT / RECORD).rglob("run_info.json")):
        info = json.loads(path.read_text(encoding="utf-8"))
        if info["cfg"]["model"]["kind"] not in {"estimator", "search"}:
            continue
        members = info["members"].values()
        fits = [len(member.get("trials") or [1]) * (member.get("folds") or 1) for member in members]
        rows = sum(member["rows"]["train"] * number for member, number in zip(members, fits, strict=True))
        rates[info["cfg"]["run"]["model"]].append(1e3 * sum(member["seconds_fitting"] for member in members) / rows)
    return {name: median(of_model) for name, of_model in rates.items()}


def _write(known: dict[str, dict[str, str]]) -> None:
    with RATES.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(known[name] for name in sorted(known))


def measure(model: str) -> str:
    """Return milliseconds per step whatever the batch, and milliseconds per row."""
    backend = Backend(1)
    backend.start("tensorflow")
    spec = load(DEMO, ROOT).models[model].spec
    small, large = (_ms_per_step(backend, spec, batch) for batch in BATCHES)
    per_row = max(0.0, (large - small) / (BATCHES[1] - BATCHES[0]))
    return f"{max(0.0, small - BATCHES[0] * per_row):.3f} {per_row:.4f}"


def _ms_per_step(backend: Backend, spec: NetworkSpec, batch: int) -> float:
    training = {"batch_size": batch, "loss": "mae", "max_epochs": 1000, "early_stopping": None}
    training["optimizer"] = {"name": "adam", "learning_rate": 1e-4}
    settings = NetworkSettings(Training.model_validate(training), Evaluation(), 0)
    rows = batch * STEPS
    x = np.random.default_rng(0).random((rows, FEATURES), np.float32)
    data = RoleData(np.arange(rows).astype(str).astype(object), x / x.sum(axis=1, keepdims=True), np.ones(rows))
    of_member = MemberData(0, data, data, data, {})
    job = TrainingJob(spec.build(FEATURES, 0), of_member, 0, Path("none"), Progress("benchmark", 1))
    engine = backend.keras.engine([job], settings)
    order, rates = np.arange(rows, dtype=np.int32), np.full(STEPS, 1e-4, np.float32)
    times = []
    for _ in range(REPEATS + 1):  # the first one compiles
        started = time.process_time()
        engine.run_steps({0: Steps(order, rates, 0, STEPS, 0.0)})
        times.append(1e3 * (time.process_time() - started) / STEPS)
    return min(times[1:])


if __name__ == "__main__":
    main()
