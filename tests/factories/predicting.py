"""A trained run at its place among the results, with calibrated intervals, for tests of predictions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.core.files import write_json, write_parquet
from elemflow.evaluation.metrics import evaluate
from elemflow.features import elemental_fractions
from elemflow.training.job import train_run
from elemflow.training.run_files import RunInputs, RunOutputs
from factories.toy import PROTOCOL
from factories.training import make_run, outputs_in, process_backend

TREES = {"kind": "estimator", "estimator": "extra_trees", "parameters": {"n_estimators": 3}}
METALS, ANIONS = ("Fe", "Co", "Ni", "Cu", "Zn", "Ga"), ("O", "S", "Se")
FORMULAS = sorted(
    {f"{metal}{a or ''}{anion}{b}" for metal in METALS for anion in ANIONS for a in ("", 3) for b in (2, 4)}
)
MEMBERS = 3


def write_data(results: Path) -> RunInputs:
    """Write features, materials and split of a dataset of 72 oxides, sulphides and selenides; return their files."""
    rng = np.random.default_rng(0)
    x, _ = elemental_fractions.featurize(FORMULAS)
    features, materials = results / "features/toy/ef.parquet", results / "datasets/toy/materials.parquet"
    split = results / "splits/toy/gap/p.parquet"
    for path in (features, materials, split):
        path.parent.mkdir(parents=True, exist_ok=True)
    gaps = x[:, elemental_fractions.LABELS.index("O")] * 4 + rng.random(len(FORMULAS))
    table = pd.DataFrame({"material_id": FORMULAS, "composition": FORMULAS, "gap": gaps.astype(float)})
    table.to_parquet(materials)
    columns = {"material_id": FORMULAS} | dict(zip(elemental_fractions.LABELS, x.T, strict=True))
    write_parquet(
        features, pa.table(columns), {"part": "ef", "labels": list(elemental_fractions.LABELS), "version": "1"}
    )
    counts = {"train": len(FORMULAS) - 32, "validation": 20, "test": 12}
    roles = rng.permutation([role for role, count in counts.items() for _ in range(count)]).astype(object)
    members = [pd.DataFrame({"material_id": FORMULAS, "member": m, "role": roles}) for m in range(MEMBERS)]
    pd.concat(members).to_parquet(split)
    return RunInputs([features], materials, split)


def write_run(folder: Path, model: dict[str, Any] | None = None, name: str = "m") -> Path:
    """Train and evaluate an ensemble of three members below `folder/results`; return its folder.

    Args:
        folder: Folder of a project.
        model: The model; None is a small ensemble of trees.
        name: Id of the model.
    """
    inputs = write_data(folder / "results")
    run = folder / f"results/runs/toy/gap/ef/{name}/p"
    config = make_run(model or TREES, PROTOCOL)
    config = replace(config, run=replace(config.run, model=name))
    train_run(config, inputs, RunOutputs(**outputs_in(run)), process_backend())
    found = evaluate(run / "predictions.parquet", "ensemble", "mean", MEMBERS, uncertainty=True)
    write_json(run / "metrics.json", found.plain())
    return run
