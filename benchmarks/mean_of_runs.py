"""Test errors of runs of the workflow and of the mean of their predictions, on folds that test every material once.

All runs have to share their folds. The mean of a run is that of its members; the mean of the runs gives each the same
weight. Prints the error of each run and of their mean with its standard error, and the correlation of their errors.

python benchmarks/mean_of_runs.py results <dataset>/<property>/<representation>/<model>/<protocol> ...
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd


def tested(results, run):
    """Return truth and prediction of the tested materials, mean over the members that tested each, by material."""
    found = pd.read_parquet(results / "runs" / run / "predictions.parquet")
    found = found[found.role == "test"].groupby("material_id")
    counts = found.size()
    if counts.min() != counts.max():
        raise SystemExit(f"{run}: some materials are tested more often than others; only folds can be compared.")
    return found.agg(truth=("y_true", "first"), prediction=("y_pred", "mean"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("runs", nargs="+")
    given = parser.parse_args()
    tables = [tested(given.results, run) for run in given.runs]
    truth = tables[0].truth
    for run, table in zip(given.runs, tables, strict=True):
        if not table.truth.index.equals(truth.index) or not np.array_equal(table.truth, truth):
            raise SystemExit(f"{run}: tests other materials than {given.runs[0]}, or has other values of them.")
    predictions = [table.prediction for table in tables]
    for name, prediction in [*zip(given.runs, predictions, strict=True), ("mean", sum(predictions) / len(tables))]:
        errors = (prediction - truth).abs()
        print(f"{errors.mean():.5f} ± {errors.std(ddof=1) / np.sqrt(len(errors)):.5f}  {len(errors)} materials  {name}")
    if len(tables) > 1:
        residuals = np.stack([prediction - truth for prediction in predictions])
        print("correlation of the errors:", np.round(np.corrcoef(residuals), 3).tolist())


if __name__ == "__main__":
    main()
