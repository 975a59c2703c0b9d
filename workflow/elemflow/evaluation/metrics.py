"""Errors of predictions, computed from the predictions alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata
from elemflow.core.parquet import read_frame
from elemflow.evaluation.conformal import EnsembleRows, coverage_report
from elemflow.evaluation.records import (
    METRICS,
    Combination,
    EnsembleErrors,
    Errors,
    ErrorSummary,
    Evaluation,
    MemberErrors,
    Report,
    RoleErrors,
)

MIN_CLUSTERS = 2
"""Fewest compositions of a standard error."""


def mae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the mean absolute error, in the unit of `y_true`."""
    return float(np.mean(np.abs(y_pred - y_true)))


def mae_standard_error(y_true: np.ndarray, y_pred: np.ndarray, compositions: np.ndarray) -> float | None:
    """Return the standard error of the mean absolute error, clustered by composition.

    sqrt(G / (G - 1) · sum of S²) / n over n rows of G compositions, where S is the sum over the rows of a composition
    of |error| minus its mean (Liang and Zeger, Biometrika 73, 13, 1986); sd / sqrt(n) if each row has its own
    composition. Entries of one composition are not independent and lie in the same set of a split. It is the sampling
    error of the test set, for given models.

    Args:
        y_true: Values of the property (rows,).
        y_pred: Predictions (rows,).
        compositions: Composition of each row (rows,).

    Returns:
        The standard error in the unit of `y_true`; None for fewer than two compositions.
    """
    return clustered_standard_error(np.abs(y_pred - y_true), compositions)


def clustered_standard_error(values: np.ndarray, compositions: np.ndarray) -> float | None:
    """Return the standard error of the mean of values (rows,), clustered by composition (rows,).

    Returns:
        The standard error in the unit of the values; None for fewer than two compositions.
    """
    _, clusters = np.unique(compositions, return_inverse=True)
    sums = np.bincount(clusters, values - np.mean(values))
    count = len(sums)
    if count < MIN_CLUSTERS:
        return None
    return float(np.sqrt(count / (count - 1) * np.sum(sums**2)) / len(values))


def rmse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the root mean squared error, in the unit of `y_true`."""
    return float(np.sqrt(np.mean((y_pred - y_true) ** 2)))


def r2(y_true: np.ndarray, y_pred: np.ndarray) -> float | None:
    """Return the coefficient of determination; None where it has no meaning (fewer than two different targets)."""
    variation = float(np.sum((y_true - np.mean(y_true)) ** 2))
    # The mean of equal targets is rounded, which leaves some variation; that of hardly different ones can vanish.
    if np.ptp(y_true) == 0 or variation == 0:
        return None
    return float(1 - np.sum((y_pred - y_true) ** 2) / variation)


def median_ae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the median absolute error, in the unit of `y_true`."""
    return float(np.median(np.abs(y_pred - y_true)))


def max_error(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the largest absolute error, in the unit of `y_true`."""
    return float(np.max(np.abs(y_pred - y_true)))


def percentile_abs_error(y_true: np.ndarray, y_pred: np.ndarray, percentile: float) -> float:
    """Return a percentile (0-100, linear between ranks) of the absolute errors, in the unit of `y_true`."""
    return float(np.percentile(np.abs(y_pred - y_true), percentile))


def all_errors(y_true: np.ndarray, y_pred: np.ndarray, compositions: np.ndarray) -> Errors:
    """Return every measure of some rows; see `mae_standard_error` for the arguments."""
    return Errors(
        n=len(y_true),
        mae=mae(y_true, y_pred),
        mae_standard_error=mae_standard_error(y_true, y_pred, compositions),
        rmse=rmse(y_true, y_pred),
        r2=r2(y_true, y_pred),
        median_ae=median_ae(y_true, y_pred),
        max_error=max_error(y_true, y_pred),
        p50_abs_error=percentile_abs_error(y_true, y_pred, 50),
        p90_abs_error=percentile_abs_error(y_true, y_pred, 90),
    )


def evaluate(
    predictions: str | Path,
    report: Report = "mean",
    ensemble: Combination | None = None,
    members_per_split: int = 1,
    uncertainty: bool = False,
) -> Evaluation:
    """Compute the errors of a run, of each member and over its members.

    Args:
        predictions: `predictions.parquet` of the run.
        report: `report` of the protocol.
        ensemble: `ensemble` of the protocol: how the members of one split become one prediction per material.
        members_per_split: How many successive members share a train/validation/test split.
        uncertainty: `uncertainty` of the protocol: whether intervals are calibrated and evaluated.

    Returns:
        The errors by role, with what the predictions note of their models. The test set has `uncertainty` if that is
        wanted. A member counts as constant if it predicts one value for all its test rows, as a network whose units
        died does.

    Raises:
        DataError: There are no rows, a number is not finite, or the members of one split have different rows.
    """
    predictions = Path(predictions)
    notes = Evaluation.model_validate(read_metadata(predictions))
    if notes.not_run is not None:
        return notes
    table = _read_predictions(predictions)
    errors = {str(role): _role_errors(rows) for role, rows in table.groupby("role", sort=True)}
    if report == "best_on_test":
        members = errors["test"].members
        best = min(members, key=lambda member: members[member].mae)
        errors = {role: found.model_copy(update={"reported_member": best}) for role, found in errors.items()}
    if ensemble:
        combined = combine(table, ensemble, members_per_split, predictions)
        for role, rows in combined.groupby("role", sort=True):
            found = EnsembleErrors(**dict(member_errors(rows)), combined_by=ensemble)
            reported = {"reported": "ensemble"} if report == "ensemble" else {}
            errors[str(role)] = errors[str(role)].model_copy(update={"ensemble": found, **reported})
        if uncertainty:
            coverage = coverage_report(_calibration_and_test_rows(combined, predictions))
            errors["test"] = errors["test"].model_copy(update={"uncertainty": coverage})
    test = table[table["role"] == "test"].groupby("member")["y_pred"]
    constant = [str(member) for member, values in test if len(values) > 1 and np.ptp(values) == 0]
    return notes.model_copy(update=errors | ({"constant_members": constant} if constant else {}))


def _read_predictions(path: Path) -> pd.DataFrame:
    """Read predictions.

    Raises:
        DataError: There are none, or a number is not finite.
    """
    table = read_frame(path)
    if table.empty:
        raise DataError(f"{path}: no predictions. Train the run again.")
    numbers = table[["y_true", "y_pred"]].to_numpy(dtype=np.float64)
    bad = ~np.isfinite(numbers).all(axis=1)
    if bad.any():
        first = table.loc[bad].iloc[0]
        raise DataError(
            f"{path}: {bad.sum()} rows are not finite, first material '{first['material_id']}' of member "
            f"{first['member']} ({first['role']}). Train the run again with a lower learning rate."
        )
    return table


def combine(table: pd.DataFrame, how: Combination, members_per_split: int, where: str | Path) -> pd.DataFrame:
    """Combine the predictions of the members of each split into one per material.

    Args:
        table: Predictions of the members.
        how: `mean` or `median`.
        members_per_split: How many successive members share a split.
        where: Name of the predictions in messages.

    Returns:
        Rows as in `predictions.parquet` with the number of the split as `member`, and `spread`, the sample standard
        deviation over its members in the unit of the property.

    Raises:
        DataError: A material lacks the prediction of a member.
    """
    keys = ["member", "role", "material_id"]
    groups = table.assign(member=table["member"] // members_per_split).groupby(keys, sort=True, observed=True)
    combined = groups.agg(
        y_true=("y_true", "first"), y_pred=("y_pred", how), spread=("y_pred", "std"), n=("y_pred", "size")
    ).reset_index()
    incomplete = combined[combined["n"] != members_per_split]
    if len(incomplete):
        row = incomplete.iloc[0]
        raise DataError(
            f"{where}: split {row['member']} has {row['n']} predictions of material '{row['material_id']}' "
            f"({row['role']}), not {members_per_split}. The run belongs to another protocol; train it again."
        )
    return combined.drop(columns="n")


def _calibration_and_test_rows(combined: pd.DataFrame, where: Path) -> list[tuple[EnsembleRows, EnsembleRows]]:
    """Return validation and test rows of each split.

    Raises:
        DataError: A split has no validation set, or all its members predict the same values.
    """
    found = []
    for split, rows in combined.groupby("member", sort=True):
        validation, test = (rows[rows["role"] == role] for role in ("validation", "test"))
        if validation.empty:
            raise DataError(
                f"{where}: split {split} has no validation rows to calibrate intervals on. Use a split with a "
                "validation set, or remove `uncertainty` from the protocol."
            )
        if not validation["spread"].any():
            raise DataError(
                f"{where}: the members of split {split} predict the same values, so their spread carries no "
                "information. Use a model that depends on its seed, a search that does not choose alike for all "
                "members, or remove `uncertainty` from the protocol."
            )
        found.append((ensemble_rows(validation), ensemble_rows(test)))
    return found


def ensemble_rows(combined: pd.DataFrame) -> EnsembleRows:
    """Return errors, spreads and compositions of rows of one split as `combine` returns them."""
    error = (combined["y_pred"] - combined["y_true"]).abs().to_numpy()
    return EnsembleRows(error, combined["spread"].to_numpy(), combined["material_id"].map(composition_of).to_numpy())


def _role_errors(rows: pd.DataFrame) -> RoleErrors:
    return RoleErrors(**dict(member_errors(rows)))


def member_errors(rows: pd.DataFrame) -> MemberErrors:
    """Return the errors of each member on rows of one role as `predictions.parquet` has them, with mean and spread."""
    members = {}
    for member, group in rows.groupby("member", sort=True):
        compositions = group["material_id"].map(composition_of).to_numpy()
        members[str(member)] = all_errors(group["y_true"].to_numpy(), group["y_pred"].to_numpy(), compositions)
    errors = list(members.values())
    return MemberErrors(
        n_members=len(members), members=members, mean=_summary(errors, _mean), std=_summary(errors, _std)
    )


def _summary(errors: Sequence[Errors], over_members: Callable[[list[float | None]], float | None]) -> ErrorSummary:
    return ErrorSummary(**{name: over_members([getattr(each, name) for each in errors]) for name in METRICS})


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _std(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) == len(values) > 1 else None
