"""Reliability of the prediction of a new material, from the files of the run: its interval and applicability domain.

Intervals are calibrated on the validation rows of the run (`elemflow.evaluation.conformal`), and are those whose
coverage its evaluation reports; the applicability domain is that of its training set
(`elemflow.inference.applicability`).
"""

import math
from pathlib import Path

import numpy as np

from elemflow.config.kinds import parts_of
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file
from elemflow.core.levels import check_level
from elemflow.core.parquet import read_frame
from elemflow.core.roles import Role
from elemflow.core.run import Run
from elemflow.evaluation.conformal import Calibration, EnsembleRows, IntervalKind, enough_for_calibration
from elemflow.evaluation.metrics import combine, ensemble_rows
from elemflow.evaluation.records import Combination, Evaluation
from elemflow.inference.applicability import ApplicabilityDomain, is_grouped_split, read_compositions
from elemflow.training.data import RoleData, RunData

INTERVAL_KIND = IntervalKind.MONDRIAN
"""The kind of interval that holds its level also for the materials that the members are least sure of."""


class Intervals:
    """Intervals around the predictions of a run.

    Args:
        calibration: From the validation rows of the run.
        level: Fraction of materials like these that lie inside, in per cent.
        minimum: Physical lower bound of the property, in its unit, if there is one.

    Attributes:
        level: As given.

    Raises:
        DataError: The compositions of the validation rows are too few for the level, or it is none.
    """

    def __init__(self, calibration: Calibration, level: int, minimum: float | None = None):
        self.level = check_level(level)
        self._calibration, self._minimum = calibration, -math.inf if minimum is None else minimum
        count = calibration.compositions
        if not enough_for_calibration(count, level / 100):
            raise DataError(
                f"validation materials of {count} compositions are too few for {level} %; they calibrate intervals of "
                f"at most {100 * count // (count + 1)} %. Request a lower level, or use a run with more of them."
            )

    def around(self, y_pred: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper end of the intervals (rows,), in the unit of the property.

        Args:
            y_pred: Predictions of the ensemble (rows,).
            spread: Sample standard deviation over the members (rows,).
        """
        half = self._calibration.half_width(INTERVAL_KIND, self.level / 100, spread)
        return np.maximum(y_pred - half, self._minimum), np.maximum(y_pred + half, self._minimum)


def calibration_rows(run: Path, how: Combination) -> EnsembleRows:
    """Return the validation rows of a run's ensemble, on which its intervals are calibrated.

    Args:
        run: Folder of the run.
        how: `mean` or `median` of the members.

    Raises:
        DataError: The run is no calibrated ensemble of one split; the message says why, to follow the run's name.
    """
    metrics = run / "metrics.json"
    test = Evaluation.read(metrics).test if metrics.exists() else None
    if test is None or test.uncertainty is None or test.ensemble is None:
        raise DataError(
            "its protocol calibrates none, or its metrics.json is not built. Build that, or use a protocol with "
            "`uncertainty: true`, such as `recommended`."
        )
    if test.ensemble.n_members > 1:
        raise DataError(
            f"the ensembles of its {test.ensemble.n_members} train/validation/test splits have intervals of their own, "
            "and none for all of them together. Use a protocol with one split, such as `recommended`."
        )
    predictions = run / "predictions.parquet"
    table = read_frame(predictions, role="validation")
    return ensemble_rows(combine(table, how, test.n_members, predictions))


def load_domain(folder: Path, run: Run) -> ApplicabilityDomain:
    """Return the applicability domain of the training rows of all members of a run.

    Args:
        folder: Folder of the run, below the results.
        run: The run.

    Raises:
        DataError: Features, materials or split are not the files that the run was trained on, or these are not known.
    """
    info = folder / "run_info.json"
    if not info.exists():
        raise DataError(
            f"{info} is missing, which names the files that the run was trained on. Copy it with the model."
        )
    results = Path(*folder.absolute().parts[:-6])  # above runs/ and the five ids
    features = [results / f"features/{run.dataset}/{part}.parquet" for part in parts_of(run.representation)]
    materials = results / f"datasets/{run.dataset}/materials.parquet"
    split = results / f"splits/{run.dataset}/{run.property}/{run.protocol}.parquet"
    trained_on = set(read_json(info)["inputs_sha256"].values())
    for path in (*features, materials, split):
        if not path.exists() or sha256_file(path) not in trained_on:
            state = "is not the file that the run was trained on" if path.exists() else "is missing"
            raise DataError(
                f"{path} {state}, so the distance from the training materials is not known. Build the run again, or "
                "predict without applicability."
            )
    data = RunData(features, materials, split, dataset=run.dataset, property_id=run.property)
    compositions = read_compositions(materials)
    train_sets, grouped = [], True
    for member in data.members:
        member_data = data.member(member, {Role.TRAIN})
        train_sets.append(member_data.train)
        grouped = grouped and is_grouped_split(member_data, compositions)
    return ApplicabilityDomain.fit(_union(train_sets), data.parts, compositions, grouped=grouped)


def _union(train_sets: list[RoleData]) -> RoleData:
    """Return the rows that are in any of some training sets."""
    first = train_sets[0]
    if all(np.array_equal(rows.material_id, first.material_id) for rows in train_sets):
        return first
    ids, place = np.unique(np.concatenate([rows.material_id for rows in train_sets]), return_index=True)
    x, y = (np.concatenate([getattr(rows, name) for rows in train_sets])[place] for name in ("x", "y"))
    return RoleData(ids, x, y)
