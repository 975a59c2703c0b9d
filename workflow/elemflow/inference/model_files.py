"""Where a predictor finds a trained run: its folder, or one exported file."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from elemflow.core.archive import extract_archive
from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, read_json, read_metadata, write_json, write_parquet
from elemflow.core.parquet import read_frame
from elemflow.core.run import Run
from elemflow.evaluation.conformal import Calibration, EnsembleRows
from elemflow.evaluation.records import Combination
from elemflow.features.scaling import load_scaling, save_scaling
from elemflow.inference.applicability import ApplicabilityDomain
from elemflow.inference.reliability import calibration_rows, load_domain

CALIBRATION = "calibration.parquet"
"""Absolute error and spread of the validation rows, with a number in the place of each composition."""
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, OSError, pa.ArrowException, zipfile.BadZipFile)
"""What members that are not as `elemflow export` writes them raise."""
DOMAIN = "applicability"
"""Folder of the applicability domain: `scaling.npz`, `training.parquet`, `distances.npz` and `elements.json`."""


@dataclass(frozen=True)
class RunFolder:
    """A trained run among its results.

    Attributes:
        folder: Folder of the run.
    """

    folder: Path

    def calibration(self, how: Combination) -> Calibration:
        """Return the calibration of the ensemble; see `elemflow.inference.reliability.calibration_rows`."""
        return Calibration(calibration_rows(self.folder, how))

    def domain(self, run: Run) -> ApplicabilityDomain:
        """Return the applicability domain; see `elemflow.inference.reliability.load_domain`."""
        return load_domain(self.folder, run)


class ExportedRun(RunFolder):
    """The members of an exported file."""

    def calibration(self, how: Combination) -> Calibration:
        """Return the calibration of the ensemble.

        Raises:
            DataError: The file was exported without, or with that of another combination of the members.
        """
        path = self.folder / CALIBRATION
        if not path.exists():
            raise DataError("the model was exported without the calibration of intervals, since its run had none.")
        if (combined := read_metadata(path)["combine"]) != how:
            raise DataError(f"the model was exported with intervals around the {combined} of its members alone.")
        table = read_frame(path)
        return Calibration(EnsembleRows(*(table[name].to_numpy() for name in ("error", "spread", "composition"))))

    def domain(self, run: Run) -> ApplicabilityDomain:
        """Return the applicability domain.

        Raises:
            DataError: The file was exported without.
        """
        folder = self.folder / DOMAIN
        if not folder.exists():
            raise DataError(f"the model of {run.path} was exported without, since its training files were not there.")
        training = read_frame(folder / "training.parquet")
        with np.load(folder / "distances.npz", allow_pickle=False) as stored:
            distances = stored["distances"]
        elements = read_json(folder / "elements.json")
        x = np.ascontiguousarray(training.to_numpy(dtype=np.float32))
        return ApplicabilityDomain(load_scaling(folder / "scaling.npz"), x, distances, elements)


@contextmanager
def open_model(path: Path) -> Iterator[RunFolder]:
    """Yield the files of a trained run; those of an exported file lie in a folder that is removed afterwards.

    Args:
        path: Folder of a run, or exported file.

    Raises:
        DataError: See `elemflow.core.archive.extract_archive`.
    """
    if path.is_file():
        with TemporaryDirectory(prefix="elemflow-") as folder:
            if "kind" in extract_archive(path, Path(folder)):
                raise DataError(
                    f"{path}: holds a base and no trained run. In Python use elemflow.base.predictor.BasePredictor."
                )
            try:
                yield ExportedRun(Path(folder))
            except UNREADABLE as error:
                raise DataError(f"{path}: a member cannot be read ({error!r}). Export the run again.") from error
    else:
        yield RunFolder(path)


def save_calibration(folder: Path, rows: EnsembleRows, how: Combination) -> None:
    """Write the rows that intervals are calibrated on; of their compositions only which are equal."""
    names = np.arange(len(rows.error)) if rows.composition is None else rows.composition
    numbers = np.unique(names, return_inverse=True)[1].astype(np.int32)
    table = pa.table({"error": rows.error, "spread": rows.spread, "composition": numbers})
    write_parquet(folder / CALIBRATION, table, {"combine": how})


def save_domain(folder: Path, domain: ApplicabilityDomain) -> None:
    """Write an applicability domain; equal ones give equal bytes."""
    place = folder / DOMAIN
    columns = {f"c{number}": column for number, column in enumerate(np.ascontiguousarray(domain.x.T))}
    write_parquet(place / "training.parquet", pa.table(columns))
    save_scaling(place / "scaling.npz", domain.scaling)
    with atomic_path(place / "distances.npz") as temporary, temporary.open("wb") as stream:
        np.savez(stream, distances=domain.training_distances)
    write_json(place / "elements.json", sorted(domain.elements))
