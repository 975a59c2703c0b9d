"""Tables and figures that show networks, without runs and without data."""

from elemflow.config.load import Settings
from elemflow.config.outlines import outline_of
from elemflow.config.study import Cell, Item
from elemflow.core.errors import ConfigError
from elemflow.plan.describe import about
from elemflow.plan.grid import check_id
from elemflow.plan.items import (
    Label,
    PlannedCell,
    PlannedFigure,
    PlannedItem,
    PlannedPanel,
    PlannedSeries,
    PlannedTable,
)


def table_of_models(settings: Settings, study_id: str, item_id: str, item: Item, where: str) -> PlannedTable:
    """Return what a table of networks shows.

    Raises:
        ConfigError: A cell names no network, or one that does not exist.
    """
    lines = _lines(settings, study_id, item, where)
    return PlannedTable(
        **about(settings, study_id, item, ()),
        table=item_id,
        note=item.note,
        rows=[Label(label=row.label or "") for row in item.rows],
        columns=[Label(label=cell.label) for cell in lines[0]],
        cells=[PlannedCell.of(cell, row=i, column=j) for i, line in enumerate(lines) for j, cell in enumerate(line)],
    )


def figure_of_models(settings: Settings, study_id: str, item_id: str, item: Item, where: str) -> PlannedFigure:
    """Return what a figure of networks shows.

    Raises:
        ConfigError: A series names no network, or one that does not exist.
    """
    lines = _lines(settings, study_id, item, where)
    panels = [
        PlannedPanel(
            label=row.label or "", series=[PlannedSeries.of(cell, row=i, column=j) for j, cell in enumerate(line)]
        )
        for i, (row, line) in enumerate(zip(item.rows, lines, strict=True))
    ]
    return PlannedFigure(**about(settings, study_id, item, ()), figure=item_id, panels=panels)


def _lines(settings: Settings, study_id: str, item: Item, where: str) -> list[list[PlannedItem]]:
    """Return the cells by row and column."""
    defaults = (settings.studies[study_id].defaults, item.defaults)
    return [
        [
            _describe(settings, Cell.merged(*defaults, row, column), f"{where}', row {i + 1}, column {j + 1}")
            for j, column in enumerate(item.columns)
        ]
        for i, row in enumerate(item.rows)
    ]


def _describe(settings: Settings, cell: Cell, place: str) -> PlannedItem:
    if not isinstance(cell.model, str) or not isinstance(cell.representation, str):
        raise ConfigError(f"{place}: no model or no representation is given; a drawing needs one of each.")
    name = check_id("model", cell.model, settings.models, place)
    model = settings.models[name]
    return PlannedItem(
        dataset="",
        model=name,
        representation=cell.representation,
        label=cell.label or model.title or name,
        outline=outline_of(name, model, cell.representation, place),
    )
