"""Evidence of a run at full scale: what is kept of it, and whether it agrees with itself."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import isclose
from pathlib import Path

import pandas as pd
import pyarrow as pa

from elemflow.core.errors import DataError
from elemflow.core.evidence import (
    CURATION,
    METRICS,
    PREDICTIONS,
    RAW_FILES,
    RUN_INFO,
    check_complete,
    find_folders,
    how_to_restore,
    read_evidence,
    read_run_info,
    show,
)
from elemflow.core.files import JsonObject, write_json, write_parquet
from elemflow.core.parquet import read_frame
from elemflow.core.run import Run
from elemflow.evaluation.metrics import combine, member_errors
from elemflow.evaluation.records import Evaluation, MemberErrors, Report, RoleErrors
from elemflow.record.raw import check_raw, find_raw

FOLDER = Path(__file__).resolve().parents[3] / "resources/record"
PRECISION = 1e-9
"""Relative difference of two numbers that count as one: the order of a sum differs between processors."""
ROLES = ("train", "validation", "test")
WHOLE_SPLIT = {*ROLES, "scheme", "seed", "members", "resplit", "split_per_member"}
"""Keys of a split that divides all materials among the roles, if its fractions add up to 1."""
SECTIONS = ("n_members", "members", "mean", "std")
"""Parts of the errors that follow from the predictions on the test set alone."""


def add(results: Path, run: Run, record: Path = FOLDER) -> Path:
    """Copy the evidence of a run into the record and check it.

    Without the manifests of its raw files, the run is recorded without their SHA-256; see `elemflow.record.raw`.

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
    record.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=record) as temporary:
        staged = Path(temporary) / run.path
        staged.mkdir(parents=True)
        for name in (METRICS, RUN_INFO, CURATION):
            shutil.copyfile(sources[name], staged / name)
        predictions = read_frame(sources[PREDICTIONS])
        rows = predictions[predictions["role"] == "test"].drop(columns="role").sort_values(["member", "material_id"])
        write_parquet(staged / PREDICTIONS, pa.Table.from_pandas(rows, preserve_index=False))
        try:
            check(staged, advice="Delete the metrics and build the run again.")
        except DataError as error:
            raise DataError(str(error).replace(show(staged), str(results / "runs" / run.path))) from None
        with suppress(DataError):
            write_json(staged / RAW_FILES, find_raw(results, run, read_run_info(staged)))
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(target)
    return target


def recorded_runs(record: Path = FOLDER) -> dict[str, Path]:
    """Return the folder of each recorded run by its path, sorted; also of one that has lost some of its evidence."""
    return find_folders(record)


def check(folder: Path, report: Report | None = None, advice: str = "") -> None:
    """Check that the evidence of a recorded run is whole, and that its predictions give its errors.

    Number of rows, every measure, the standard error clustered by composition, mean and standard deviation over the
    members are computed again by the functions of the evaluation.

    Args:
        folder: Folder of the run.
        report: `report` of its protocol; None where it is not known.
        advice: What to do about a number that is another one; empty for how to restore the evidence.

    Raises:
        DataError: Evidence is missing or damaged, or a number is another one: names the file, the key and both values.
    """
    check_complete(folder)
    advice = advice or f"{how_to_restore(folder)} Or record the run again."
    info = read_run_info(folder, "members")
    check_raw(folder, info)
    _check_materials(folder, info, advice)
    test = read_test_errors(folder)
    predictions = _read_predictions(folder)
    _check_rows(folder, predictions, info, advice)
    found = member_errors(predictions)
    pairs = [("test", _sections(found), _sections(test))]
    if test.ensemble:
        size = test.n_members // test.ensemble.n_members
        combined = combine(predictions.assign(role="test"), test.ensemble.combined_by, size, folder / PREDICTIONS)
        pairs.append(("test.ensemble", _sections(member_errors(combined)), _sections(test.ensemble)))
    if test.reported_member is not None or report == "best_on_test":
        best = min(found.members, key=lambda member: found.members[member].mae)
        pairs.append(("test", {"reported_member": best}, {"reported_member": test.reported_member}))
    if report is not None:
        wanted = "ensemble" if report == "ensemble" else None
        pairs.append(("test", {"reported": wanted}, {"reported": test.reported}))
    differing = [each for pair in pairs for each in _differences(*pair)]
    if differing:
        key, ours, theirs = differing[0]
        more = f" ({len(differing) - 1} more keys differ)" if len(differing) > 1 else ""
        raise DataError(
            f"{show(folder / METRICS)}: {key} is {_number(theirs)}, {PREDICTIONS} gives {_number(ours)}{more}. {advice}"
        )


def read_test_errors(folder: Path) -> RoleErrors:
    """Read the errors of a recorded run on its test set.

    Raises:
        DataError: `metrics.json` is damaged or has none.
    """
    path = folder / METRICS
    try:
        test = Evaluation.model_validate(read_evidence(path)).test
    except ValueError as error:
        reason = str(error).splitlines()
        where = " ".join(reason[1:3])
        raise DataError(f"{show(path)} is damaged: {where or reason[0]}. {how_to_restore(path)}") from None
    if test is None:
        raise DataError(f"{show(path)} has no errors on a test set: its model declined the run, which is no evidence.")
    return test


def _read_predictions(folder: Path) -> pd.DataFrame:
    path = folder / PREDICTIONS
    try:
        return read_frame(path, ["material_id", "member", "y_true", "y_pred"])
    except (KeyError, ValueError) as error:
        raise DataError(f"{show(path)} lacks a column ({error}). {how_to_restore(path)}") from None


def _check_rows(folder: Path, predictions: pd.DataFrame, info: JsonObject, advice: str) -> None:
    """Check that every member predicts each test material once, and as many as its training counted."""
    path = folder / PREDICTIONS
    twice = predictions[predictions.duplicated(["member", "material_id"])]
    if len(twice):
        row = twice.iloc[0]
        raise DataError(
            f"{show(path)}: {len(twice)} rows repeat another, first material '{row['material_id']}' of member "
            f"{row['member']}. {advice}"
        )
    found = {str(member): len(rows) for member, rows in predictions.groupby("member", sort=True)}
    stated = {str(member): facts.get("rows", {}).get("test") for member, facts in info["members"].items()}
    if found != stated:
        member = min(found.keys() ^ stated.keys() or (each for each in found if found[each] != stated[each]), key=int)
        raise DataError(
            f"{show(path)} has {found.get(member, 0)} rows of member {member}, members.{member}.rows.test of "
            f"{show(folder / RUN_INFO)} is {stated.get(member)}. {advice}"
        )


def _check_materials(folder: Path, info: JsonObject, advice: str) -> None:
    """Check that the dataset has as many values of the property as a member had rows, which decide its scale."""
    name = Run.of_folder(folder).property
    values = read_evidence(folder / CURATION).get("properties", {}).get(name, {}).get("values")
    if not isinstance(values, int):
        raise DataError(f"{show(folder / CURATION)}: key 'properties.{name}.values' is missing or damaged. {advice}")
    split = info.get("cfg", {}).get("protocol", {}).get("split", {})
    whole = split.keys() <= WHOLE_SPLIT and isclose(sum(split.get(role, 0) for role in ROLES), 1)
    for member, facts in info["members"].items():
        used = sum(facts["rows"].values())
        dropped = sum((facts.get("dropped_rows") or {}).values())
        if used > values or (whole and used + dropped < values):
            raise DataError(
                f"{show(folder / CURATION)}: properties.{name}.values is {values}, member "
                f"{member} of {RUN_INFO} has {used} rows. {advice}"
            )


def _sections(errors: MemberErrors) -> JsonObject:
    plain = errors.plain()
    return {name: plain[name] for name in SECTIONS}


def _differences(where: str, found: object, stored: object) -> Iterator[tuple[str, object, object]]:
    """Yield the keys at which two trees differ, with both values."""
    if isinstance(found, Mapping) and isinstance(stored, Mapping):
        for key in sorted(found.keys() | stored.keys()):
            yield from _differences(f"{where}.{key}", found.get(key), stored.get(key))
    elif isinstance(found, float | int) and isinstance(stored, float | int):
        if not isclose(found, stored, rel_tol=PRECISION, abs_tol=1e-12):
            yield where, found, stored
    elif found != stored:
        yield where, found, stored


def _number(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else "missing" if value is None else str(value)
