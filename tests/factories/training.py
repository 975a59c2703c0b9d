"""Inputs of a small training job, and the job itself, for tests of training and inference."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.core.files import write_parquet
from elemflow.training import job
from factories.toy import PROTOCOL, SPEC


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


def train(
    folder: Path, model: dict[str, Any], scaling: dict[str, str] | None = None, *, keys: Any = (), **change: Any
) -> dict[str, Path]:
    """Train one run on these inputs; return its outputs."""
    names = ("predictions", "history", "run_info", "model_folder", "checkpoint_folder")
    files = ("predictions.parquet", "history.parquet", "run_info.json", "model", "checkpoint")
    outputs = {name: folder / "out" / file for name, file in zip(names, files, strict=True)}
    cfg = {
        "run": {"dataset": "toy", "property": "gap", "representation": "ef", "model": "m", "protocol": "p"},
        "property": {"unit": "eV", "title": "Gap", "minimum": -5.0},
        "model": model,
        "protocol": PROTOCOL | {"training": PROTOCOL["training"] | change} | ({"scaling": scaling} if scaling else {}),
    }
    cfg["protocol"] |= dict(keys)
    inputs = {"materials": folder / "materials.parquet", "split": folder / "split.parquet"}
    job.train_run(cfg, features=[folder / "part.parquet"], **inputs, **outputs, threads=1)
    return outputs


NETWORK = {"kind": "network", "spec": SPEC}
