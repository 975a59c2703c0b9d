"""Content of `metrics.json`: the errors of a run by role and member, and the coverage of its intervals."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from elemflow.core.files import read_json

Report = Literal["mean", "best_on_test", "ensemble"]
Combination = Literal["mean", "median"]


class Record(BaseModel):
    """An immutable part of `metrics.json`; keys without meaning for a run are absent from its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def plain(self) -> dict[str, Any]:
        """Return the JSON values of all fields that were given."""
        return self.model_dump(exclude_unset=True)


class Errors(Record):
    """Errors of one member, or of one ensemble, on the rows of one role, in the unit of the property.

    Attributes:
        n: Number of rows.
        mae: Mean absolute error.
        mae_standard_error: Standard error of `mae`, clustered by composition; None for fewer than two compositions.
        rmse: Root mean squared error.
        r2: Coefficient of determination (no unit); None for fewer than two different targets.
        median_ae: Median absolute error.
        max_error: Largest absolute error.
        p50_abs_error: 50th percentile of the absolute errors.
        p90_abs_error: 90th percentile of the absolute errors.
    """

    n: int
    mae: float
    mae_standard_error: float | None
    rmse: float
    r2: float | None
    median_ae: float
    max_error: float
    p50_abs_error: float
    p90_abs_error: float


class ErrorSummary(Record):
    """Mean or sample standard deviation of each of `Errors` over members; None where it is undefined."""

    mae: float | None
    mae_standard_error: float | None
    rmse: float | None
    r2: float | None
    median_ae: float | None
    max_error: float | None
    p50_abs_error: float | None
    p90_abs_error: float | None


METRICS = tuple(ErrorSummary.model_fields)
"""Names of the metrics."""


class MemberErrors(Record):
    """Errors of several members on one role.

    Attributes:
        n_members: Number of members.
        members: Errors by number of the member.
        mean: Mean over the members.
        std: Sample standard deviation (n - 1) over the members.
    """

    n_members: int
    members: dict[str, Errors]
    mean: ErrorSummary
    std: ErrorSummary


class EnsembleErrors(MemberErrors):
    """Errors of the ensembles of a run, one per train/validation/test split, which count as members here.

    Attributes:
        combined_by: How the members of one split become one prediction.
    """

    combined_by: Combination


class IntervalCoverage(Record):
    """How one kind of interval holds on the test rows, by level in per cent.

    Attributes:
        coverage: Fraction of test rows inside.
        width: Mean width in the unit of the property; None if it is infinite.
        miscalibration_area: Area between coverage and level, 0 to 0.5.
    """

    coverage: dict[str, float]
    width: dict[str, float | None]
    miscalibration_area: float


class SpreadGroup(Record):
    """Test rows of similar spread.

    Attributes:
        spread: Mean spread of the members, in the unit of the property.
        error: Mean absolute error.
        coverage: Fraction of rows inside the interval of `DEFAULT_LEVEL`, by kind of interval.
    """

    spread: float
    error: float
    coverage: dict[str, float]


class CoverageReport(Record):
    """Coverage of the intervals of all ensembles of a run; the kinds are those of `conformal.IntervalKind`.

    Attributes:
        spread: Gaussian intervals.
        absolute: Split conformal intervals.
        normalised: Normalised split conformal intervals.
        grouped: Mondrian (group-conditional) intervals.
        n: Number of test rows.
        rank_correlation: Spearman correlation of error and spread; None if either does not vary.
        by_spread: Groups of test rows, by increasing spread.
    """

    spread: IntervalCoverage
    absolute: IntervalCoverage
    normalised: IntervalCoverage
    grouped: IntervalCoverage
    n: int
    rank_correlation: float | None
    by_spread: list[SpreadGroup]


class RoleErrors(MemberErrors):
    """Errors of a run on the rows of one role.

    Attributes:
        reported_member: The member with the lowest test error, where the protocol reports that one.
        ensemble: Errors of the ensembles, where the protocol has some.
        reported: `ensemble` where the protocol reports these.
        uncertainty: Coverage of the intervals, for the test rows of a calibrated ensemble.
    """

    reported_member: str | None = None
    ensemble: EnsembleErrors | None = None
    reported: Literal["ensemble"] | None = None
    uncertainty: CoverageReport | None = None


class Evaluation(Record):
    """Content of `metrics.json`.

    Attributes:
        validation: Errors on the validation sets.
        test: Errors on the test sets.
        constant_members: Members that predict one value for all their test rows.
        chosen: Model that each member selected, if its model is a selection.
        left_out: Models that each member could not train, with reasons.
        not_run: Why the run has no result; nothing else is given then.
    """

    validation: RoleErrors | None = None
    test: RoleErrors | None = None
    constant_members: list[str] = []
    chosen: dict[str, str] = {}
    left_out: dict[str, dict[str, str]] = {}
    not_run: str | None = None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read `metrics.json` of a run."""
        return cls.model_validate(read_json(path))
