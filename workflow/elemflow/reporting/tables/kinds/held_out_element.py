"""Tables of errors with and without an element that is held out of training, by the share of it that is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.config.kinds import TableKind
from elemflow.core.files import read_json
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.elements import errors_with_element
from elemflow.reporting.results import read_test_points
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, TableView

KIND = TableKind(
    description="error of each run, and of the test materials with and without the element held out of training",
    overview="held_out_elements.csv",
    overview_title="errors of elements held out",
    inputs=("predictions.parquet", "run_info.json"),
    protocol_needs="split.hold_out",
)
COLUMNS = ("with the element", "without it")
MEANING = (
    "With the element: error of the test materials that contain the element of which the training set has a share; "
    "without it: error of all other test materials. The test set is the same at every share. Means over the members."
)


@dataclass(frozen=True, kw_only=True)
class HeldOutLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        element: Symbol of the element that is held out.
        train_fraction: Share of its materials that is in the training set.
        with_element: Mean absolute error of the test materials with it.
        without_element: Mean absolute error of those without it.
    """

    element: str | None
    train_fraction: float | None
    with_element: float | None
    without_element: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[HeldOutLine]:
    """Return the published and reproduced error of each cell with those of both groups of materials."""
    return errors.collect_with(table, metrics, curation, HeldOutLine, _measure)


def _measure(folder: Path) -> dict[str, str | float | None]:
    """Return the element of a run and its errors with and without it."""
    held = read_json(folder / "run_info.json")["cfg"]["protocol"]["split"]["hold_out"]
    found = errors_with_element(read_test_points(folder), held["element"])
    means = {has: float(each.mean()) if len(each) else None for has, each in found.items()}
    return {
        "element": held["element"],
        "train_fraction": held["train_fraction"],
        "with_element": means[True],
        "without_element": means[False],
    }


def view_table(table: PlannedTable, lines: Sequence[HeldOutLine], curation: Paths) -> TableView:
    """Arrange the errors, each followed by those with and without the element, and write the caption."""
    return errors.view_parts(table, lines, curation, COLUMNS, MEANING, _texts)


def _texts(line: errors.ErrorLine) -> tuple[str, ...]:
    """Return the errors with and without the element in words."""
    found = (line.with_element, line.without_element) if isinstance(line, HeldOutLine) else (None,) * len(COLUMNS)
    return tuple(NO_VALUE if x is None else words.format_number(x, words.count_decimals(x)) for x in found)


BUILDER = TableBuilder(HeldOutLine, collect, view_table, errors.render_text, errors.list_runs)
