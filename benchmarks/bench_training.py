"""Speed of training: `keras.Model.fit`, both engines and what this machine could do at most, measured in one run.

    python benchmarks/bench_training.py                 # tables of docs/results/performance.md, about 4 minutes
    python benchmarks/bench_training.py --predict [N]   # a million rows (or N) through BRNet, from file to file
    python benchmarks/bench_training.py --rows N [N …]  # an epoch of BRNet on sets of such sizes
    python benchmarks/bench_training.py --members N     # members of the recipe on KEFE's rows, one after the other

Each measurement has a process and a number of threads of its own. A step is a batch of 32 rows of 86 features through
forward pass, gradient and Adam; times are those of the fastest of a few repetitions, after one that compiles.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from elemflow.config.dataset import Property
from elemflow.config.load import load
from elemflow.config.protocol import Evaluation, Protocol, Training
from elemflow.core.files import parquet_stream
from elemflow.core.run import Run
from elemflow.features.elemental_fractions import LABELS
from elemflow.inference.predictor import predict_parquet
from elemflow.provenance.run_info import peak_memory_mb
from elemflow.training.backend import Backend
from elemflow.training.data import MemberData, RoleData
from elemflow.training.engine import NetworkSettings, Steps, TrainingJob
from elemflow.training.loop import fit_member
from elemflow.training.progress import Progress
from elemflow.training.run_config import RunConfig
from elemflow.training.state import SEGMENT_ROWS
from elemflow.training.storage import write_run_config

BATCH, FEATURES, STEPS, REPEATS = 32, 86, 40, 4
TRAINERS = ("model.fit", "tensorflow", "jax")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predict", type=int, nargs="?", const=1_000_000, metavar="ROWS", help="predict rows instead")
    parser.add_argument("--rows", type=int, nargs="+", metavar="ROWS", help="an epoch on sets of such sizes instead")
    parser.add_argument("--members", type=int, metavar="N", help="members of one run, one after the other, instead")
    parser.add_argument("--worker", nargs=4, metavar=("WHAT", "MODEL", "THREADS", "MEMBERS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        what, model, threads, members = given.worker
        print(json.dumps(WORKERS[what](what, model, int(threads), int(members))))
    elif given.predict:
        found = _finish(_start("predict-tensorflow", "brnet", 2, given.predict))
        print(
            f"{found['seconds']:.0f} s ({found['cpu_seconds']:.0f} s of CPU) for {given.predict:,} rows, "
            f"peak memory {found['memory_mb']:.0f} MB",
            flush=True,
        )
    elif given.rows:
        for rows in given.rows:
            found = _finish(_start("epoch", "brnet", 1, rows))
            print(
                f"{rows:,} rows: {found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s of CPU, "
                f"{1e6 * found['cpu_seconds'] / rows:.0f} µs per row), peak memory {found['memory_mb']:.0f} MB",
                flush=True,
            )
    elif given.members:
        for what in ("members-alone", "members-sharing"):
            found = _finish(_start(what, "brnet_damped", 1, given.members))
            print(
                f"{what}: the first {found['first']:.1f} s of CPU, a further one {found['further']:.1f} s", flush=True
            )
    else:
        _compare()


def _compare() -> None:
    print("| model | trainer | threads | steps/s | CPU ms per step | against model.fit | against the limit |")
    print("|---|---|---|---|---|---|---|")
    rates: dict[tuple[str, str, int], float] = {}
    for threads in (1, 2):
        limits = _finish(_start("limits", "brnet", threads))
        for what in TRAINERS:
            found = _finish(_start(what, "brnet", threads))
            rate = rates["brnet", what, threads] = found["rate"]
            ratio, share = rate / rates["brnet", "model.fit", threads], rate * limits["seconds"]
            print(
                f"| brnet | {what} | {threads} | {rate:.1f} | {found['cpu_ms']:.1f} | {ratio:.2f} | {share:.2f} |",
                flush=True,
            )
        print(f"| brnet | limit: {limits['text']} | {threads} | {1 / limits['seconds']:.1f} | | | 1 |", flush=True)
    for model in ("elemnet", "irnet17"):
        for what in ("tensorflow", "jax"):
            found = _finish(_start(what, model, 1))
            print(f"| {model} | {what} | 1 | {found['rate']:.1f} | {found['cpu_ms']:.1f} | | |", flush=True)
    found = _finish(_start("jax", "brnet", 1, members=4))
    print(f"| brnet | jax, 4 members | 1 | {found['rate']:.1f} | {found['cpu_ms']:.1f} | | |", flush=True)
    pair = [_start("tensorflow", "brnet", 1) for _ in range(2)]
    together = sum(_finish(process)["median_rate"] for process in pair)
    print(f"\nTwo jobs of one thread side by side: {together:.1f} steps/s together; ", end="")
    print(f"one of two threads: {rates['brnet', 'tensorflow', 2]:.1f} steps/s.")


def _start(what: str, model: str, threads: int, members: int = 1) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--worker", what, model, str(threads), str(members)]
    limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
    return subprocess.Popen(command, env=os.environ | limits, stdout=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    written, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    return json.loads(written.splitlines()[-1])


def _fastest(call: Callable[[], Any], steps: int, repeats: int = REPEATS) -> dict[str, float]:
    """Return steps per second and processor time per step of the fastest of a few calls, after one that compiles."""
    call()
    walls, processor = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - cpu)
    return {
        "rate": steps / min(walls),
        "median_rate": steps / sorted(walls)[repeats // 2],
        "cpu_ms": 1e3 * min(processor) / steps,
    }


def _rows(rows: int) -> RoleData:
    x = np.random.default_rng(0).random((rows, FEATURES), np.float32)
    return RoleData(np.arange(rows).astype(str).astype(object), x, x.sum(axis=1).astype(float))


def _network(model: str, seed: int = 0) -> Any:
    declared = load({"studies": ["demo"]}, Path(__file__).parents[1]).models[model]
    return declared.spec.build(FEATURES, seed)


def _plain_fit(_what: str, model: str, threads: int, _members: int) -> dict[str, float]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras  # noqa: PLC0415  after the choice of the backend, also below
    import tensorflow as tf  # noqa: PLC0415

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    network, data = _network(model), _rows(BATCH * STEPS)
    network.compile(keras.optimizers.Adam(1e-4), "mean_absolute_error")
    return _fastest(lambda: network.fit(data.x, data.y, batch_size=BATCH, verbose=0), STEPS)


def _engine(engine: str, model: str, threads: int, members: int, rows: int = BATCH * STEPS) -> tuple[Any, Any]:
    backend, data = Backend(threads), _rows(rows)
    backend.start(engine)
    of_member = MemberData(0, data, data, data, {})
    progress = Progress("benchmark", 1)
    jobs = [TrainingJob(_network(model, seed), of_member, seed, Path("none"), progress) for seed in range(members)]
    return backend.keras.engine(jobs, _settings(max_epochs=1000)), data  # enough epochs to be compiled


def _settings(max_epochs: int) -> NetworkSettings:
    training = {
        "optimizer": {"name": "adam", "learning_rate": 1e-4},
        "batch_size": BATCH,
        "loss": "mae",
        "max_epochs": max_epochs,
        "early_stopping": None,
    }
    return NetworkSettings(Training.model_validate(training), Evaluation(), 0)


def _members(what: str, model: str, threads: int, members: int) -> dict[str, float]:
    """Train members of one run on as many rows as KEFE's training set, with and without sharing what is compiled."""
    backend = Backend(threads)
    backend.start("tensorflow")
    sets = {role: _rows(rows) for role, rows in (("train", 1729), ("validation", 192), ("test", 214))}
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for member in range(members):
            started = time.process_time()
            data = MemberData(member, **sets, dropped={})
            job = TrainingJob(
                _network(model, member),
                data,
                member,
                Path(folder) / f"{member}.npz",
                Progress(f"member {member + 1}", 40),
                model if what == "members-sharing" else "",
            )
            result = fit_member(job, _settings(max_epochs=40), backend.keras)
            result.predict(data.test)
            seconds.append(time.process_time() - started)
    return {"first": seconds[0], "further": float(np.median(seconds[1:]))}


def _train(engine: str, model: str, threads: int, members: int) -> dict[str, float]:
    made, _ = _engine(engine, model, threads, members)
    order, rates = np.arange(BATCH * STEPS, dtype=np.int32), np.full(STEPS, 1e-4, np.float32)
    work = {member: Steps(order, rates, 0, STEPS, 0.0) for member in range(members)}
    return _fastest(lambda: made.run_steps(work), STEPS * members)


def _epoch(_what: str, model: str, threads: int, rows: int) -> dict[str, float]:
    """Train one epoch on TensorFlow, in the pieces between which a training may be stopped, after one that compiles."""
    made, _ = _engine("tensorflow", model, threads, 1, rows)
    steps = rows // BATCH
    order, rates = np.arange(steps * BATCH, dtype=np.int32), np.full(steps, 1e-4, np.float32)
    piece = min(steps, SEGMENT_ROWS // BATCH)
    starts = range(0, steps - piece + 1, piece)
    made.run_steps({0: Steps(order, rates, 0, piece, 0.0)})
    started, cpu = time.perf_counter(), time.process_time()
    for first in starts:
        made.run_steps({0: Steps(order, rates, first, first + piece, 0.0)})
    scale = steps / (piece * len(starts))
    seconds = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    return {name: scale * value for name, value in seconds.items()} | {"memory_mb": peak_memory_mb()}


def _predict(what: str, model: str, threads: int, rows: int) -> dict[str, float]:
    """Stream a feature file of `rows` materials through one untrained member, as `elemflow.predict` does."""
    engine = what.removeprefix("predict-")
    Backend(threads).start(engine)  # Keras builds the stored network on it
    training = _settings(max_epochs=1).training.but(engine=engine)
    split = {"scheme": "k_fold", "folds": 2, "seed": 0}
    run = RunConfig(
        Run("benchmark", "none", "ef", model, "none"),
        Property(unit="1"),
        load({"studies": ["demo"]}, Path(__file__).parents[1]).models[model],
        Protocol.model_validate({"split": split, "training": training}),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_run_config(folder / "model", run)
        _network(model).save(folder / "model/member-0.keras")
        schema = pa.schema([("material_id", pa.string()), *((label, pa.float32()) for label in LABELS)])
        about = {b"elemflow": json.dumps({"part": "ef", "labels": LABELS}).encode()}
        with parquet_stream(folder / "ef.parquet", schema.with_metadata(about)) as append:
            for first in range(0, rows, 65_536):
                x = np.random.default_rng(first).random((min(65_536, rows - first), FEATURES), np.float32)
                columns = [pa.array(np.arange(first, first + len(x)).astype(str)), *map(pa.array, x.T.copy())]
                append(pa.Table.from_arrays(columns, schema=schema.with_metadata(about)))
        started, cpu = time.perf_counter(), time.process_time()
        predict_parquet(folder, [folder / "ef.parquet"], folder / "out.parquet", backend=Backend(threads))
        seconds = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    return seconds | {"memory_mb": peak_memory_mb()}


def _limits(_what: str, model: str, threads: int, _members: int) -> dict[str, Any]:
    """Return seconds per step if products ran as NumPy's and Adam moved its 28 bytes per weight as a sum does.

    The update of a weight needs its gradient first, so the two times are added.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    weights = [np.array(weight) for weight in _network(model).trainable_variables]
    layers = [
        (w, np.ones((BATCH, w.shape[0]), np.float32), np.ones((BATCH, w.shape[1]), np.float32))
        for w in weights
        if w.ndim == 2
    ]

    def multiply() -> None:
        for w, x, gradient in layers:
            x @ w, x.T @ gradient, gradient @ w.T

    size = sum(w.size for w in weights)
    a, b, c = (np.ones(size, np.float32) for _ in range(3))
    cuts = [slice(size * i // threads, size * (i + 1) // threads) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        sums = _fastest(lambda: list(pool.map(lambda cut: np.add(b[cut], c[cut], out=a[cut]), cuts)), 1, 40)
    products, operations = _fastest(multiply, 1, 40), 6 * BATCH * sum(w.size for w, _, _ in layers)
    flops, bandwidth = operations * products["rate"], 12 * size * sums["rate"]
    moved = 28 * size
    products_limit = f"{operations / 1e9:.2f} GFLOP at {flops / 1e9:.0f} GFLOP/s"
    memory_limit = f"{moved / 1e6:.0f} MB at {bandwidth / 1e9:.1f} GB/s"
    return {"seconds": operations / flops + moved / bandwidth, "text": f"{products_limit} + {memory_limit}"}


WORKERS = {"limits": _limits, "model.fit": _plain_fit, "tensorflow": _train, "jax": _train}
WORKERS |= {"epoch": _epoch, "members-alone": _members, "members-sharing": _members}
WORKERS |= {f"predict-{engine}": _predict for engine in ("tensorflow", "jax")}


if __name__ == "__main__":
    main()
