"""Schedules of fine-tuning on properties of the base itself: errors on the compositions that it held out.

A network of a base that the workflow has built goes on with the training labels of one of its heads, by each
schedule, and is tested on the labels of the held-out compositions, in the transform of the head. No test set of any
study takes part. Prints one line per head and schedule: the error without fine-tuning, with it, and their difference
with its standard error. A schedule by its name, `short` or `rows`, starts from the nearest head, as a run does; a base
that continues from another needs the folder of that one for the tables.

python benchmarks/bench_fine_tuning.py results/bases/<base> --heads jarvis_band_gap [--schedules 128:1e-4:5 short ...]
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.multitask.file import read_base
from elemflow.multitask.finetune import LEARNED, Schedule, fine_tune, train_rows
from elemflow.multitask.job import read_network, rows_of
from elemflow.multitask.joint import HELD_OUT, TRAIN
from elemflow.multitask.network import predict, with_heads

WRITTEN = [f"{LEARNED.batch_size}:{LEARNED.learning_rate:g}:{LEARNED.epochs}", "256:3e-4:20", "256:1e-3:40"]


def labels_of(rows, x, head):
    """Return the features and labels of a head."""
    values = rows.targets[:, rows.heads.index(head)].astype(np.float64)
    known = ~np.isnan(values)
    return x[known], values[known]


def lines_of(folder, tables, number, head, schedules):
    """Yield the lines of a head."""
    network = read_network(folder / f"network-{number}.npz")
    shape = read_base(folder / f"{folder.name}.elemflow").facts.network
    features = [tables / "ef.parquet", tables / "pa.parquet"]
    (train, x), (held, x_held) = (rows_of(tables / "joint.parquet", features, role) for role in (TRAIN, HELD_OUT))
    place = train.heads.index(head)
    x, y = labels_of(train, network.scaling.apply(x), head)
    x_held, y_held = labels_of(held, network.scaling.apply(x_held), head)
    center, scale = network.standard.center[place], network.standard.scale[place]
    start = with_heads(network.weights, [place])

    def errors(weights):
        return np.abs(predict(weights, x_held, shape)[:, 0] * scale + center - y_held)

    before = errors(start)
    for schedule in schedules:
        started, targets = time.process_time(), (y - center) / scale
        if schedule in ("short", "rows"):
            tuned, _ = fine_tune(network.weights, shape, x, targets, number, "nearest", schedule)
        else:
            batch, rate, epochs = schedule.split(":")
            copied = {name: np.array(value) for name, value in start.items()}
            tuned = train_rows(copied, shape, x, targets, Schedule(int(batch), float(rate), int(epochs)), 0)
        after = errors(tuned)
        yield {
            "head": head, "schedule": schedule, "rows": len(y), "held_out": len(y_held), "before": before.mean(),
            "after": after.mean(), "difference": (after - before).mean(),
            "standard_error": (after - before).std(ddof=1) / np.sqrt(len(before)),
            "cpu_seconds": time.process_time() - started,
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="results/bases/<base>")
    parser.add_argument("--tables", type=Path, help="folder of the base with the tables; default: the first")
    parser.add_argument("--network", type=int, default=0)
    parser.add_argument("--heads", nargs="+", required=True)
    parser.add_argument("--schedules", nargs="+", default=WRITTEN, help="batch:rate:epochs, short or rows")
    given = parser.parse_args()
    tables = given.tables or given.folder
    lines = [
        line for head in given.heads for line in lines_of(given.folder, tables, given.network, head, given.schedules)
    ]
    print(pd.DataFrame(lines).to_string(index=False, float_format="%.5g"))


if __name__ == "__main__":
    main()
