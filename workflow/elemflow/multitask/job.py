"""The jobs of the workflow that train a base: from the joint table and its features to one network each."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from elemflow.config.base import Base
from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, read_metadata
from elemflow.features.scaling import Scaling
from elemflow.features.store import read_features
from elemflow.multitask.joint import TRAIN, Joint, read_joint
from elemflow.multitask.network import Weights
from elemflow.multitask.steps import MakeEpoch, epoch_with_jax
from elemflow.multitask.train import Standard, fit_inputs, head_weights, pretrain, standardise, training_rows

log = logging.getLogger(__name__)


class Network(NamedTuple):
    """A trained multi-task network.

    Attributes:
        weights: Its weights, float32.
        scaling: Scaling of the features.
        standard: Standardisation of the targets.
    """

    weights: Weights
    scaling: Scaling
    standard: Standard


def rows_of(joint: Path, features: Sequence[Path], role: str) -> tuple[Joint, np.ndarray]:
    """Return the rows of a role that have features, and these, float32 (rows, features).

    Raises:
        DataError: There are none.
    """
    rows = read_joint(joint, role)
    found, x = read_features(features, rows.composition.tolist())
    if not len(found):
        raise DataError(f"{joint}: no composition of the role '{role}' has features.")
    kept = pd.Index(rows.composition).get_indexer(pd.Index(found))
    return rows._replace(composition=rows.composition[kept], targets=rows.targets[kept]), x


def train_network(
    base: Base,
    number: int,
    joint: Path,
    features: Sequence[Path],
    output: Path,
    checkpoint: Path,
    make_epoch: MakeEpoch = epoch_with_jax,
    first: Path | None = None,
) -> None:
    """Train one network of a base and write it.

    Args:
        base: The declaration.
        number: Number of the network, from 0.
        joint: Its joint table.
        features: Feature files of the table's compositions, in the order of the representation.
        output: `.npz` with weights, scaling and standardisation; equal inputs give equal bytes.
        checkpoint: Where unfinished work is kept; removed at the end.
        make_epoch: The engine.
        first: Network of the base that this one continues from; None for random weights.

    Raises:
        DataError: A head has no labels, or there are too few rows.
        TrainingError: The training diverged.
    """
    rows, x = rows_of(joint, features, TRAIN)
    if first is None:
        parts = [(about["part"], len(about["labels"])) for about in map(read_metadata, features)]
        initial, scaling, standard = None, fit_inputs(x, parts), standardise(rows.targets, rows.heads)
    else:
        initial, scaling, standard = read_network(first)
    if base.trained_heads:
        rows, x = with_labels(rows, x, base.trained_heads)
    prepared = training_rows(rows.targets, scaling.apply(x), standard, rows.sources, base.training)
    del x
    declared = np.array([base.heads[name].weight for name in rows.heads])
    weights_of_heads = head_weights(prepared, standard, declared, base.training)
    log.info(
        "%d compositions, %d of them with labels of %s alone",
        len(prepared.x),
        len(prepared.sampled),
        base.training.sampled,
    )
    weights = pretrain(base, prepared, weights_of_heads, base.seed + number, checkpoint, make_epoch, initial)
    write_network(output, Network(weights, scaling, standard))
    checkpoint.unlink(missing_ok=True)


def with_labels(rows: Joint, x: np.ndarray, heads: Sequence[str]) -> tuple[Joint, np.ndarray]:
    """Return the rows that have a label of some heads, with their features, and without labels of the other heads.

    Args:
        rows: Rows of a joint table.
        x: Their features (rows, features).
        heads: Ids of the heads.

    Raises:
        DataError: No row has one.
    """
    chosen = np.isin(rows.heads, heads)
    labelled = ~np.isnan(rows.targets[:, chosen]).all(axis=1)
    if not labelled.any():
        raise DataError(f"no row has a label of {', '.join(heads)}; check 'trained_heads' of the base.")
    targets = np.where(chosen, rows.targets[labelled], np.nan).astype(rows.targets.dtype)
    return rows._replace(composition=rows.composition[labelled], targets=targets), x[labelled]


def write_network(path: Path, network: Network) -> None:
    """Write a network as `.npz`."""
    arrays = {f"scaling:{name}": value for name, value in vars(network.scaling).items()}
    arrays |= {f"standard:{name}": value for name, value in network.standard._asdict().items()}
    arrays |= {f"weights:{name}": value for name, value in network.weights.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)


def read_network(path: Path) -> Network:
    """Read what `write_network` wrote."""
    groups: dict[str, dict[str, np.ndarray]] = {"scaling": {}, "standard": {}, "weights": {}}
    with np.load(path, allow_pickle=False) as stored:
        for key in stored.files:
            group, name = key.split(":", 1)
            groups[group][name] = stored[key]
    return Network(groups["weights"], Scaling(**groups["scaling"]), Standard(**groups["standard"]))
