"""Fitted estimators on disk, in the format of skops, which holds no code to run on load."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import skops.io

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path

TRUSTED = {
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "elemflow.multitask.estimator.FineTunedBase",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBRegressor",
}
"""Types that these estimators hold beyond those that skops trusts by itself."""


def save_estimator(estimator: Any, path: Path) -> None:
    """Write a fitted estimator, without times and addresses, so that equal estimators give equal bytes."""
    if type(estimator).__module__.startswith("catboost"):
        # Its model holds a random identifier and the time of the fit.
        about = estimator.get_metadata()
        about["model_guid"] = about["train_finish_time"] = ""
    with atomic_path(path) as temporary:
        dumped = temporary.with_name(f"{temporary.name}.dump")
        try:
            skops.io.dump(estimator, dumped)
            _copy_with_stable_names(dumped, temporary)
        finally:
            dumped.unlink(missing_ok=True)


def _copy_with_stable_names(source: Path, target: Path) -> None:
    """Write a file of skops again with its objects numbered in the order of the schema.

    skops numbers objects by their address and names files by these numbers or at random. Two nodes that share a number
    are one object after loading, which is kept. Whether equal texts and numbers are one object depends on the
    interpreter and changes nothing.
    """
    numbers: dict[tuple[str, Any], int] = {}
    files: dict[str, str] = {}

    def renumber(node: dict[str, Any]) -> dict[str, Any]:
        if "__id__" in node:
            key = ("value", node["content"]) if node.get("is_json") else ("object", node["__id__"])
            node["__id__"] = numbers.setdefault(key, len(numbers))
        if isinstance(node.get("file"), str):
            old = node["file"]
            node["file"] = files.setdefault(old, f"{len(files)}{Path(old).suffix}")
        return node

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        schema = json.loads(old.read("schema.json"), object_hook=renumber)
        for name, stable in files.items():
            dated_1980 = zipfile.ZipInfo(stable)
            with old.open(name) as content, new.open(dated_1980, "w", force_zip64=True) as copy:
                shutil.copyfileobj(content, copy)
        new.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema))


def load_estimator(path: Path) -> Any:
    """Read what `save_estimator` wrote.

    Raises:
        DataError: The file was not written by it, or holds types that are not in `TRUSTED`.
    """
    try:
        unknown = skops.io.get_untrusted_types(file=path)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{path}: not an estimator of this workflow ({error}). Train the run again.") from None
    if foreign := sorted(set(unknown) - TRUSTED):
        raise DataError(
            f"{path}: holds types that no estimator here has ({', '.join(foreign)}). Load it only if you know who made "
            "it, after adding them to elemflow.estimators.storage.TRUSTED."
        )
    return skops.io.load(path, trusted=unknown)
