"""Learning curves on small sets: fine-tuned bases against extra trees and a network from scratch.

Tested on compositions that the first base has not seen under any property, so that no result depends on a value it
knows; the training rows are drawn from all others. Of a set that has fewer than --unseen such compositions, any are
tested, and the lines say how many of them the base had seen. All bases share the rows. Prints and writes one line per
set, size, draw and method.

python benchmarks/bench_base.py [--base FILE] [--others FILE ...] [--sets kefe kebg ...] [--data FOLDER]
    [--sizes 100 300 1000] [--draws 1] [--members 3] [--methods base trees ...] [--out learning_curves.csv]
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from elemflow.base import finetuning
from elemflow.base.predictor import SHIPPED
from elemflow.base.table import read_measured
from elemflow.multitask.file import read_base
from elemflow.multitask.network import embed, predict

ROOT = Path(__file__).resolve().parents[1]


class Set(NamedTuple):
    """A table of values: its file, below `resources/data` or the folder of the local tables, column and transform."""

    file: str
    target: str
    transform: str = "none"
    local: bool = True


SETS = {
    "kefe": Set("kefe.csv.gz", "expt_form_e", local=False),
    "kebg": Set("kebg.csv.gz", "expt_gap", local=False),
    "aflow_kappa": Set("aflow_composition.parquet", "agl_thermal_conductivity_300K", "log10"),
    "aflow_debye": Set("aflow_composition.parquet", "ael_debye_temperature"),
    "jarvis_tc": Set("jarvis_structures.parquet", "Tc_supercon"),
    "alloys": Set("expt_formation_enthalpy.csv.gz", "e_form expt"),
}
METHODS = ("base", "trees", "trees_base", "scratch", "constant")
MOST_TESTED = 500


def features_of(base, x):
    """Return predictions of the heads and outputs of the trunk of the first network, as the part `base` has them."""
    scaled, network = base.scaling.apply(x), base.facts.network
    return np.concatenate([predict(base.weights[0], scaled, network), embed(base.weights[0], scaled, network)], axis=1)


def fit_and_predict(method, base, train, x, seed, members):
    """Return the predictions of a method for test rows."""
    if method == "base":
        return finetuning.fit_ensemble(base, train, seed, members).predict(base, x)[0]
    if method == "trees_base":
        train, x = train._replace(x=features_of(base, train.x)), features_of(base, x)
        method = "trees"
    return finetuning.fit_and_predict(method, base, train, x, seed)[0]


def tested_rows(base, compositions, fewest):
    """Return the test rows, and how many of them the base has seen."""
    seen = base.seen.contains(compositions)
    rows = np.flatnonzero(~seen) if (~seen).sum() >= fewest else np.arange(len(seen))
    most = min(MOST_TESTED, len(compositions) // 3)
    test = np.random.default_rng(0).permutation(rows)[:most]
    return test, int(seen[test].sum())


def curves(bases, name, given):
    """Yield the lines of a set."""
    about, first = SETS[name], next(iter(bases.values()))
    path = given.data / about.file if about.local else ROOT / "resources/data" / about.file
    rows, _ = finetuning.featurize(first, read_measured(path, about.target, "formula", transform=about.transform))
    test, n_seen = tested_rows(first, rows.compositions, given.unseen)
    others = np.setdiff1d(np.arange(len(rows.y)), test)
    for draw in range(given.draws):
        order = np.random.default_rng([draw, 1]).permutation(others)
        for size in given.sizes:
            if size > len(others):
                continue
            train = rows.take(order[:size])
            for method in given.methods:
                for base_name, base in bases.items() if method in {"base", "trees_base"} else [("", first)]:
                    started = time.process_time()
                    found = fit_and_predict(method, base, train, rows.x[test], 1000 * draw, given.members)
                    errors = np.abs(found - rows.y[test])
                    yield {
                        "set": name, "rows": size, "draw": draw, "method": method, "base": base_name,
                        "tested": len(test), "seen": n_seen, "mae": errors.mean(),
                        "standard_error": errors.std(ddof=1) / np.sqrt(len(test)),
                        "cpu_seconds": time.process_time() - started,
                    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, default=ROOT / SHIPPED)
    parser.add_argument("--others", type=Path, nargs="*", default=[])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=["kefe", "kebg"])
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the local tables")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--members", type=int, default=finetuning.MEMBERS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["base", "trees", "scratch", "constant"])
    parser.add_argument("--unseen", type=int, default=200, help="fewest unseen compositions that are tested alone")
    parser.add_argument("--out", type=Path, default=Path("learning_curves.csv"))
    given = parser.parse_args()
    bases = {path.stem: read_base(path) for path in (given.base, *given.others)}
    lines = []
    for name in given.sets:
        for line in curves(bases, name, given):
            lines.append(line)
            print(
                {key: round(float(value), 4) if isinstance(value, float) else value for key, value in line.items()},
                flush=True,
            )
            pd.DataFrame(lines).to_csv(given.out, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
