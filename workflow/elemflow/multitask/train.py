"""Pre-training of a multi-task network on a joint table; a training that is killed goes on from its checkpoint."""

import json
import logging
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elemflow.config.base import Base, Schedule
from elemflow.core.errors import DataError, TrainingError
from elemflow.core.files import atomic_path, digest_of
from elemflow.features.scaling import Scaling, fit_scaling
from elemflow.multitask.network import Weights, initial_weights
from elemflow.multitask.steps import MakeEpoch, State, epoch_with_jax, rates, start

CHECKPOINT_SECONDS = 120.0

log = logging.getLogger(__name__)


class Standard(NamedTuple):
    """Standardisation of the targets: (target - center) / scale.

    Attributes:
        center: Median of each head in the training rows (heads,).
        scale: Standard deviation of each head in the training rows (heads,).
        labels: Number of training labels of each head (heads,).
    """

    center: np.ndarray
    scale: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class TrainingRows:
    """What a network is trained on.

    Attributes:
        x: Scaled features, float32 (rows, features).
        y: Standardised targets, NaN where there is none, float32 (rows, heads).
        sampled: Rows that only the sampled dataset has labels of (n,).
        others: All other rows (m,).
    """

    x: np.ndarray
    y: np.ndarray
    sampled: np.ndarray
    others: np.ndarray


def standardise(targets: np.ndarray, heads: tuple[str, ...]) -> Standard:
    """Return the standardisation of targets with NaN where there is no label, shape (rows, heads).

    Raises:
        DataError: A head has no labels, or only one value.
    """
    labels = np.sum(~np.isnan(targets), axis=0)
    for name, count in zip(heads, labels, strict=True):
        if not count:
            raise DataError(f"the head '{name}' has no training labels; remove it from the base or check its dataset.")
    center = np.nanmedian(targets.astype(np.float64), axis=0)
    scale = np.nanstd(targets.astype(np.float64), axis=0)
    for name, spread in zip(heads, scale, strict=True):
        if not spread > 0:
            raise DataError(f"all training labels of the head '{name}' are equal, so there is nothing to learn.")
    return Standard(center, scale, labels)


def training_rows(
    targets: np.ndarray, x: np.ndarray, standard: Standard, sources: tuple[str, ...], schedule: Schedule
) -> TrainingRows:
    """Return the rows of a training, those to sample apart from the others."""
    y = np.clip((targets - standard.center) / standard.scale, -schedule.clip, schedule.clip).astype(np.float32)
    elsewhere = np.array([source != schedule.sampled for source in sources])
    rich = (
        np.any(~np.isnan(y[:, elsewhere]), axis=1)
        if schedule.sampled and schedule.sampled_rows
        else np.ones(len(y), bool)
    )
    return TrainingRows(x, y, np.flatnonzero(~rich), np.flatnonzero(rich))


def head_weights(rows: TrainingRows, standard: Standard, declared: np.ndarray, schedule: Schedule) -> np.ndarray:
    """Return the weight of each head in the loss, float32 (heads,): they sum to 1 in a mean batch.

    Args:
        rows: The training rows.
        standard: Number of labels of each head.
        declared: Factors of the declaration (heads,).
        schedule: Exponent and limits.
    """
    raw = (schedule.weight_labels / standard.labels) ** schedule.weight_exponent
    weights = declared * np.clip(raw, *schedule.weight_limits)
    n_sampled = min(schedule.sampled_rows or 0, len(rows.sampled))
    known = ~np.isnan(rows.y)
    labels = known[rows.others].sum(axis=0, dtype=np.float64)
    if n_sampled:
        labels += known[rows.sampled].mean(axis=0) * n_sampled
    share = labels / (len(rows.others) + n_sampled)
    return (weights / np.sum(weights * share)).astype(np.float32)


def rows_of_epoch(rows: TrainingRows, schedule: Schedule, seed: int, epoch: int) -> np.ndarray:
    """Return the rows of an epoch in the order of its steps, whole batches; depends on its arguments alone.

    All other rows take part, and `sampled_rows` of those to sample: these stand in one random order, of which each
    epoch takes the next ones, round and round.
    """
    count = min(schedule.sampled_rows or 0, len(rows.sampled))
    order = np.random.default_rng([seed, 0]).permutation(len(rows.sampled))
    places = (np.arange(count) + (epoch - 1) * count) % max(1, len(order))
    chosen = np.concatenate([rows.others, rows.sampled[order[places]]])
    chosen = chosen[np.random.default_rng([seed, epoch]).permutation(len(chosen))]
    return chosen[: len(chosen) - len(chosen) % schedule.batch_size]


def fit_inputs(x: np.ndarray, parts: list[tuple[str, int]]) -> Scaling:
    """Return the scaling of the inputs: attributes to rows of length near 1, fractions as they are."""
    return fit_scaling(x, parts, {part: "unit_rows" for part, _ in parts if part != "ef"})


def pretrain(
    base: Base,
    rows: TrainingRows,
    weights_of_heads: np.ndarray,
    seed: int,
    checkpoint: Path,
    make_epoch: MakeEpoch = epoch_with_jax,
    initial: Weights | None = None,
) -> Weights:
    """Train one network.

    Args:
        base: Shape and schedule.
        rows: What it is trained on.
        weights_of_heads: See `head_weights`.
        seed: Seed of the initial weights and of the orders.
        checkpoint: Where the state is kept meanwhile; removed at the end.
        make_epoch: The engine.
        initial: Weights to start from; random ones if it is None.

    Returns:
        The last weights.

    Raises:
        DataError: There are fewer rows than one batch needs.
        TrainingError: The loss is no longer finite.
    """
    schedule = base.training
    per_epoch = len(rows_of_epoch(rows, schedule, seed, 1)) // schedule.batch_size
    if not per_epoch:
        raise DataError(f"{len(rows.x)} rows are fewer than a batch of {schedule.batch_size}; lower 'batch_size'.")
    identity = digest_of([base.training_parameters(), seed, list(rows.x.shape), float(np.nansum(rows.y))])
    if initial is None:
        initial = initial_weights(base.network, rows.x.shape[1], rows.y.shape[1], seed)
    else:
        identity = digest_of([identity, {name: float(np.sum(each, dtype=float)) for name, each in initial.items()}])
    state = start(initial)
    state, done = _restore(checkpoint, identity, state)
    run_epoch = make_epoch(base.network, schedule.weight_decay, rows.x, rows.y, weights_of_heads)
    all_rates = rates(per_epoch * schedule.epochs, schedule.learning_rate, schedule.warmup)
    saved = time.monotonic()
    for epoch in range(done + 1, schedule.epochs + 1):
        order = rows_of_epoch(rows, schedule, seed, epoch).reshape(per_epoch, schedule.batch_size)
        state, losses = run_epoch(state, order, all_rates[(epoch - 1) * per_epoch : epoch * per_epoch])
        mean = float(np.mean(losses, dtype=np.float64))
        if not np.isfinite(mean):
            raise TrainingError(f"epoch {epoch}: the loss is {mean}. Lower 'training.learning_rate' of the base.")
        log.info("epoch %d of %d: training loss %.4f", epoch, schedule.epochs, mean)
        if time.monotonic() - saved > CHECKPOINT_SECONDS and epoch < schedule.epochs:
            _save(checkpoint, identity, state, epoch)
            saved = time.monotonic()
    return {name: np.asarray(value) for name, value in state.weights.items()}


def _save(path: Path, identity: str, state: State, epoch: int) -> None:
    arrays: dict[str, Any] = {"about": np.array(json.dumps({"identity": identity, "epoch": epoch}))}
    for group in ("weights", "first", "second"):
        arrays |= {f"{group}:{name}": np.asarray(value) for name, value in getattr(state, group).items()}
    with atomic_path(path) as temporary:
        np.savez(temporary, step=np.asarray(state.step), **arrays)


def _restore(path: Path, identity: str, state: State) -> tuple[State, int]:
    """Return the state of a checkpoint and its epoch; that of another training is not used."""
    if not path.exists():
        return state, 0
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            if about["identity"] != identity:
                log.warning("%s belongs to another training; this one starts again.", path)
                return state, 0
            weights, first, second = (
                {name: stored[f"{group}:{name}"] for name in state.weights} for group in ("weights", "first", "second")
            )
            log.info("continues after epoch %d from %s", about["epoch"], path)
            return State(weights, first, second, stored["step"]), about["epoch"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s); this training starts again.", path, error)
        return state, 0
