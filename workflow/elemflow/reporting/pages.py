"""HTML pages of the report, rendered from `templates/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from elemflow.config.kinds import TABLE_KINDS
from elemflow.reporting.comparability import HasScale, describe_rows
from elemflow.reporting.text import format_range
from elemflow.reporting.view import MEANING_OF_MARKS, NO_VALUE, TableView

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ListedRun:
    """A run as the page of a table lists it.

    Attributes:
        row: Label of the row of its cell.
        column: Label of the column of its cell.
        members: Number of members.
        materials: Materials of the run, and of the paper where it prints them.
        epochs: Epochs at most.
        test_rows: Smallest and largest test set of a member.
        run: Path of the run below `results/runs/`.
    """

    row: str
    column: str
    members: str
    materials: str
    epochs: str
    test_rows: str
    run: str


@dataclass(frozen=True)
class TableEntry:
    """A table on the overview page, and the page of its own to link to."""

    view: TableView
    file: str


@dataclass(frozen=True)
class FigureEntry:
    """A figure on the overview page: label, title, caption, and the images to link to."""

    label: str
    title: str
    caption: str
    svg: str
    png: str


@dataclass(frozen=True)
class StudyTables:
    """The tables of a study on the overview page."""

    title: str
    reference: str
    tables: tuple[TableEntry, ...]


@dataclass(frozen=True)
class StudyFigures:
    """The figures of a study on the overview page."""

    title: str
    reference: str
    figures: tuple[FigureEntry, ...]


def make_environment(templates: Path) -> Environment:
    """Return what renders the templates of a folder; they escape what they show, and miss nothing in silence."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {"no_value": NO_VALUE, "meaning_of_marks": MEANING_OF_MARKS}
    return environment


@cache
def _environment() -> Environment:
    return make_environment(TEMPLATES)


def render(template: str, **values: object) -> str:
    """Return a page from the template of a name, `templates/<name>.html.j2`."""
    return _environment().get_template(f"{template}.html.j2").render(**values)


def list_run(
    row: str,
    column: str,
    *,
    members: int,
    scale: HasScale,
    max_epochs: int | None,
    test_rows: tuple[int | None, int | None],
    run: str,
    featured: str = "",
) -> ListedRun:
    """Return a run as the page of a table lists it; numbers that are not known are dashes.

    `featured` is the number of materials that have features, empty where all have.
    """
    low, high = test_rows
    materials = describe_rows(scale.materials, scale.published_materials)
    return ListedRun(
        row=row,
        column=column,
        members=str(members or NO_VALUE),
        materials=f"{materials}, {featured} with features" if featured else materials,
        epochs=NO_VALUE if max_epochs is None else f"{max_epochs:,}",
        test_rows=NO_VALUE if low is None or high is None else format_range(low, high),
        run=run,
    )


def render_table_page(view: TableView, runs: Sequence[ListedRun]) -> str:
    """Render one table as a page of its own.

    Args:
        view: The table.
        runs: Runs to list below it; none for tables without runs.
    """
    return render("table", title=view.title, view=view, runs=runs)


def render_tables_index(studies: Sequence[StudyTables]) -> str:
    """Render all tables on one page."""
    return render("tables", title="Tables: published and reproduced", studies=studies, kinds=TABLE_KINDS.values())


def render_figures_index(studies: Sequence[StudyFigures]) -> str:
    """Render thumbnails of all figures on one page."""
    return render("figures", title="Figures", studies=studies)


def render_costs(columns: Sequence[str], groups: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Render what the jobs cost.

    Args:
        columns: Heads of the columns.
        groups: Lines of each table, by its heading.
    """
    return render("costs", title="What the jobs cost", columns=columns, groups=groups)
