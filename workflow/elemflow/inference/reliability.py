"""What can be said of the prediction for a new material before its error is known, from the files of the run.

Intervals are calibrated on the validation rows of the run (`elemflow.evaluation.conformal`), as the intervals are
that its evaluation judged on the test rows; flags compare with its training rows (`elemflow.inference.applicability`).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elemflow.config.kinds import parts_of
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file
from elemflow.core.roles import Role
from elemflow.evaluation.conformal import Calibration, IntervalKind, enough_for_calibration
from elemflow.evaluation.metrics import combine, ensemble_rows
from elemflow.evaluation.records import Combination
from elemflow.inference.applicability import Reference, keeps_whole
from elemflow.training.data import RoleData, RunData

KIND = IntervalKind.MONDRIAN
"""Kind of the intervals: of all, the one that holds its level for the materials that the members are least sure of."""


class Intervals:
    """Intervals around the predictions of a run.

    Args:
        calibration: From the validation rows of the run.
        level: Share of materials like these that lie inside, in per cent.
        minimum: Lowest value that the property can have, in its unit, if there is one.

    Attributes:
        level: As given.

    Raises:
        DataError: The compositions of the validation rows are too few for the level.
    """

    def __init__(self, calibration: Calibration, level: int, minimum: float | None = None):
        self.level = level
        self._calibration, self._minimum = calibration, -math.inf if minimum is None else minimum
        count = calibration.compositions
        if not enough_for_calibration(count, level / 100):
            raise DataError(
                f"validation materials of {count} compositions are too few for {level} %; they calibrate intervals of "
                f"at most {100 * count // (count + 1)} %. Ask for a lower level, or take a run with more of them."
            )

    def around(self, y_pred: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper end of the intervals (rows,), in the unit of the property.

        Args:
            y_pred: Predictions of the ensemble (rows,).
            spread: Sample standard deviation over the members (rows,).
        """
        half = self._half_widths(spread)
        return np.maximum(y_pred - half, self._minimum), np.maximum(y_pred + half, self._minimum)

    def _half_widths(self, spread: np.ndarray) -> np.ndarray:
        return self._calibration.half_width(KIND, self.level / 100, spread)


def load_calibration(run: Path, how: Combination) -> Calibration:
    """Read what the validation rows of a run say of its ensemble.

    Args:
        run: Folder of the run.
        how: `mean` or `median` of the members.

    Raises:
        DataError: The run is no calibrated ensemble of one division; the message says why, to follow the run's name.
    """
    metrics = run / "metrics.json"
    test: Mapping[str, Any] = read_json(metrics).get("test", {}) if metrics.exists() else {}
    if "uncertainty" not in test:
        raise DataError(
            "its protocol calibrates none, or its metrics.json is not built. Build that, or take a protocol with "
            "`uncertainty: true`, such as `recommended`."
        )
    divisions, members = test["ensemble"]["n_members"], test["n_members"]
    if divisions > 1:
        raise DataError(
            f"its {divisions} divisions are ensembles with intervals of their own, and none for all of them together. "
            "Take a protocol with one division, such as `recommended`."
        )
    predictions = run / "predictions.parquet"
    table = pd.read_parquet(predictions, filters=[("role", "==", "validation")])
    together = combine(table, how, members, predictions)
    return Calibration(ensemble_rows(together))


def load_reference(run: Path, cfg: Mapping[str, Any]) -> Reference:
    """Read the training rows of a run, those of any member.

    Args:
        run: Folder of the run.
        cfg: What it was trained by.

    Raises:
        DataError: Features, materials or split are not the files that the run was trained on, or it does not say which.
    """
    info = run / "run_info.json"
    if not info.exists():
        raise DataError(
            f"{info} is missing, so nothing tells what the run was trained on. Copy it along with the model."
        )
    ids, results = cfg["run"], Path(*run.absolute().parts[:-6])  # above runs/ and the five ids
    features = [results / f"features/{ids['dataset']}/{part}.parquet" for part in parts_of(ids["representation"])]
    materials = results / f"datasets/{ids['dataset']}/materials.parquet"
    split = results / f"splits/{ids['dataset']}/{ids['property']}/{ids['protocol']}.parquet"
    trained_on = set(read_json(info)["inputs_sha256"].values())
    for path in (*features, materials, split):
        if not path.exists() or sha256_file(path) not in trained_on:
            state = "is not the file that the run was trained on" if path.exists() else "is missing"
            raise DataError(
                f"{path} {state}, so nothing can be told of the distance from the training materials. Build the run "
                "again, or ask without applicability."
            )
    data = RunData(features, materials, split, dataset=ids["dataset"], property_id=ids["property"])
    named = pd.read_parquet(materials, columns=["material_id", "composition"])
    known = dict(zip(named["material_id"], named["composition"], strict=True))
    trained, whole = [], True
    for member in data.members:
        parts = data.member(member, {Role.TRAIN})
        trained.append(parts.train)
        whole = whole and keeps_whole(parts, known)
    return Reference(_union(trained), data.parts, known, whole=whole)


def _union(parts: list[RoleData]) -> RoleData:
    """Return the rows that are in any of the parts."""
    if all(np.array_equal(part.material_id, parts[0].material_id) for part in parts):
        return parts[0]
    ids, first = np.unique(np.concatenate([part.material_id for part in parts]), return_index=True)
    x, y = (np.concatenate([getattr(part, name) for part in parts])[first] for name in ("x", "y"))
    return RoleData(ids, x, y)
