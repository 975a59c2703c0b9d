"""Evidence of a run at full scale: what is kept of it, and whether it agrees with itself."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_parquet
from elemflow.core.parquet import read_frame
from elemflow.core.run import Run

FOLDER = Path(__file__).resolve().parents[3] / "resources/record"
METRICS, RUN_INFO, CURATION, PREDICTIONS = "metrics.json", "run_info.json", "curation.json", "predictions.parquet"
EVIDENCE = (METRICS, RUN_INFO, CURATION, PREDICTIONS)


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
    sources = {name: results / "runs" / run.path / name for name in (METRICS, RUN_INFO, PREDICTIONS)}
    sources[CURATION] = results / "datasets" / run.dataset / CURATION
    for path in sources.values():
        if not path.is_file():
            raise DataError(f"{path} is missing: the run is not finished. Build it first.")
    target = record / run.path
    target.mkdir(parents=True, exist_ok=True)
    for name in (METRICS, RUN_INFO, CURATION):
        shutil.copyfile(sources[name], target / name)
    predictions = read_frame(sources[PREDICTIONS])
    rows = predictions[predictions["role"] == "test"].drop(columns="role").sort_values(["member", "material_id"])
    write_parquet(target / PREDICTIONS, pa.Table.from_pandas(rows, preserve_index=False))
    check(target)
    return target


def check(folder: Path) -> None:
    """Check that the predictions of a recorded run give the errors of its metrics, member by member.

    Raises:
        DataError: Evidence is missing, or an error is another one.
    """
    for name in EVIDENCE:
        if not (folder / name).is_file():
            raise DataError(
                f"{folder / name} is missing; a recorded run without its evidence is none. Record it again."
            )
    members = read_json(folder / METRICS)["test"]["members"]
    predictions = read_frame(folder / PREDICTIONS)
    errors = (predictions["y_pred"] - predictions["y_true"]).abs().groupby(predictions["member"]).mean()
    for member, metrics in members.items():
        found = errors.get(int(member), np.nan)
        if not np.isclose(found, metrics["mae"], rtol=1e-9):
            raise DataError(
                f"{folder}: the predictions of member {member} have the mean absolute error {found:.9g}, its "
                f"metrics.json says {metrics['mae']:.9g}. Record the run again."
            )


def recorded_runs(record: Path = FOLDER) -> dict[str, Path]:
    """Return the folder of each recorded run by its path, sorted."""
    folders = sorted(path.parent for path in record.rglob(RUN_INFO))
    return {folder.relative_to(record).as_posix(): folder for folder in folders}
