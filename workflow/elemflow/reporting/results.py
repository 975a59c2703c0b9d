"""What a report reads of a run: its errors on the test set."""

from collections import Counter
from dataclasses import dataclass
from math import nan
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import read_json
from elemflow.core.run import Run
from elemflow.evaluation.metrics import combine
from elemflow.reporting.tables.view import NOT_RUN, UNDEFINED


@dataclass(frozen=True)
class Score:
    """One metric of a run on its test sets.

    Attributes:
        mean: Mean over members, or the value of the one member that the protocol reports. Where it reports ensembles,
            each counts as one member here.
        sd: Sample standard deviation over members; None for one member, or if only one is reported.
        member_mean: Mean over the members as they were trained, whatever the protocol reports; nan if undefined for one
            of them.
        per_member: Value of each member, in their order.
        test_rows: Smallest and largest number of test materials of a member.
        standard_error: That of the mean absolute error of one test part by the draw of its compositions, mean over
            members; None for other metrics.
    """

    mean: float
    sd: float | None
    member_mean: float
    per_member: tuple[float, ...]
    test_rows: tuple[int, int]
    standard_error: float | None = None

    @property
    def members(self) -> int:
        """Return the number of members."""
        return len(self.per_member)

    @property
    def is_best(self) -> bool:
        """Return whether `mean` is the value of the best of several members."""
        return self.sd is None and self.members > 1


def read_score(path: str | Path | None, metric: str) -> Score | None:
    """Read one metric of a run from its `metrics.json`.

    Returns:
        The score, or None if the run has no metrics, was declined by its model, or its metric is undefined.

    Raises:
        DataError: The file has no such metric.
    """
    if path is None or not Path(path).is_file():
        return None
    metrics = read_json(path)
    if "not_run" in metrics:
        return None
    try:
        test = metrics["test"]
        if metric not in test["mean"]:
            raise DataError(f"{path}: no metric {metric!r} on the test set; found {', '.join(sorted(test['mean']))}.")
        trained = test["mean"][metric]
        test = _reported(test)
        mean, sd = test["mean"][metric], test["std"][metric]
        if "reported_member" in test:
            mean, sd = test["members"][test["reported_member"]][metric], None
        members = [test["members"][member] for member in sorted(test["members"], key=int)]
        values = tuple(float(member[metric]) for member in members if member[metric] is not None)
        rows = [int(member["n"]) for member in members]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not a metrics file of this workflow ({error!r}); delete it and run again.") from error
    by_draw = test["mean"].get("mae_standard_error") if metric == "mae" else None  # absent in files of earlier versions
    if mean is None:
        return None
    return Score(mean, sd, nan if trained is None else trained, values, (min(rows), max(rows)), by_draw)


def read_note(path: str | Path | None, metric: str) -> str:
    """Say what a run chose among models, or that it learned nothing, or why it has no value of a metric; or nothing."""
    if path is None or not Path(path).is_file():
        return ""
    metrics = read_json(path)
    if "not_run" in metrics:
        return f"{NOT_RUN}: {metrics['not_run']}"
    if read_score(path, metric) is None:
        test = _reported(metrics["test"])
        without = sum(member[metric] is None for member in test["members"].values())
        return f"{UNDEFINED}: in {without} of {test['n_members']} members"
    chosen = Counter(metrics.get("chosen", {}).values()).most_common()
    parts = [f"{_in_words(name)} chosen in {count} of {len(metrics['chosen'])} members" for name, count in chosen]
    left_out = {name: reason for member in metrics.get("left_out", {}).values() for name, reason in member.items()}
    parts += [f"without {_in_words(name)}: {reason}" for name, reason in left_out.items()]
    if constant := metrics.get("constant_members"):
        parts.append(f"one value for all test materials in {len(constant)} of {metrics['test']['n_members']} members")
    return ", ".join(parts)


def read_info(path: str | Path | None) -> dict[str, Any]:
    """Return `run_info.json` of a run, given its `metrics.json`; empty if there is none."""
    info = Path(path).with_name("run_info.json") if path else None
    return read_json(info) if info and info.is_file() else {}


def _reported(test: dict[str, Any]) -> dict[str, Any]:
    """Return what `metrics.json` says of the test part, of the ensembles where the run reports them."""
    return test["ensemble"] if test.get("reported") == "ensemble" else test


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def name_parts(run: str) -> dict[str, str]:
    """Split the name of a run into dataset, property, representation, model and protocol."""
    return Run.parse(run).keys()


def split_of(run: str) -> str:
    """Return the path of the split of a run below `results/splits/`, without suffix."""
    return "{dataset}/{property}/{protocol}".format_map(name_parts(run))


def read_test_points(folder: Path) -> pd.DataFrame:
    """Return `material_id`, `member`, `y_true` and `y_pred` of the test rows of all that counts as a member.

    As in `Score`, these are the ensembles where the run reports them.
    """
    path = folder / "predictions.parquet"
    points = pd.read_parquet(path, filters=[("role", "==", "test")])
    test = read_json(folder / "metrics.json")["test"]
    if test.get("reported") == "ensemble":
        ensemble = test["ensemble"]
        points = combine(points, ensemble["combined_by"], test["n_members"] // ensemble["n_members"], path)
    return points[["material_id", "member", "y_true", "y_pred"]]


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what a run used, as mean over its members.

    Returns:
        `rows` of all parts together, `train_rows`, `seconds` of fitting, and `parameters` of the network or None.
    """
    members = list(read_json(folder / "run_info.json")["members"].values())
    parameters = [member.get("parameters", {}).get("total") for member in members]
    return {
        "rows": mean(sum(member["rows"].values()) for member in members),
        "train_rows": mean(member["rows"]["train"] for member in members),
        "seconds": mean(member["seconds_fitting"] for member in members),
        "parameters": parameters[0],
    }
