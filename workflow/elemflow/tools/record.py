"""The record: evidence of runs at full scale, kept with the project.

    python -m elemflow.tools.record results kefe/formation_energy/ef/brnet/brnet2023 ...
    python -m elemflow.tools.record --check

The first form adds finished runs of a folder of results to `resources/record/`: their metrics, what they were made from
(`run_info.json`, with the commit) and their predictions on the test set. The second computes the errors of all recorded
runs again from these predictions.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.core.errors import DataError, ElemflowError
from elemflow.core.files import read_json, write_parquet
from elemflow.core.run import Run

FOLDER = Path(__file__).resolve().parents[3] / "resources/record"
EVIDENCE = ("metrics.json", "run_info.json")


def add(results: Path, run: Run, record: Path = FOLDER) -> Path:
    """Copy the evidence of a run into the record and check it.

    Args:
        results: Folder of results that has the run.
        run: The run.
        record: Folder of the record.

    Returns:
        The folder of the run in the record.

    Raises:
        DataError: The run is not finished, or its predictions do not give its metrics.
    """
    source, target = results / "runs" / run.path, record / run.path
    for name in (*EVIDENCE, "predictions.parquet"):
        if not (source / name).is_file():
            raise DataError(f"{source / name} is missing: the run is not finished. Build it first.")
    target.mkdir(parents=True, exist_ok=True)
    for name in EVIDENCE:
        shutil.copyfile(source / name, target / name)
    predictions = pd.read_parquet(source / "predictions.parquet")
    rows = predictions[predictions["role"] == "test"].drop(columns="role").sort_values(["member", "material_id"])
    write_parquet(target / "predictions.parquet", pa.Table.from_pandas(rows, preserve_index=False))
    check(target)
    return target


def check(folder: Path) -> None:
    """Check that the predictions of a recorded run give the errors of its metrics, member by member.

    Raises:
        DataError: Evidence is missing, or an error is another one.
    """
    for name in (*EVIDENCE, "predictions.parquet"):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder / name} is missing; a recorded run without its evidence is none. Record it again."
            )
    members = read_json(folder / "metrics.json")["test"]["members"]
    predictions = pd.read_parquet(folder / "predictions.parquet")
    errors = (predictions["y_pred"] - predictions["y_true"]).abs().groupby(predictions["member"]).mean()
    for member, metrics in members.items():
        found = errors.get(int(member), np.nan)
        if not np.isclose(found, metrics["mae"], rtol=1e-9):
            raise DataError(
                f"{folder}: the predictions of member {member} have the mean absolute error {found:.9g}, its "
                f"metrics.json says {metrics['mae']:.9g}. Record the run again."
            )


def recorded(record: Path = FOLDER) -> list[Path]:
    """Return the folders of all recorded runs, sorted."""
    return sorted(path.parent for path in record.rglob("run_info.json"))


def main() -> None:
    """Add runs to the record, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="folder of results")
    parser.add_argument("runs", nargs="*", help="runs to add, as paths below results/runs")
    parser.add_argument("--check", action="store_true", help="compute the errors of all recorded runs again")
    given = parser.parse_args()
    try:
        for name in given.runs:
            add(given.results, Run.parse(name))
        if given.check:
            for folder in recorded():
                check(folder)
    except ElemflowError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
