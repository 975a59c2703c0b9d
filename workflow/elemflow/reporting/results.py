"""What a report reads of a run: its errors on the test set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.evidence import how_to_restore, is_of_record
from elemflow.core.files import read_json
from elemflow.core.parquet import read_frame, read_schema
from elemflow.evaluation.equivalence import SPREAD_OF_ONE, SPREAD_OF_SEARCH
from elemflow.evaluation.metrics import combine
from elemflow.evaluation.records import METRICS, Evaluation, MemberErrors, RoleErrors
from elemflow.reporting.text import format_range
from elemflow.reporting.view import NOT_RUN, UNDEFINED

SEARCHES = ("search", "best_of", "network_search")
"""Kinds of models that choose among others by the validation set."""


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
        standard_error: That of the mean absolute error of one test set, clustered by composition, mean over members;
            None for other metrics.
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


@dataclass(frozen=True)
class RunFacts:
    """What a run used, as mean over its members.

    Attributes:
        rows: Materials of all roles together.
        train_rows: Training materials.
        test_rows: Test materials.
        seconds: Time of fitting.
        parameters: Parameters of the network; None where there are none to count.
    """

    rows: float
    train_rows: float
    test_rows: float
    seconds: float
    parameters: int | None


def read_evaluation(path: str | Path | None) -> Evaluation | None:
    """Read `metrics.json` of a run; None if there is none.

    Raises:
        DataError: The file is not one of this workflow.
    """
    if path is None or not Path(path).is_file():
        return None
    try:
        return Evaluation.read(path)
    except ValueError as error:
        advice = how_to_restore(path) if is_of_record(path) else "Delete it and run again."
        raise DataError(f"{path}: not a metrics file of this workflow ({error}). {advice}") from error


def read_score(path: str | Path | None, metric: str) -> Score | None:
    """Read one metric of a run from its `metrics.json`.

    Returns:
        The score, or None if the run has no metrics, was declined by its model, or its metric is undefined.

    Raises:
        DataError: The file has no such metric.
    """
    evaluation = read_evaluation(path)
    if evaluation is None or evaluation.test is None:
        return None
    if metric not in METRICS:
        raise DataError(f"{path}: no metric {metric!r} on the test set; found {', '.join(sorted(METRICS))}.")
    trained: float | None = getattr(evaluation.test.mean, metric)
    test = reported(evaluation.test)
    mean, sd = getattr(test.mean, metric), getattr(test.std, metric)
    if isinstance(test, RoleErrors) and test.reported_member is not None:
        mean, sd = getattr(test.members[test.reported_member], metric), None
    if mean is None:
        return None
    members = [test.members[member] for member in sorted(test.members, key=int)]
    values = tuple(float(value) for member in members if (value := getattr(member, metric)) is not None)
    rows = [member.n for member in members]
    error = test.mean.mae_standard_error if metric == "mae" else None
    return Score(mean, sd, nan if trained is None else trained, values, (min(rows), max(rows)), error)


def read_note(path: str | Path | None, metric: str) -> str:
    """Return what a run selected among models, or that it learned nothing, or why it has no value; empty otherwise."""
    evaluation = read_evaluation(path)
    if evaluation is None:
        return ""
    if evaluation.test is None:
        return f"{NOT_RUN}: {evaluation.not_run}"
    if read_score(path, metric) is None:
        test = reported(evaluation.test)
        without = sum(getattr(member, metric) is None for member in test.members.values())
        return f"{UNDEFINED}: in {without} of {test.n_members} members"
    chosen = Counter(evaluation.chosen.values()).most_common()
    parts = [f"{_in_words(name)} chosen in {count} of {len(evaluation.chosen)} members" for name, count in chosen]
    left_out = {name: reason for member in evaluation.left_out.values() for name, reason in member.items()}
    parts += [f"without {_in_words(name)}: {reason}" for name, reason in left_out.items()]
    if constant := evaluation.constant_members:
        parts.append(f"one value for all test materials in {len(constant)} of {evaluation.test.n_members} members")
    return ", ".join(parts)


SEEN_PARTS = ("seen", "unseen", "unknown")
"""Parts of the test materials by whether a base had seen them."""
MOST_HEADS = 3
"""Most properties of a base that are named in a note."""


def read_seen(path: str | Path | None) -> str | None:
    """Return how many test materials the base of a run had been pre-trained on, in words; None without a base.

    Args:
        path: `metrics.json` of the run.
    """
    members = [each for each in read_info(path).get("members", {}).values() if "test_seen" in each]
    if not members:
        return None
    tests = ((each["test_seen"], sum(each.get(f"test_{part}", 0) for part in SEEN_PARTS)) for each in members)
    counts = sorted(set(tests))
    shown = _shares(counts)
    if any("test_unknown" in each for each in members):
        return f"which test materials the networks it started from had seen is not known, at least {shown}"
    if not counts[-1][0]:
        return f"the base had seen none of the test materials ({shown})"
    heads = Counter[str]()
    for each in members:
        heads.update(each["test_seen_under"])
    named = [f"{name} ({count / len(members):,.0f})" for name, count in heads.most_common(MOST_HEADS)]
    more = f" and {len(heads) - MOST_HEADS} more properties" if len(heads) > MOST_HEADS else ""
    return f"the base had seen {shown} test materials, under {', '.join(named)}{more}"


def read_dropped(path: str | Path | None, materials: int | None) -> str:
    """Return how many materials of a run's splits its members were made from, in words; empty if no row was dropped.

    Args:
        path: `metrics.json` of the run.
        materials: Number of materials that the table shows of the run; those without a value are named only where it
            counts them too. None if it shows none.
    """
    found = dict.fromkeys(_read_used(path))
    shown = []
    if any(without_features for _, without_features, _ in found):
        shares = sorted({(used, used + lost) for used, lost, _ in found})
        shown.append(f"{_shares(shares)} materials have features")
    if any(lost and (materials is None or materials > used + without) for used, without, lost in found):
        shares = sorted({(used + without, used + without + lost) for used, without, lost in found})
        shown.append(f"{_shares(shares)} materials have a value")
    return ", ".join(shown)


def count_featured(path: str | Path | None) -> str:
    """Return how many materials of a run have features, as a range over its members; empty if all have."""
    found = _read_used(path)
    used = [rows for rows, _, _ in found]
    return format_range(min(used), max(used)) if any(lost for _, lost, _ in found) else ""


def _read_used(path: str | Path | None) -> list[tuple[int, int, int]]:
    """Return rows used, rows dropped without features and rows dropped without a value, of each member."""
    members = read_info(path).get("members", {}).values()
    dropped = [(sum(each["rows"].values()), each.get("dropped_rows") or {}) for each in members if "rows" in each]
    return [(used, lost.get("without_features", 0), lost.get("without_value", 0)) for used, lost in dropped]


def _shares(shares: Sequence[tuple[int, int]]) -> str:
    """Return the smallest and the largest of ascending shares, as one if they agree."""
    return " to ".join(f"{part:,} of {whole:,}" for part, whole in dict.fromkeys((shares[0], shares[-1])))


def read_info(path: str | Path | None) -> dict[str, Any]:
    """Return `run_info.json` of a run, given its `metrics.json`; empty if there is none."""
    info = Path(path).with_name("run_info.json") if path else None
    return read_json(info) if info and info.is_file() else {}


def spread_of_one(metrics: str | Path | None) -> float:
    """Return the `spread_of_one` of a run by its model, given its `metrics.json`; see `Sampling`."""
    model = read_info(metrics).get("cfg", {}).get("model", {})
    searches = model.get("kind") in SEARCHES or model.get("search")
    return SPREAD_OF_SEARCH if searches else SPREAD_OF_ONE


def name_device(info: Mapping[str, Any]) -> str:
    """Return the device of a run by its `run_info.json`: a GPU, or the processor and the threads that the run had."""
    device, host = str(info["engine"]["device"]), info.get("host", {})
    if device != "cpu" or "processor" not in host:
        return device
    threads = host.get("threads", 1)
    return f"{host['processor']}, {threads} {'thread' if threads == 1 else 'threads'}"


def reported(test: RoleErrors) -> MemberErrors:
    """Return the errors on the test set, of the ensembles where the run reports them."""
    return test.ensemble if test.reported == "ensemble" and test.ensemble else test


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def read_test_points(folder: Path) -> pd.DataFrame:
    """Return `material_id`, `member`, `y_true` and `y_pred` of the test rows of all that counts as a member.

    As in `Score`, these are the ensembles where the run reports them.
    """
    path = folder / "predictions.parquet"
    # The record holds test rows alone, without the column.
    has_roles = "role" in read_schema(path).names
    points = read_frame(path, role="test" if has_roles else None)
    evaluation = read_evaluation(folder / "metrics.json")
    test = evaluation.test if evaluation else None
    if test and test.reported == "ensemble" and test.ensemble:
        ensemble = test.ensemble
        points = combine(points, ensemble.combined_by, test.n_members // ensemble.n_members, path)
    return points[["material_id", "member", "y_true", "y_pred"]]


def read_test_to_train(folder: Path) -> float:
    """Return the mean over members of test rows per row that the model was made from, those of validation included.

    Raises:
        DataError: The run has no `run_info.json`.
    """
    path = folder / "run_info.json"
    if not path.is_file():
        raise DataError(f"{path} is missing, so the sizes of the run's splits are not known; build the run again.")
    rows = [member["rows"] for member in read_json(path)["members"].values()]
    return mean(each["test"] / (each["train"] + each["validation"]) for each in rows)


def read_facts(folder: Path) -> RunFacts:
    """Return what a run used, from its `run_info.json`."""
    members = list(read_json(folder / "run_info.json")["members"].values())
    return RunFacts(
        rows=mean(sum(member["rows"].values()) for member in members),
        train_rows=mean(member["rows"]["train"] for member in members),
        test_rows=mean(member["rows"]["test"] for member in members),
        seconds=mean(member["seconds_fitting"] for member in members),
        parameters=members[0].get("parameters", {}).get("total"),
    )
