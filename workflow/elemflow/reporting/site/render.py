"""How every page of the site is rendered: its place, its navigation and its template."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment

from elemflow.core.files import write_text
from elemflow.plan.site import SiteStudy
from elemflow.reporting.pages import make_environment

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = ("site.css", "site.js", "tablesort.min.js", "NOTICE.txt")
"""Files of `TEMPLATES` that pages load, copied next to them."""

CELLS = "cells.html"
COSTS = "costs.html"


def study_page(study: str) -> str:
    """Return the page of a study, below the folder of pages."""
    return f"studies/{study}.html"


def run_page(run: str) -> str:
    """Return the page of a run, below the folder of pages: a digest, since ids may be longer than file names may."""
    return f"runs/{hashlib.sha256(run.encode()).hexdigest()[:12]}.html"


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes:
        index: The overview.
        folder: Folder of all other pages.
        studies: The studies of the navigation.
        runs: Paths of the runs that have a page.
        has_costs: Whether there is a page of costs.
    """

    index: Path
    folder: Path
    studies: Sequence[SiteStudy]
    runs: frozenset[str]
    has_costs: bool

    def link_to_run(self, run: str) -> str:
        """Return the page of a run, below the folder of pages; empty if it has none."""
        return run_page(run) if run in self.runs else ""

    def write_index(self, **values: object) -> None:
        """Write the overview from its template."""
        page = self._render("home", title="Overview", up=f"{self.folder.name}/", home=self.index.name, **values)
        write_text(self.index, page)

    def write(self, page: str, template: str, *, title: str, **values: object) -> None:
        """Write a page below the folder of pages from the template of a name."""
        up = "../" * page.count("/")
        shown = self._render(template, title=title, up=up, home=f"../{up}{self.index.name}", page=page, **values)
        write_text(self.folder / page, shown)

    def _render(self, template: str, **values: object) -> str:
        page = _environment().get_template(f"{template}.html.j2")
        return page.render({"site": self, "page": "", **values})


@cache
def _environment() -> Environment:
    environment = make_environment(TEMPLATES)
    environment.globals |= {"study_page": study_page, "cells_page": CELLS, "costs_page": COSTS}
    return environment
