"""Tables of errors of materials with elements that few training materials contain, against those with all others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.config.kinds import TableKind
from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.elements import FEWEST, group_by_element
from elemflow.reporting.results import read_facts, read_test_points
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, TableView

KIND = TableKind(
    description="error of each run, and of materials with an element that few training materials contain",
    overview="rare_elements.csv",
    overview_title="errors of rare elements",
    inputs=("predictions.parquet", "run_info.json"),
)
BOUNDARY = 5000
"""Training materials below which an element is rare, as in the text on Figure 5a of Huang and Ling (2020)."""
COLUMNS = ("rare elements", "other elements", "difference")
MEANING = (
    f"Rare elements: mean, over the elements that fewer than {BOUNDARY:,} training materials contain, of the error of "
    f"test materials with each; other elements likewise. Elements with fewer than {FEWEST} test predictions do not "
    "count. Training materials with an element are estimated from the test materials with it and the sizes of the "
    "two sets, which are drawn alike."
)


@dataclass(frozen=True, kw_only=True)
class RareElementsLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        rare_elements_error: Mean over the rare elements of the mean absolute error of the test materials with each.
        other_elements_error: The same of all other elements.
        rare_elements_percent: How much larger the first is, in per cent of the second; None if either is missing.
    """

    rare_elements_error: float | None
    other_elements_error: float | None
    rare_elements_percent: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[RareElementsLine]:
    """Return the published and reproduced error of each cell with those of rare and other elements."""
    return errors.collect_with(table, metrics, curation, RareElementsLine, _measure)


def _measure(folder: Path) -> dict[str, float | None]:
    """Return the errors of a run on materials with rare and with other elements."""
    points = read_test_points(folder)
    by_element = group_by_element((points["y_pred"] - points["y_true"]).abs(), points["material_id"])
    tested = by_element.size()
    enough = tested >= FEWEST
    facts, means = read_facts(folder), by_element.mean()[enough]
    trained = tested[enough] / points["member"].nunique() * facts.train_rows / facts.test_rows
    rare, other = means[trained < BOUNDARY], means[trained >= BOUNDARY]
    low, high = (float(each.mean()) if len(each) else None for each in (other, rare))
    percent = 100 * (high / low - 1) if high is not None and low else None
    return {"rare_elements_error": high, "other_elements_error": low, "rare_elements_percent": percent}


def view_table(table: PlannedTable, lines: Sequence[RareElementsLine], curation: Paths) -> TableView:
    """Arrange the errors, each followed by those of rare and of other elements, and write the caption."""
    return errors.view_parts(table, lines, curation, COLUMNS, MEANING, _texts)


def _texts(line: errors.ErrorLine) -> tuple[str, ...]:
    """Return the errors of rare and other elements and their difference in words."""
    if not isinstance(line, RareElementsLine):
        return (NO_VALUE,) * len(COLUMNS)
    found = (line.rare_elements_error, line.other_elements_error)
    texts = (NO_VALUE if x is None else words.format_number(x, words.count_decimals(x)) for x in found)
    percent = line.rare_elements_percent
    return *texts, NO_VALUE if percent is None else f"{percent:+.0f} %"


BUILDER = TableBuilder(RareElementsLine, collect, view_table, errors.render_text, errors.list_runs)
