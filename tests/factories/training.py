"""Inputs of a small training job, and the job itself, for tests of training and inference."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.core.files import write_parquet
from elemflow.training.backend import Backend
from elemflow.training.job import train_run
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs, RunOutputs
from factories.toy import PROTOCOL, SPEC

NETWORK = {"kind": "network", "spec": SPEC}
RUN = {"dataset": "toy", "property": "gap", "representation": "ef", "model": "m", "protocol": "p"}
FILES = {
    "predictions": "predictions.parquet",
    "history": "history.parquet",
    "run_info": "run_info.json",
    "model_folder": "model",
    "checkpoint_folder": "checkpoint",
}


@cache
def process_backend() -> Backend:
    """Return the one Keras backend of this process, with one thread."""
    return Backend(1)


def write_inputs(folder: Path, members: int = 2) -> dict[str, Path]:
    """Write materials, features and the split of a run with 60 rows; return their files."""
    rng = np.random.default_rng(0)
    ids = [f"m{i:03d}" for i in range(60)]
    x = rng.normal(size=(60, 3)).astype(np.float32)
    table = pd.DataFrame({"material_id": ids, "gap": x.sum(axis=1, dtype=float)})
    table.loc[0, "gap"] = np.nan
    table.to_parquet(folder / "materials.parquet")
    features = pd.DataFrame({"material_id": ids} | {name: x[:, i] for i, name in enumerate("abc")})
    table = pa.Table.from_pandas(features.iloc[:-2], preserve_index=False)
    write_parquet(folder / "part.parquet", table, {"part": "ef", "labels": list("abc")})
    roles = np.array(["train"] * 40 + ["validation"] * 8 + ["test"] * 12, dtype=object)
    split = [pd.DataFrame({"material_id": ids, "member": m, "role": rng.permutation(roles)}) for m in range(members)]
    pd.concat(split).to_parquet(folder / "split.parquet")
    return {"materials": folder / "materials.parquet", "split": folder / "split.parquet"}


def make_run(model: dict[str, Any], protocol: dict[str, Any] = PROTOCOL, **ids: str) -> RunConfig:
    """Return the configuration of a run on these inputs."""
    prop = {"unit": "eV", "title": "Gap", "minimum": -5.0}
    return RunConfig.from_params({"run": RUN | ids, "property": prop, "model": model, "protocol": protocol})


def inputs_of(folder: Path) -> RunInputs:
    """Return the inputs that `write_inputs` wrote."""
    return RunInputs([folder / "part.parquet"], folder / "materials.parquet", folder / "split.parquet")


def outputs_in(folder: Path) -> dict[str, Path]:
    """Return the outputs of a run by name."""
    return {name: folder / file for name, file in FILES.items()}


def train(
    folder: Path, model: dict[str, Any], scaling: dict[str, str] | None = None, *, keys: Any = (), **change: Any
) -> dict[str, Path]:
    """Train one run on these inputs; return its outputs.

    Args:
        folder: Folder of the inputs.
        model: The model.
        scaling: Scaling of the features.
        keys: Keys of the protocol.
        change: Keys of `training`.
    """
    outputs = outputs_in(folder / "out")
    protocol = PROTOCOL | {"training": PROTOCOL["training"] | change} | ({"scaling": scaling} if scaling else {})
    run = make_run(model, protocol | dict(keys))
    train_run(run, inputs_of(folder), RunOutputs(**outputs), process_backend())
    return outputs
