"""Tables of the part of an error that materials with a positive value have, such as a positive formation energy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.config.kinds import TableKind
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.results import read_test_points
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, TableView

KIND = TableKind(
    description="error of each run, and the part of it that materials with a positive value have",
    overview="positive_values.csv",
    overview_title="errors of positive values",
    inputs=("predictions.parquet", "run_info.json"),
)
COLUMNS = ("of positive values", "share of the error", "share of the materials")
MEANING = (
    "Of positive values: sum of the absolute errors of the test materials with a positive true value over the number "
    "of all test materials, a part of the error. Shares are those of the error and of the test materials. "
    "Predictions of all members count alike."
)


@dataclass(frozen=True, kw_only=True)
class PositiveLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        positive_contribution: Sum of the absolute errors of test rows with a positive true value over the number of all
            test rows, in the unit of the error.
        positive_error_percent: The same in per cent of the mean absolute error of all test rows.
        positive_materials_percent: Test rows with a positive true value in per cent of all.
    """

    positive_contribution: float | None
    positive_error_percent: float | None
    positive_materials_percent: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[PositiveLine]:
    """Return the published and reproduced error of each cell with the part of positive values."""
    return errors.collect_with(table, metrics, curation, PositiveLine, _measure)


def _measure(folder: Path) -> dict[str, float | None]:
    """Return the part of the error of a run that positive values have."""
    points = read_test_points(folder)
    error = (points["y_pred"] - points["y_true"]).abs()
    positive = points["y_true"] > 0
    part, whole = float(error.where(positive, 0.0).mean()), float(error.mean())
    return {
        "positive_contribution": part,
        "positive_error_percent": 100 * part / whole if whole else None,
        "positive_materials_percent": 100 * float(positive.mean()),
    }


def view_table(table: PlannedTable, lines: Sequence[PositiveLine], curation: Paths) -> TableView:
    """Arrange the errors, each followed by the part of positive values, and write the caption."""
    return errors.view_parts(table, lines, curation, COLUMNS, MEANING, _texts)


def _texts(line: errors.ErrorLine) -> tuple[str, ...]:
    """Return the part and the two shares of a line in words."""
    if not isinstance(line, PositiveLine) or line.positive_contribution is None:
        return (NO_VALUE,) * len(COLUMNS)
    part = line.positive_contribution
    shares = (line.positive_error_percent, line.positive_materials_percent)
    texts = (NO_VALUE if share is None else f"{share:.1f} %" for share in shares)
    return words.format_number(part, words.count_decimals(part)), *texts


BUILDER = TableBuilder(PositiveLine, collect, view_table, errors.render_text, errors.list_runs)
