"""The overview: what was built, how much of each paper is reproduced, and how much of it the record has."""

from collections.abc import Sequence
from dataclasses import dataclass

from elemflow.plan.site import SiteInputs, SiteStudy
from elemflow.reporting.site.cells import ListedCell, ShownTable, count_states
from elemflow.reporting.site.coverage import view_coverage
from elemflow.reporting.site.render import Site
from elemflow.reporting.site.study import FigureOnPage


@dataclass(frozen=True)
class StudySummary:
    """A study on the overview.

    Attributes:
        about: Its id, title and paper.
        counts: Cells with a published value, by state.
        tables: Number of its tables.
        figures: Number of its figures.
        claims: Number of its claims.
        runs: Number of its runs that have a page.
    """

    about: SiteStudy
    counts: dict[str, int]
    tables: int
    figures: int
    claims: int
    runs: int

    @property
    def printed(self) -> int:
        """Return the number of cells with a published value."""
        return sum(self.counts.values())


def write_home(
    site: Site,
    inputs: SiteInputs,
    cells: Sequence[ListedCell],
    tables: Sequence[ShownTable],
    figures: Sequence[FigureOnPage],
) -> None:
    """Write the overview of all studies; a single one is shown with its tables and figures."""
    claims = {one.planned.study: len(one.planned.claims) for one in inputs.claims}
    shown = {(each.study, each.run) for each in cells}
    studies = [
        StudySummary(
            about=study,
            counts=count_states(each for each in cells if each.study == study.study),
            tables=sum(table.planned.study == study.study for table in inputs.tables),
            figures=sum(figure.planned.study == study.study for figure in inputs.figures),
            claims=claims.get(study.study, 0),
            runs=sum(study.study in run.studies or (study.study, run.run) in shown for run in inputs.runs),
        )
        for study in inputs.studies
    ]
    recorded = sum(run.recorded for run in inputs.runs)
    alone = len(studies) == 1
    site.write_index(
        studies=studies,
        cells=len(cells),
        runs=len(inputs.runs),
        recorded=recorded,
        coverage=view_coverage(inputs),
        tables=tables if alone else [],
        figures=figures if alone else [],
    )
