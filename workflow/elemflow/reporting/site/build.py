"""The site of a build: every page, and the files that the pages load."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from elemflow.core.files import write_text
from elemflow.plan.site import SiteInputs, SiteStudy, SiteTable
from elemflow.reporting.claims_view import StudyClaims, view_claims
from elemflow.reporting.site.cells import ListedCell, ShownTable, list_cells, write_cells
from elemflow.reporting.site.costs import write_costs_page
from elemflow.reporting.site.home import write_home
from elemflow.reporting.site.render import ASSETS, TEMPLATES, Site
from elemflow.reporting.site.run import write_run
from elemflow.reporting.site.study import FigureOnPage, copy, place_figure, write_study
from elemflow.reporting.tables.base import load_builder


def write_site(inputs: SiteInputs, index: Path, folder: Path) -> None:
    """Write the overview and the folder of all other pages; together they can be copied anywhere.

    Args:
        inputs: What is shown.
        index: The overview, next to the folder.
        folder: Folder of pages.

    Raises:
        DataError: A file of a table or of a run is not one of this workflow.
    """
    runs = frozenset(run.run for run in inputs.runs)
    site = Site(index, folder, inputs.studies, runs, bool(inputs.costs))
    tables = [_show_table(table) for table in inputs.tables]
    cells = list(list_cells(site, tables))
    for name in ASSETS:
        write_text(folder / name, (TEMPLATES / name).read_text(encoding="utf-8"))
    for table in inputs.tables:
        copy(table.csv, folder / f"tables/{table.planned.study}-{table.planned.table}.csv")
    figures = {study.study: _place_figures(site, inputs, study) for study in inputs.studies}
    write_home(site, inputs, cells, tables, [figure for each in figures.values() for figure in each])
    write_cells(site, cells)
    _write_studies(site, inputs, tables, figures, cells)
    _write_runs(site, inputs, cells)
    if inputs.costs:
        write_costs_page(site, inputs.costs)


def _show_table(table: SiteTable) -> ShownTable:
    builder = load_builder(table.planned.kind)
    return ShownTable(table.planned, builder.view(table.planned, builder.read(table.csv), table.curation))


def _place_figures(site: Site, inputs: SiteInputs, study: SiteStudy) -> list[FigureOnPage]:
    return [place_figure(site, figure) for figure in inputs.figures if figure.planned.study == study.study]


def _write_studies(
    site: Site,
    inputs: SiteInputs,
    tables: Sequence[ShownTable],
    figures: Mapping[str, Sequence[FigureOnPage]],
    cells: Sequence[ListedCell],
) -> None:
    folders = {run.run: Path(run.folder) for run in inputs.runs}
    claims: dict[str, StudyClaims] = {
        each.planned.study: view_claims(each.planned, each.csv, folders, linked=False) for each in inputs.claims
    }
    for study in inputs.studies:
        write_study(
            site,
            study,
            [table for table in tables if table.planned.study == study.study],
            figures[study.study],
            claims.get(study.study),
            [cell for cell in cells if cell.study == study.study],
        )


def _write_runs(site: Site, inputs: SiteInputs, cells: Sequence[ListedCell]) -> None:
    shown: dict[str, list[ListedCell]] = {}
    for cell in cells:
        shown.setdefault(cell.cell.run, []).append(cell)
    for run in inputs.runs:
        write_run(site, run, shown.get(run.run, []))
