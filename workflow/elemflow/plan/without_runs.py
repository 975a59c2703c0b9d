"""Tables and figures that show datasets, without runs."""

from collections.abc import Iterable

from elemflow.config.kinds import NEEDS_PROPERTY
from elemflow.config.load import Settings
from elemflow.config.study import Cell, Item
from elemflow.core.errors import ConfigError
from elemflow.plan.describe import About, about
from elemflow.plan.grid import check_id, check_property, origin_of, why_missing
from elemflow.plan.items import (
    Label,
    PlannedCell,
    PlannedFigure,
    PlannedItem,
    PlannedPanel,
    PlannedSeries,
    PlannedTable,
)


def table_of_datasets(settings: Settings, study_id: str, item_id: str, item: Item, where: str) -> PlannedTable:
    """Return what a table of datasets shows.

    Raises:
        ConfigError: A cell names no dataset or property, or one that does not exist.
    """
    lines = _lines(settings, study_id, item, where)
    titles = (" · ".join(filter(None, (line[0].dataset_title, line[0].property_title))) for line in lines)
    return PlannedTable(
        **_about(settings, study_id, item, (cell for line in lines for cell in line)),
        table=item_id,
        note=item.note,
        rows=[Label(label=row.label or title) for row, title in zip(item.rows, titles, strict=True)],
        columns=[Label(label=column.label or "materials") for column in item.columns],
        cells=[PlannedCell.of(cell, row=i, column=j) for i, line in enumerate(lines) for j, cell in enumerate(line)],
    )


def figure_of_datasets(settings: Settings, study_id: str, item_id: str, item: Item, where: str) -> PlannedFigure:
    """Return what a figure of datasets shows.

    Raises:
        ConfigError: A series names no dataset or property, or one that does not exist.
    """
    lines = _lines(settings, study_id, item, where)
    panels = [
        PlannedPanel(
            label=line[0].property_title if row.label is None else row.label,
            series=[PlannedSeries.of(cell, row=i, column=j) for j, cell in enumerate(line)],
        )
        for i, (row, line) in enumerate(zip(item.rows, lines, strict=True))
    ]
    cells = (cell for line in lines for cell in line)
    return PlannedFigure(**_about(settings, study_id, item, cells), figure=item_id, panels=panels)


def _about(settings: Settings, study_id: str, item: Item, cells: Iterable[PlannedItem]) -> About:
    return about(settings, study_id, item, (cell.dataset for cell in cells if not cell.missing))


def _lines(settings: Settings, study_id: str, item: Item, where: str) -> list[list[PlannedItem]]:
    """Return the cells by row and column."""
    defaults = (settings.studies[study_id].defaults, item.defaults)
    return [
        [
            _describe(
                settings, study_id, item, Cell.merged(*defaults, row, column), column,
                f"{where}', row {i + 1}, column {j + 1}",
            )
            for j, column in enumerate(item.columns)
        ]
        for i, row in enumerate(item.rows)
    ]  # fmt: skip


def _describe(settings: Settings, study_id: str, item: Item, cell: Cell, column: Cell, place: str) -> PlannedItem:
    if cell.dataset is None:
        raise ConfigError(f"{place}: no dataset is given; name one in the row, the column or `defaults`.")
    dataset_id = check_id("dataset", cell.dataset, settings.datasets, place)
    dataset = settings.datasets[dataset_id]
    property_id = check_property(settings, dataset_id, cell.property, place) if cell.property else ""
    if not property_id and (item.kind in NEEDS_PROPERTY or dataset.has_nothing_here):
        raise ConfigError(f"{place}: no property is given; name one in the row, the column or `defaults`.")
    prop = dataset.find_property(property_id)
    read_dataset, read_property = origin_of(settings, dataset_id, property_id)
    return PlannedItem(
        unit=prop.unit if prop else "",
        dataset=read_dataset,
        property=read_property,
        label=column.label or dataset.title,
        dataset_title=dataset.title,
        property_title=prop.title if prop else "",
        published_size=cell.published_size or (None if property_id else dataset.published_size.get(study_id)),
        missing=cell.missing or why_missing(settings, read_dataset, read_property),
    )
