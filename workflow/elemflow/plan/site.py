"""What the site of a build is made from, as the plan describes it to the job that writes it."""

from pydantic import Field

from elemflow.core.declared import Declared
from elemflow.plan.claims import PlannedClaims
from elemflow.plan.items import PlannedFigure, PlannedTable


class SiteStudy(Declared):
    """A study: its id, title and paper."""

    study: str
    title: str
    reference: str = ""


class SiteTable(Declared):
    """A table, its csv, and the `curation.json` of each of its datasets that are at hand."""

    planned: PlannedTable
    csv: str
    curation: dict[str, str] = Field(default={})


class SiteFigure(Declared):
    """A figure, and the files that `elemflow.reporting.figures.build.write_figure` wrote."""

    planned: PlannedFigure
    svg: str
    csv: str
    text: str


class SiteClaims(Declared):
    """The claims of a study, and the csv of each of their tables."""

    planned: PlannedClaims
    csv: dict[str, str]


class SiteRun(Declared):
    """A run.

    Attributes:
        run: Its path below `results/runs/`.
        title: Titles of its model, dataset and property.
        folder: Folder of its files.
        studies: The studies that use it.
        recorded: Whether it is shown from the record.
    """

    run: str
    title: str = ""
    folder: str
    studies: tuple[str, ...] = ()
    recorded: bool = False


class SiteInputs(Declared):
    """Everything that the site shows, in its order.

    Attributes:
        studies: The studies.
        tables: Their tables.
        figures: Their figures.
        claims: Their claims.
        runs: The runs that have a page.
        costs: The csv of the costs; empty without one.
        coverage: The csv of the coverage of the papers' tables by the record; empty if it has none of the studies.
    """

    studies: list[SiteStudy]
    tables: list[SiteTable]
    figures: list[SiteFigure]
    claims: list[SiteClaims]
    runs: list[SiteRun]
    costs: str = ""
    coverage: str = ""
