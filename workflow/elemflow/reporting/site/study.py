"""The page of a study: its tables with verdicts, its claims and its figures."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.core.files import atomic_path
from elemflow.plan.site import SiteFigure, SiteStudy
from elemflow.reporting.claims_page import VERDICT_STYLES
from elemflow.reporting.claims_view import StudyClaims
from elemflow.reporting.site.cells import ListedCell, ShownTable, count_states
from elemflow.reporting.site.render import Site, study_page


@dataclass(frozen=True)
class FigureOnPage:
    """A figure: id, title, caption, and its files below the folder of pages."""

    figure: str
    title: str
    caption: str
    svg: str
    csv: str


def write_study(
    site: Site,
    study: SiteStudy,
    tables: Sequence[ShownTable],
    figures: Sequence[FigureOnPage],
    claims: StudyClaims | None,
    cells: Sequence[ListedCell],
) -> None:
    """Write the page of a study.

    Args:
        site: The site.
        study: The study.
        tables: Its tables.
        figures: Its figures, whose files are in place.
        claims: Its claims; None if it has none.
        cells: The cells of its tables of errors.
    """
    site.write(
        study_page(study.study),
        "study",
        title=study.title,
        study=study,
        tables=tables,
        figures=figures,
        claims=claims,
        counts=count_states(cells),
        styles=VERDICT_STYLES,
    )


def place_figure(site: Site, figure: SiteFigure) -> FigureOnPage:
    """Copy the files of a figure into the site."""
    planned = figure.planned
    name = f"figures/{planned.study}-{planned.figure}"
    for kind, source in (("svg", figure.svg), ("csv", figure.csv)):
        copy(source, site.folder / f"{name}.{kind}")
    caption = Path(figure.text).read_text(encoding="utf-8")
    return FigureOnPage(planned.figure, planned.title, caption, f"{name}.svg", f"{name}.csv")


def copy(source: str | Path, target: Path) -> None:
    """Copy a file into the site."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
