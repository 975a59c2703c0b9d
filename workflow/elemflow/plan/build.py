"""The plan: studies expanded into tables, figures and the unique runs behind them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from elemflow.config.kinds import CELL_KEYS, OF_MODELS, PROTOCOL_NEEDS, WITHOUT_RUNS
from elemflow.config.load import Settings
from elemflow.config.study import Item
from elemflow.core.errors import ConfigError
from elemflow.core.run import RUN_KEYS, Run
from elemflow.plan.describe import Printed, describe_figure, describe_table
from elemflow.plan.grid import Grid, make_grid, source_runs
from elemflow.plan.items import PlannedFigure, PlannedTable
from elemflow.plan.of_models import figure_of_models, table_of_models
from elemflow.plan.published import PublishedIndex, largest_sizes
from elemflow.plan.without_runs import figure_of_datasets, table_of_datasets

SOFTWARE = ("molder2021", "keras", "tensorflow", "pedregosa2011")
"""BibTeX keys of what every study is computed with."""

SHOWS_RECORDED = "errors"
"""The kind of table that can show runs from the record."""


@dataclass
class Plan:
    """Everything that will be built.

    Attributes:
        runs: Every run, sorted, with the tables and figures (`<study>/<item>`) that use it; pre-training runs too.
        recorded: The same of runs that are not computed, since every cell that names them shows the record.
        tables: What each table shows, by (study, table).
        figures: What each figure shows, by (study, figure).
        published: The papers' numbers.
    """

    runs: dict[Run, list[str]] = field(default_factory=dict)
    recorded: dict[Run, list[str]] = field(default_factory=dict)
    tables: dict[tuple[str, str], PlannedTable] = field(default_factory=dict)
    figures: dict[tuple[str, str], PlannedFigure] = field(default_factory=dict)
    published: PublishedIndex = field(default_factory=dict, repr=False)

    @property
    def items(self) -> Iterator[PlannedTable | PlannedFigure]:
        """All tables, then all figures."""
        yield from self.tables.values()
        yield from self.figures.values()

    def of_study(self, study_id: str) -> Iterator[PlannedTable | PlannedFigure]:
        """Yield the tables, then the figures of a study."""
        return (item for item in self.items if item.study == study_id)

    def runs_of(self, item: PlannedTable | PlannedFigure) -> list[str]:
        """Return the paths of the runs behind a table or figure, without repetition, in order."""
        if item.kind in WITHOUT_RUNS:
            return []
        return list(dict.fromkeys(cell.run for cell in item.planned if not cell.missing))

    def datasets(self) -> list[str]:
        """Return the datasets behind all tables and figures, sorted."""
        return sorted({dataset for item in self.items for dataset in item.datasets})

    def rows(self) -> Iterator[list[str]]:
        """Yield the plan as a table for people: a header, then a row per run."""
        yield [*RUN_KEYS, "used_by"]
        for run, users in self.runs.items():
            yield [*run.keys().values(), " ".join(users)]


def build(settings: Settings, published: PublishedIndex) -> Plan:
    """Expand the selected studies.

    Args:
        settings: Checked settings.
        published: The papers' numbers, to stand next to ours.

    Returns:
        The plan; a run named by several items appears once.

    Raises:
        ConfigError: A study names something that does not exist, or leaves a part of a run open.
    """
    plan, printed = Plan(published=published), Printed(published, largest_sizes(published))
    users: dict[Run, list[str]] = {}
    recorded: dict[Run, list[str]] = {}
    for study_id in settings.selected:
        study = settings.studies[study_id]
        for item_id, item in study.tables.items():
            where = f"config/studies/{study_id}.yaml: key 'tables.{item_id}"
            _check_cell_keys(item, where)
            if item.kind in WITHOUT_RUNS:
                describe = table_of_models if item.kind in OF_MODELS else table_of_datasets
                plan.tables[study_id, item_id] = describe(settings, study_id, item_id, item, where)
                continue
            grid = _cross(settings, users, recorded, study_id, item_id, item, where)
            plan.tables[study_id, item_id] = describe_table(settings, printed, study_id, item_id, item, grid)
        for item_id, item in study.figures.items():
            where = f"config/studies/{study_id}.yaml: key 'figures.{item_id}"
            _check_cell_keys(item, where)
            if item.kind in WITHOUT_RUNS:
                draw = figure_of_models if item.kind in OF_MODELS else figure_of_datasets
                plan.figures[study_id, item_id] = draw(settings, study_id, item_id, item, where)
                continue
            grid = _cross(settings, users, recorded, study_id, item_id, item, where)
            plan.figures[study_id, item_id] = describe_figure(settings, printed, study_id, item_id, item, grid)
    plan.runs = {run: users[run] for run in sorted(users)}
    plan.recorded = {run: recorded[run] for run in sorted(recorded) if run not in users}
    plan.figures = _share_labels(plan.figures)
    return plan


def _cross(
    settings: Settings,
    users: dict[Run, list[str]],
    recorded: dict[Run, list[str]],
    study_id: str,
    item_id: str,
    item: Item,
    where: str,
) -> Grid:
    """Return the grid of an item, and note that the item uses its runs, or shows them from the record."""
    grid = make_grid(settings, settings.studies[study_id], item, where)
    _check_kind(settings, item, grid, where)
    for noted, runs in (
        (users, (*grid.computed, *source_runs(settings, grid.computed))),
        (recorded, grid.recorded),
    ):
        for run in dict.fromkeys(runs):
            noted.setdefault(run, []).append(f"{study_id}/{item_id}")
    return grid


def _share_labels(figures: Mapping[tuple[str, str], PlannedFigure]) -> dict[tuple[str, str], PlannedFigure]:
    """Return figures that know the labels of all figures of their study, so that a label has one colour everywhere."""
    groups: dict[tuple[str, bool], list[list[str]]] = {}
    for (study, _), figure in figures.items():
        groups.setdefault((study, figure.kind in WITHOUT_RUNS), []).append(figure.labels)
    return {
        (study, item): figure.model_copy(update={"study_labels": groups[study, figure.kind in WITHOUT_RUNS]})
        for (study, item), figure in figures.items()
    }


def citations(settings: Settings, plan: Plan, study_id: str) -> list[str]:
    """Return the BibTeX keys behind a study: its paper, its datasets in the order of its items, and the software."""
    data = (key for item in plan.of_study(study_id) for dataset in item.datasets.values() for key in dataset.citation)
    return list(dict.fromkeys((*settings.studies[study_id].citation, *data, *SOFTWARE)))


def _check_cell_keys(item: Item, where: str) -> None:
    """Check that cells have no key that only other kinds read: it would have no effect."""
    cells = (item.defaults, *item.columns, *(cell for row in item.rows for cell in (row, *(row.cells or ()))))
    given = {key for cell in cells for key in cell.model_fields_set}
    for key in sorted(given & set(CELL_KEYS.values()) - {CELL_KEYS.get(item.kind)}):
        readers = ", ".join(kind for kind, read in CELL_KEYS.items() if read == key)
        raise ConfigError(
            f"{where}.kind': {item.kind} does not read the key '{key}' of its cells, which is for {readers}. Remove "
            "the key, or correct the kind."
        )


def _check_kind(settings: Settings, item: Item, grid: Grid, where: str) -> None:
    """Check that an item shows recorded runs only where it can, and that its protocols compute what its kind shows."""
    if grid.recorded and item.kind != SHOWS_RECORDED:
        raise ConfigError(
            f"{where}.kind': {item.kind} cannot show recorded runs, such as {grid.recorded[0].path}. Remove the key "
            f"'recorded' from its cells, or make it a table of the kind {SHOWS_RECORDED}."
        )
    needed = PROTOCOL_NEEDS.get(item.kind)
    for run in grid.runs:
        if needed and not settings.protocol(run.protocol).switches_on(needed):
            raise ConfigError(
                f"{where}.kind': {item.kind} shows what protocol '{run.protocol}' does not compute. Set its key "
                f"'{needed}', or name another protocol."
            )
