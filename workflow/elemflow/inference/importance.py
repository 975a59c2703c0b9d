"""Permutation importance: how much the error of a trained model grows when one of its inputs is shuffled.

Breiman, Mach. Learn. 45, 5 (2001), section 10; as scikit-learn's `permutation_importance`, for networks too.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.core.files import read_metadata, write_text
from elemflow.core.parquet import read_frame
from elemflow.features.store import read_features
from elemflow.inference.trained_run import Member, TrainedRun
from elemflow.splits.schemes.base import hash_order
from elemflow.training.backend import Backend

COLUMNS = ["member", "part", "feature", "rows", "repeats", "error", "increase", "spread"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Permutations:
    """How inputs are shuffled.

    Attributes:
        repeats: Permutations of each input.
        rows: Most test materials of a member; of more, a sample by a hash of their ids is used.
    """

    repeats: int
    rows: int


def write_importance(
    features: Sequence[Path],
    predictions: Path,
    model_folder: Path,
    output: Path,
    permutations: Permutations,
    backend: Backend | None = None,
) -> None:
    """Write how the error of every member on its test set grows when an input is shuffled.

    Only the sampled test materials are read, so that memory does not grow with the dataset. The stored model predicts
    in inference mode, whatever dropout or batch statistics the protocol evaluates with.

    Args:
        features: Feature files of the representation, in the order of its parts.
        predictions: `predictions.parquet` of the run, for the test materials and their values.
        model_folder: `model` of the run.
        output: Written: CSV with a row per member and input: `error` (MAE without shuffling), `increase` (mean over the
            repetitions of the MAE with the input shuffled, minus `error`) and `spread` (sample standard deviation over
            the repetitions, empty for one), in the property's unit. Without rows if the run has no result.
        permutations: How inputs are shuffled.
        backend: Keras backend of this process; None shares one with one thread.
    """
    labels = [(meta["part"], label) for meta in map(read_metadata, features) for label in meta["labels"]]
    test = read_frame(predictions, ["material_id", "member", "y_true"], role="test")
    tables = []
    if len(test):
        members = {member.number: member for member in TrainedRun(model_folder, backend).members}
        for number, rows in test.groupby("member"):
            tables.append(_importance(members[int(str(number))], rows, features, labels, permutations))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    write_text(output, table.to_csv(index=False, float_format="%.7g", lineterminator="\n"))


def _importance(
    member: Member,
    test: pd.DataFrame,
    features: Sequence[Path],
    labels: Sequence[tuple[str, str]],
    permutations: Permutations,
) -> pd.DataFrame:
    """Return the rows of the output for one member.

    Args:
        member: The member.
        test: Its test rows.
        features: Feature files.
        labels: Part and label of each input.
        permutations: How inputs are shuffled.
    """
    sample = test.iloc[np.sort(hash_order(test["material_id"].tolist(), "importance")[: permutations.rows])]
    found, x = read_features(features, sample["material_id"].tolist())
    y = sample.set_index("material_id")["y_true"].reindex(found).to_numpy()
    columns = member.scale(x)  # column by column, so a shuffled column may be scaled before
    error = float(np.abs(member.predict_scaled(columns) - y).mean())
    log.info("member %s: error %.6g on %d test materials, %d inputs", member.number, error, len(y), len(labels))
    repeats = permutations.repeats
    lines = []
    for (part, label), increases in zip(
        labels, _increases(columns, y, member.predict_scaled, error, repeats), strict=True
    ):
        spread = increases.std(ddof=1) if repeats > 1 else None
        lines.append((member.number, part, label, len(y), repeats, error, increases.mean(), spread))
    return pd.DataFrame(lines, columns=COLUMNS)


def _increases(
    x: np.ndarray, y: np.ndarray, predict: Callable[[np.ndarray], np.ndarray], error: float, repeats: int
) -> Iterator[np.ndarray]:
    """Yield for each input how the error grows in every repetition, shape (repeats,); `x` is restored at the end."""
    # The legacy generator never changes. All inputs share their permutations, so their order depends less on chance.
    orders = [np.random.RandomState(repeat).permutation(len(x)) for repeat in range(repeats)]
    for column in range(x.shape[1]):
        kept = x[:, column].copy()
        if (kept == kept[0]).all():
            yield np.zeros(repeats)
            continue
        errors = []
        for order in orders:
            x[:, column] = kept[order]
            errors.append(np.abs(predict(x) - y).mean())
        x[:, column] = kept
        yield np.array(errors) - error
