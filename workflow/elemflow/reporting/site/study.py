"""The page of a study: its tables with verdicts, its claims and its figures."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path
from elemflow.plan.site import SiteFigure, SiteStudy
from elemflow.reporting.claims_page import VERDICT_STYLES
from elemflow.reporting.claims_view import StudyClaims
from elemflow.reporting.site.cells import ListedCell, ShownTable, count_states
from elemflow.reporting.site.render import Site, study_page

WIDE = 400
"""Width in points above which a figure takes a whole row, so that its text is as large as that of the page."""
SIZE = re.compile(r'<svg\b[^>]* viewBox="0 0 ([0-9.]+) ([0-9.]+)"')
"""Width and height in points, as matplotlib writes them."""


@dataclass(frozen=True)
class FigureOnPage:
    """A figure on the page of its study.

    Attributes:
        figure: Its id.
        title: Its title.
        caption: Its caption without the title, with the values that are drawn.
        svg: The drawing, below the folder of pages.
        csv: The numbers, below the folder of pages.
        width: Width of the drawing in points.
        height: Its height in points.
    """

    figure: str
    title: str
    caption: str
    svg: str
    csv: str
    width: float
    height: float

    @property
    def is_wide(self) -> bool:
        """Whether the text of the drawing is legible over the whole width of the page only."""
        return self.width > WIDE


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
    caption = Path(figure.text).read_text(encoding="utf-8").removeprefix(f"**{planned.title}**").lstrip()
    width, height = read_size(figure.svg)
    return FigureOnPage(planned.figure, planned.title, caption, f"{name}.svg", f"{name}.csv", width, height)


def read_size(svg: str | Path) -> tuple[float, float]:
    """Return width and height of a drawing in points.

    Raises:
        DataError: The file does not say.
    """
    found = SIZE.search(Path(svg).read_text(encoding="utf-8"))
    if found is None:
        raise DataError(f"{svg}: no viewBox, so its size is not known; delete the file to draw it again.")
    return float(found[1]), float(found[2])


def copy(source: str | Path, target: Path) -> None:
    """Copy a file into the site."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
