"""Errors of fine-tuned bases by cross-validation within the training and validation materials of a split.

To choose between bases, or how one is trained, without the test set: the materials of the split's first member that are
not tested are divided into folds, and each network of a base is fine-tuned on all but one. Prints the error of each
network and of their mean. Split, features and materials are those that the workflow has made.

python benchmarks/bench_base_folds.py results kefe formation_energy 'fine_tuned_base@members=3,splits=3' \\
    results/bases/<base>/<base>.elemflow ... [--folds 3]
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from elemflow.features.store import read_features
from elemflow.multitask.estimator import FineTunedBase
from elemflow.multitask.file import read_base


def rows_of(results, dataset, prop, protocol):
    """Return features (rows, features) and values (rows,) of the materials that are not tested."""
    split = pd.read_parquet(results / "splits" / dataset / prop / f"{protocol}.parquet")
    kept = split.material_id[(split.member == 0) & (split.role != "test")].tolist()
    folder = results / "features" / dataset
    found, x = read_features([folder / "ef.parquet", folder / "pa.parquet"], kept)
    values = pd.read_parquet(results / "datasets" / dataset / "materials.parquet").set_index("material_id")[prop]
    return x, values.loc[list(found)].to_numpy(float)


def errors_of(file, x, y, folds):
    """Return the absolute errors of each network (networks, rows) and of their mean (rows,)."""
    networks = len(read_base(file).weights)
    predictions = np.empty((networks, len(y)))
    for train, test in KFold(folds, shuffle=True, random_state=0).split(x):
        for number in range(networks):
            estimator = FineTunedBase(str(file.resolve()), seed=number).fit(x[train], y[train])
            predictions[number, test] = estimator.predict(x[test])
    return np.abs(predictions - y), np.abs(predictions.mean(axis=0) - y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("property")
    parser.add_argument("protocol", help="whose split is used")
    parser.add_argument("bases", type=Path, nargs="+", help="files of bases")
    parser.add_argument("--folds", type=int, default=3)
    given = parser.parse_args()
    x, y = rows_of(given.results, given.dataset, given.property, given.protocol)
    first = None
    for file in given.bases:
        single, mean = errors_of(file, x, y, given.folds)
        first = mean if first is None else first
        change = mean - first
        error = change.std(ddof=1) / np.sqrt(len(y))
        print(
            f"{file.stem}: {len(y)} materials, {given.folds} folds, one network "
            f"{' '.join(f'{each.mean():.4f}' for each in single)}, mean of {len(single)} {mean.mean():.4f} "
            f"({change.mean():+.4f} ± {error:.4f} against the first base)",
            flush=True,
        )


if __name__ == "__main__":
    main()
