"""Error and processor time of every model of kind estimator on one set, by the code of the workflow, on one thread.

    export OMP_NUM_THREADS=1
    snakemake --cores 1 --config data_folder=<folder> -- results/features/jarvis_dft3d_formation_energy/pa.parquet \
        results/splits/jarvis_dft3d_formation_energy/formation_energy/brnet2023.parquet
    python benchmarks/bench_estimators.py --rows 10000

It fits the first member of the protocol to training rows picked at random, and prints a Markdown table: the error of
the winner on the test set, processor seconds of all trials together, and the winner's parameters.
"""

import argparse
import json
import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from elemflow.config.dataset import Property
from elemflow.config.load import load
from elemflow.config.model import EstimatorModel
from elemflow.config.protocol import Protocol
from elemflow.core.roles import ROLES
from elemflow.core.run import Run
from elemflow.training.backend import Backend
from elemflow.training.data import RunData
from elemflow.training.fitter import ModelNotApplicable, Task
from elemflow.training.members import make_fitter
from elemflow.training.run_config import RunConfig

RESULTS = Path("results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="jarvis_dft3d_formation_energy")
    parser.add_argument("--property", default="formation_energy")
    parser.add_argument("--part", default="pa")
    parser.add_argument("--protocol", default="brnet2023")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--models", nargs="*", help="ids; all but networks if absent")
    parser.add_argument("--trials", type=int, help="most points of a grid, drawn at random")
    parser.add_argument("--folds", action="store_true", help="choose by folds, as if there were no validation set")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    models = load({"studies": ["demo"]}, Path()).models
    data = RunData(
        [RESULTS / f"features/{given.dataset}/{given.part}.parquet"],
        RESULTS / f"datasets/{given.dataset}/materials.parquet",
        RESULTS / f"splits/{given.dataset}/{given.property}/{given.protocol}.parquet",
        dataset=given.dataset,
        property_id=given.property,
    ).member(0, ROLES)
    rows = np.random.default_rng(0).permutation(len(data.train))[: given.rows]
    data = replace(data, train=data.train.take(np.sort(rows)))
    if given.folds:
        data = replace(data, validation=data.validation.take(np.arange(0)))
    print(f"{len(data.train)} training, {len(data.validation)} validation, {len(data.test)} test rows")
    print("| model | MAE | seconds | trials | chosen |\n|---|---|---|---|---|")
    for name in given.models or [name for name, model in models.items() if model.kind != "network"]:
        model = models[name]
        if given.trials and isinstance(model, EstimatorModel) and model.search:
            model = model.but(search=model.search.but(method="random", trials=given.trials))
        ids = Run(given.dataset, given.property, given.part, name, given.protocol)
        split = {"scheme": "k_fold", "folds": 2, "seed": 0}
        run = RunConfig(ids, Property(unit="1"), model, Protocol.model_validate({"split": split, "seed": 1}))
        started = time.process_time()
        try:
            fitted = make_fitter(run, Backend(1)).fit(Task(data, Path(), name))
        except ModelNotApplicable as reason:
            print(f"| {name} | {reason} | | | |", flush=True)
            continue
        seconds = time.process_time() - started
        error = np.mean(np.abs(fitted.predict(data.test) - data.test.y))
        trials = fitted.facts.get("trials", [{"parameters": {}, "model": name}])
        best = trials[fitted.facts.get("best_trial", 1) - 1]
        chosen = f"{best['model']} {json.dumps(best['parameters'])}"
        print(f"| {name} | {error:.4f} | {seconds:.0f} | {len(trials)} | {chosen} |", flush=True)


if __name__ == "__main__":
    main()
