"""Learning curves on measured values: a fine-tuned base against extra trees and a network from scratch.

Tested on compositions that the base has not seen under any property, so that no result depends on a value it knows; the
training rows are drawn from all others. Prints and writes one line per set, size, draw and method.

python benchmarks/bench_base.py [--base FILE] [--sizes 100 300 1000] [--draws 1] [--out learning_curves.csv]
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.base import finetuning
from elemflow.base.predictor import SHIPPED
from elemflow.base.table import read_measured
from elemflow.multitask.file import read_base

ROOT = Path(__file__).resolve().parents[1]
SETS = {"kefe": "expt_form_e", "kebg": "expt_gap"}
METHODS = ("base", "trees", "scratch", "constant")
MOST_TESTED = 500


def curves(base, name, sizes, draws):
    """Yield the lines of a measured set."""
    measured = read_measured(ROOT / f"resources/data/{name}.csv.gz", SETS[name], "formula")
    rows, _ = finetuning.featurize(base, measured)
    unseen = np.flatnonzero(~base.seen.contains(rows.compositions))
    test = np.random.default_rng(0).permutation(unseen)[:MOST_TESTED]
    others = np.setdiff1d(np.arange(len(rows.y)), test)
    for draw in range(draws):
        order = np.random.default_rng([draw, 1]).permutation(others)
        for size in sizes:
            train = rows.take(order[:size])
            for method in METHODS:
                started = time.process_time()
                found, _ = finetuning.fit_and_predict(method, base, train, rows.x[test], 1000 * draw)
                errors = np.abs(found - rows.y[test])
                yield {
                    "set": name, "rows": size, "draw": draw, "method": method, "tested": len(test),
                    "mae": errors.mean(), "standard_error": errors.std(ddof=1) / np.sqrt(len(test)),
                    "cpu_seconds": time.process_time() - started,
                }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, default=ROOT / SHIPPED)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--out", type=Path, default=Path("learning_curves.csv"))
    given = parser.parse_args()
    base, lines = read_base(given.base), []
    for name in given.sets:
        for line in curves(base, name, given.sizes, given.draws):
            lines.append(line)
            print(
                {key: round(float(value), 4) if isinstance(value, float) else value for key, value in line.items()},
                flush=True,
            )
            pd.DataFrame(lines).to_csv(given.out, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
