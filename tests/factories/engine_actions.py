"""What the tests of the engines do in processes of their own, since a process has one Keras backend."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from elemflow.config.base import NetworkShape
from elemflow.core.errors import TrainingError
from elemflow.multitask import steps
from elemflow.training import interruption as stopping
from elemflow.training import loop
from elemflow.training.data import MemberData, RoleData
from elemflow.training.engine import FitResult, NetworkSettings, Steps, TrainingJob
from elemflow.training.progress import Progress
from elemflow.training.state import TrainingState, evaluation_batches
from factories.toy import SEED, SPEC, TRAINING, build, make_settings
from factories.training import process_backend

SMALL = SPEC | {"stacks": [{"width": 8, "layers": 1, "dropout": 0.2}]}  # few layers compile fast
STACKS = [{"width": 8, "layers": 2, "branches": [1, 1]}, {"width": 4, "layers": 1}]
PLAIN = SPEC | {"stacks": STACKS, "order": ["dense", "activation"]}
NORMALISED = SPEC | {"stacks": STACKS}
CHANGES: dict[str, dict[str, Any]] = {
    "adam": {"loss": "mse"},
    "adamw": {
        "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "weight_decay_on": "kernels"},
        "schedule": {"warmup": 0.2, "decay": "cosine"},
        "last_batch": "drop",
        "loss": "mse",
    },
    "sgd": {
        "optimizer": {"name": "sgd", "learning_rate": 0.003, "momentum": 0.9},
        "loss": "huber",
        "shuffle": "never",
        "validate_every_steps": 7,
    },
    "adadelta": {"optimizer": {"name": "adadelta", "learning_rate": 0.5, "rho": 0.9, "epsilon": 1e-6}, "loss": "mse"},
}


def part(rows: int, seed: int, sign: float = 1.0) -> RoleData:
    x = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    return RoleData(
        np.array([f"m{seed}-{i:03d}" for i in range(rows)], dtype=object), x, sign * x.sum(axis=1, dtype=float)
    )


def job(folder: Path, number: int, of: int, data: MemberData, spec: dict[str, Any] = SMALL) -> TrainingJob:
    progress = Progress(f"member {number + 1}/{of}", 6)
    return TrainingJob(build(spec, 3, number), data, number, folder / f"{number}.npz", progress)


def fit(jobs: list[TrainingJob], settings: NetworkSettings) -> Iterator[tuple[int, FitResult | TrainingError]]:
    return loop.fit_members(jobs, settings, process_backend().keras)


def losses(state: TrainingState) -> list[float]:
    return [value for row in state.history.rows for value in (row.train_loss, row.validation_mae or 0.0)]


def curves(folder: Path) -> dict[str, list[float]]:
    """Train 200 steps with each optimiser from one set of weights, without dropout.

    Batch normalisation makes the gradient of the bias before it zero but for rounding, which Adam takes for a
    direction; so Adam trains networks without it.
    """
    data = MemberData(0, part(74, 0), part(20, 1), part(20, 2), {})  # batches of 16, the last one of 10
    found = {}
    for name, change in CHANGES.items():
        start = job(folder / name, 0, 1, data, PLAIN if name.startswith("adam") else NORMALISED)
        if (weights := folder / f"{name}.npz").exists():
            start.model.set_weights([value for _, value in sorted(np.load(weights).items())])
        else:
            np.savez(weights, **{f"{i:03d}": value for i, value in enumerate(start.model.get_weights())})
        [(_, result)] = fit([start], make_settings(**{"max_epochs": 40} | change))
        assert isinstance(result, FitResult), result
        found[name] = losses(result.state)
    return found


def simultaneous(folder: Path) -> dict[str, Any]:
    """Train ten members of unequal size together, and two alone; with dropout and a short last batch."""
    members = [MemberData(m, part(42 + 6 * (m % 2), m), part(20, 10 + m), part(20, 20 + m), {}) for m in range(10)]
    members[3].train.y[5] = 1e38  # diverges
    for member in (1, 4, 6, 7, 8):  # what they learn makes the validation worse
        members[member].validation.y[:] *= -1
    early = {"monitor": "validation", "patience": 2, "restore_best": True}
    settings = make_settings(early_stopping=early, loss="mse")
    jobs = [job(folder, number, 10, data) for number, data in enumerate(members)]

    def outcome(number: int, result: FitResult | TrainingError) -> Any:
        if isinstance(result, TrainingError):
            return str(result)
        state, predict, _ = result
        facts = {"stopped": state.stopped, "best": state.history.best, "losses": losses(state)}
        return facts | {"predicted": predict(members[number].test).tolist()}

    together = {number: outcome(number, result) for number, result in fit(jobs, settings)}
    alone = {}
    for number in (0, 7):
        [(_, result)] = fit([job(folder, number, 10, members[number])], settings)
        alone[number] = outcome(number, result)
    equal = [number for number, found in alone.items() if found == together[number]]
    return {"together": together, "alone": alone, "equal to the bit": equal}


class _Signal(Progress):
    def validated(self, state: TrainingState, simultaneous: int = 1) -> None:
        if len(state.history.rows) == 2:
            signal.raise_signal(signal.SIGTERM)


def stop(folder: Path) -> dict[str, Any]:
    """Stop three members after two epochs; continue two of them together and one alone."""
    members = [MemberData(m, part(40 + m, m), part(20, 10 + m), part(20, 20 + m), {}) for m in range(3)]

    def train(*groups: list[int], folder: Path = folder) -> list[float]:
        found: dict[int, list[float]] = {}
        for numbers in groups:
            jobs = [job(folder, number, 3, members[number]) for number in numbers]
            for position, result in fit(jobs, make_settings()):
                assert isinstance(result, FitResult), result
                predicted = result.predict(members[numbers[position]].test).tolist()
                found[numbers[position]] = losses(result.state) + predicted
        return [value for number in sorted(found) for value in found[number]]

    whole = train([0, 1, 2], folder=folder / "whole")
    jobs = [job(folder, number, 3, members[number]) for number in range(3)]
    jobs[1] = jobs[1]._replace(progress=_Signal("member 2/3", 6))
    stopping.listen()
    try:
        list(fit(jobs, make_settings()))
    except stopping.Stopped as stopped:
        message = stopped.message
    stopping.forget()
    return {"whole": whole, "resumed": train([0, 2], [1]), "message": message}


def run_job(folder: Path) -> dict[str, Any]:
    """Train three members, two of them simultaneously, with the files of a job around them."""
    import pandas as pd

    from factories import training

    training.write_inputs(folder, members=3)
    out = training.train(folder, training.NETWORK, engine="jax", parallel_members=2)
    info, predictions = json.loads(out["run_info"].read_text()), pd.read_parquet(out["predictions"])
    error = (predictions["y_true"] - predictions["y_pred"]).abs().mean()
    together = [member["parallel_members"] for member in info["members"].values()]
    return {"engine": info["engine"], "together": together, "errors": float(error), "overrides": overrides(folder)}


def overrides(folder: Path) -> dict[str, Any]:
    """Train one member whose evaluation keeps dropout on, and one that normalises by the batch."""
    data, found = MemberData(0, part(42, 0), part(20, 1), part(20, 2), {}), {}
    for name, override, spec in (
        ("dropout", {"dropout": True}, SMALL),
        ("batch_norm", {"batch_norm": "batch"}, SMALL | {"stacks": [{"width": 8, "layers": 1}]}),
    ):
        start = job(folder, 0, 1, data, spec)
        [(_, result)] = fit([start._replace(checkpoint=folder / f"{name}.npz")], make_settings(override))
        assert isinstance(result, FitResult), result
        predicted = result.predict(data.validation)
        rows = evaluation_batches(20, TRAINING["batch_size"], SEED)[0]
        found[name] = {
            "monitored": result.state.history.best_row.validation_mae,
            "reported": float(np.abs(predicted - data.validation.y).mean()),
            "again": (result.predict(data.validation) == predicted).tolist(),
            "batch": predicted[rows].tolist(),
            "inference": np.array(start.model(data.validation.x[rows], training=False))[:, 0].tolist(),
        }
        if name == "batch_norm":
            found[name]["training"] = np.array(start.model(data.validation.x[rows], training=True))[:, 0].tolist()
    return found


def one_head(_: Path) -> dict[str, Any]:
    """Take steps of AdamW with the engine of runs and with that of bases, from equal weights; return what differs."""
    spec = SPEC | {
        "stacks": [{"width": 64, "layers": 4, "branches": [2, 2]}, {"width": 32, "layers": 2}],
        "order": ["dense", "activation"],
    }
    optimizer = {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "weight_decay_on": "kernels"}
    model, rows, size = build(spec, 3, SEED), part(200, 0), 50
    weights = {variable.path: np.array(variable) for variable in model.variables}
    order = np.random.default_rng(1).permutation(len(rows)).astype(np.int32)
    rates = steps.rates(4, 0.01, 0.25)
    settings = make_settings(optimizer=optimizer, batch_size=size)
    engine = process_backend().keras.engine(
        [TrainingJob(model, MemberData(0, rows, rows, rows, {}), 0, Path(), Progress("", 1))], settings
    )
    summed = engine.run_steps({0: Steps(order, rates, 0, 4, 0.0)})[0]
    theirs = dict(zip(weights, engine.get_weights(0), strict=True))
    shape = NetworkShape.model_validate({"stacks": spec["stacks"]})
    y = rows.y.astype(np.float32)[:, None]
    epoch = steps.epoch_with_jax(shape, 0.1, rows.x, y, np.ones(1, np.float32))
    state, losses = epoch(steps.start(weights), order.reshape(4, size), rates)
    same = {name: np.array_equal(theirs[name], state.weights[name]) for name in weights}
    moved = [name for name in weights if not np.array_equal(theirs[name], weights[name])]
    return {
        "other": [name for name in weights if not same[name]],
        "moved": len(moved),
        "arrays": len(weights),
        "losses": [summed, size * float(losses.sum())],
    }


ACTIONS = {"one_head": one_head, "curves": curves, "simultaneous": simultaneous, "stop": stop, "job": run_job}

if __name__ == "__main__":
    process_backend().start(sys.argv[1])
    target = Path(sys.argv[3])
    target.mkdir(exist_ok=True)
    for subfolder in (*CHANGES, "whole"):
        (target / subfolder).mkdir(exist_ok=True)
    sys.stdout.write(json.dumps(ACTIONS[sys.argv[2]](target)))
