"""Permutation importance: how much the error of a stored model grows when one of its inputs is shuffled.

Breiman, Mach. Learn. 45, 5 (2001), section 10; as scikit-learn's `permutation_importance`, for networks too.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elemflow.core.files import read_json, read_metadata, write_text
from elemflow.features.store import read_features
from elemflow.inference.stored_models import load_member, start
from elemflow.splits.schemes.base import hash_order

COLUMNS = ["member", "part", "feature", "rows", "repeats", "error", "increase", "spread"]

log = logging.getLogger(__name__)


def write_importance(
    features: Sequence[Path],
    predictions: Path,
    model_folder: Path,
    run_info: Path,
    output: Path,
    *,
    repeats: int,
    rows: int,
    threads: int,
) -> None:
    """Shuffle each input of every member of a run over the test materials and note how its error grows.

    Only the drawn test materials are read, so that memory does not grow with the dataset. The stored model is asked as
    it is: habits of evaluation (dropout or batch statistics) do not count, and its error without shuffling is noted.

    Args:
        features: Feature files of the representation, in the order of its parts.
        predictions: `predictions.parquet` of the run, for the test materials and their values.
        model_folder: `model` of the run.
        run_info: `run_info.json` of the run.
        output: Written: CSV with a row per member and input: `error` (MAE as it is), `increase` (mean over the
            repetitions of the MAE with the input shuffled, minus `error`) and `spread` (sample standard deviation over
            the repetitions, empty for one), in the property's unit. Without rows if the run has no result.
        repeats: Permutations of each input.
        rows: Most test materials of a member; more are drawn by a hash of their ids.
        threads: CPU threads to use.
    """
    about = read_json(run_info)
    labels = [(meta["part"], label) for meta in map(read_metadata, features) for label in meta["labels"]]
    test = pd.read_parquet(
        predictions, columns=["material_id", "member", "y_true"], filters=[("role", "==", "test")]
    )  # fmt: skip
    start(about, threads)
    lines: list[dict[str, Any]] = []
    for member, part in test.groupby("member"):
        ids = part["material_id"].tolist()
        drawn = part.iloc[np.sort(hash_order(ids, "importance")[:rows])]
        found, x = read_features(features, drawn["material_id"].tolist())
        y = drawn.set_index("material_id")["y_true"].reindex(found).to_numpy()
        model = load_member(model_folder, int(str(member)))
        columns = model.scale(x)  # column by column, so that a shuffled column may be scaled before
        error = float(np.abs(model.ask(columns) - y).mean())
        log.info("member %s: error %.6g over %d test materials, %d inputs", member, error, len(y), len(labels))
        for (name, label), increases in zip(labels, _increases(columns, y, model.ask, error, repeats), strict=True):
            spread = increases.std(ddof=1) if repeats > 1 else None
            line = (member, name, label, len(y), repeats, error, increases.mean(), spread)
            lines.append(dict(zip(COLUMNS, line, strict=True)))
    table = pd.DataFrame(lines, columns=COLUMNS)
    write_text(output, table.to_csv(index=False, float_format="%.7g", lineterminator="\n"))


def _increases(
    x: np.ndarray, y: np.ndarray, predict: Callable[[np.ndarray], np.ndarray], error: float, repeats: int
) -> Iterator[np.ndarray]:
    """Yield for each input how the error grows in every repetition, shape (repeats,); `x` is as before at the end."""
    # The old generator never changes. All inputs are shuffled alike, which makes their order less a matter of chance.
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
