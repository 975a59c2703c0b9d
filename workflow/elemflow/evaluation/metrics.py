"""Errors of predictions, computed from the predictions alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata
from elemflow.evaluation.conformal import Rows, judge

PERCENTILES = (50, 90)


def mae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the mean absolute error, in the unit of `y_true`."""
    return float(np.mean(np.abs(y_pred - y_true)))


def mae_standard_error(y_true: np.ndarray, y_pred: np.ndarray, compositions: np.ndarray) -> float | None:
    """Return how far chance in drawing the compositions moves the mean absolute error of their rows.

    sqrt(G / (G - 1) · sum of S²) / n over n rows of G compositions, where S is the sum over the rows of a composition
    of |error| minus its mean (Liang and Zeger, Biometrika 73, 13, 1986); sd / sqrt(n) if each row has its own. Entries
    of one composition are not independent, and divisions draw them together. The models are taken as given: this is
    what other test materials of the same kind would change.

    Args:
        y_true: Values of the property (rows,).
        y_pred: Predictions (rows,).
        compositions: Composition of each row (rows,).

    Returns:
        The standard error in the unit of `y_true`; None for fewer than two compositions.
    """
    errors = np.abs(y_pred - y_true)
    _, groups = np.unique(compositions, return_inverse=True)
    sums = np.bincount(groups, errors - np.mean(errors))
    count = len(sums)
    if count < 2:  # noqa: PLR2004
        return None
    return float(np.sqrt(count / (count - 1) * np.sum(sums**2)) / len(errors))


def rmse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the root of the mean squared error, in the unit of `y_true`."""
    return float(np.sqrt(np.mean((y_pred - y_true) ** 2)))


def r2(y_true: np.ndarray, y_pred: np.ndarray) -> float | None:
    """Return the coefficient of determination; None where it has no meaning (fewer than two different targets)."""
    spread = float(np.sum((y_true - np.mean(y_true)) ** 2))
    # The mean of equal targets is rounded, which leaves a spread; that of hardly different ones can vanish.
    if np.ptp(y_true) == 0 or spread == 0:
        return None
    return float(1 - np.sum((y_pred - y_true) ** 2) / spread)


def median_ae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the median absolute error, in the unit of `y_true`."""
    return float(np.median(np.abs(y_pred - y_true)))


def max_error(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the largest absolute error, in the unit of `y_true`."""
    return float(np.max(np.abs(y_pred - y_true)))


def percentile_abs_error(y_true: np.ndarray, y_pred: np.ndarray, percentile: float) -> float:
    """Return a percentile (0-100, linear between ranks) of the absolute errors, in the unit of `y_true`."""
    return float(np.percentile(np.abs(y_pred - y_true), percentile))


def all_errors(y_true: np.ndarray, y_pred: np.ndarray, compositions: np.ndarray) -> dict[str, float | None]:
    """Return every measure by name, and the number of rows as `n`; see `mae_standard_error` for the arguments."""
    measures: dict[str, float | None] = {
        "n": len(y_true),
        "mae": mae(y_true, y_pred),
        "mae_standard_error": mae_standard_error(y_true, y_pred, compositions),
        "rmse": rmse(y_true, y_pred),
        "r2": r2(y_true, y_pred),
        "median_ae": median_ae(y_true, y_pred),
        "max_error": max_error(y_true, y_pred),
    }
    return measures | {f"p{q}_abs_error": percentile_abs_error(y_true, y_pred, q) for q in PERCENTILES}


def evaluate(
    predictions_path: str | Path,
    report: str = "mean",
    ensemble: str | None = None,
    members_per_division: int = 1,
    uncertainty: bool = False,
) -> dict[str, Any]:
    """Compute the errors of a run, of each member and over its members.

    Args:
        predictions_path: `predictions.parquet` of the run.
        report: `report` of the protocol.
        ensemble: `ensemble` of the protocol: how the members of a division become one prediction.
        members_per_division: How many members in a row share a division.
        uncertainty: `uncertainty` of the protocol.

    Returns:
        role -> `members` (member -> measures), `mean` and `std` (measure -> mean and sample standard deviation, n - 1,
        over the members; None for a single member) and `n_members`; under the report `best_on_test` also
        `reported_member`, the member with the lowest mean absolute error on its test part. With an ensemble also
        `ensemble`, the same for ensembles, whose members are divisions, with `combined_by`, and under the report of
        that name `reported: ensemble`; the test part has `uncertainty`, see `elemflow.evaluation.conformal.judge`.
        Beside the roles, `constant_members` if members predict one value for all their test rows, as a network does
        whose units died, and what the predictions note: `chosen` and `left_out` by member, or `not_run` (the reason)
        alone.

    Raises:
        DataError: There are no rows, a number is not finite, or the members of a division have different rows.
    """
    notes = read_metadata(predictions_path)
    if "not_run" in notes:
        return notes
    table = pd.read_parquet(predictions_path)
    if table.empty:
        raise DataError(f"{predictions_path}: no predictions. Train the run again.")
    numbers = table[["y_true", "y_pred"]].to_numpy(dtype=np.float64)
    bad = ~np.isfinite(numbers).all(axis=1)
    if bad.any():
        first = table.loc[bad].iloc[0]
        raise DataError(
            f"{predictions_path}: {bad.sum()} rows are not finite, first material '{first['material_id']}' of member "
            f"{first['member']} ({first['role']}). Train the run again with a lower learning rate."
        )
    errors = {str(role): _evaluate_role(rows) for role, rows in table.groupby("role", sort=True)}
    if report == "best_on_test":
        members = errors["test"]["members"]
        best = min(members, key=lambda member: members[member]["mae"])
        errors = {role: found | {"reported_member": best} for role, found in errors.items()}
    if ensemble:
        together = combine(table, ensemble, members_per_division, predictions_path)
        for role, rows in together.groupby("role", sort=True):
            reported = {"reported": "ensemble"} if report == "ensemble" else {}
            errors[str(role)] |= {"ensemble": _evaluate_role(rows) | {"combined_by": ensemble}} | reported
        if uncertainty:
            errors["test"]["uncertainty"] = judge(_divisions(together, predictions_path))
    test = table[table["role"] == "test"].groupby("member")["y_pred"]
    constant = [str(member) for member, values in test if len(values) > 1 and np.ptp(values) == 0]
    return errors | ({"constant_members": constant} if constant else {}) | notes


def combine(table: pd.DataFrame, how: str, members_per_division: int, where: str | Path) -> pd.DataFrame:
    """Make one prediction per material of the members of each division.

    Args:
        table: Predictions of the members.
        how: `mean` or `median`.
        members_per_division: How many members in a row share a division.
        where: How messages call the predictions.

    Returns:
        Rows as in `predictions.parquet` with the number of the division as `member`, and `spread`, the sample standard
        deviation over its members in the unit of the property.

    Raises:
        DataError: A material of a division lacks a member.
    """
    keys = ["member", "role", "material_id"]
    groups = table.assign(member=table["member"] // members_per_division).groupby(keys, sort=True, observed=True)
    together = groups.agg(
        y_true=("y_true", "first"), y_pred=("y_pred", how), spread=("y_pred", "std"), n=("y_pred", "size")
    ).reset_index()
    lacking = together[together["n"] != members_per_division]
    if len(lacking):
        row = lacking.iloc[0]
        raise DataError(
            f"{where}: division {row['member']} has {row['n']} predictions of material '{row['material_id']}' "
            f"({row['role']}), not {members_per_division}. The run belongs to another protocol; train it again."
        )
    return together.drop(columns="n")


def _divisions(together: pd.DataFrame, where: str | Path) -> list[tuple[Rows, Rows]]:
    """Return validation and test rows of each division."""
    found = []
    for division, rows in together.groupby("member", sort=True):
        validation, test = (rows[rows["role"] == role] for role in ("validation", "test"))
        if validation.empty:
            raise DataError(
                f"{where}: division {division} has no validation rows to calibrate intervals on. Use a split with a "
                "validation part, or remove `uncertainty` from the protocol."
            )
        found.append((calibration_rows(validation), calibration_rows(test)))
    return found


def calibration_rows(part: pd.DataFrame) -> Rows:
    """Return what intervals are calibrated on and judged by, from rows of one division as `combine` returns them."""
    error = (part["y_pred"] - part["y_true"]).abs().to_numpy()
    return Rows(error, part["spread"].to_numpy(), part["material_id"].map(composition_of).to_numpy())


def _evaluate_role(rows: pd.DataFrame) -> dict[str, Any]:
    members = {}
    for member, group in rows.groupby("member", sort=True):
        compositions = group["material_id"].map(composition_of).to_numpy()
        members[str(member)] = all_errors(group["y_true"].to_numpy(), group["y_pred"].to_numpy(), compositions)
    names = [name for name in next(iter(members.values())) if name != "n"]
    values = {name: [member[name] for member in members.values()] for name in names}
    return {
        "n_members": len(members),
        "members": members,
        "mean": {name: _mean(found) for name, found in values.items()},
        "std": {name: _std(found) for name, found in values.items()},
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _std(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) == len(values) > 1 else None
