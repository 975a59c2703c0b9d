"""What tables and figures of runs show: their cells with published values, sizes and captions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict

from elemflow.config.load import Settings
from elemflow.config.outlines import count_parameters
from elemflow.config.study import Item
from elemflow.core.errors import ConfigError
from elemflow.plan.grid import Grid, GridCell, check_single, property_of, source_runs
from elemflow.plan.items import (
    CellNames,
    DatasetAbout,
    Label,
    PlannedCell,
    PlannedFigure,
    PlannedItem,
    PlannedPanel,
    PlannedSeries,
    PlannedTable,
    ProtocolScale,
)
from elemflow.plan.labels import make_labels
from elemflow.plan.published import (
    MAE,
    QUANTITIES,
    PublishedIndex,
    PublishedValue,
    Question,
    check_printed,
    lookup,
    same_unit,
)

PARAMETERS = "parameters"
"""The quantity that follows from the declaration of a network."""


@dataclass(frozen=True)
class Printed:
    """The papers' numbers, and of how many materials they are; see `elemflow.plan.published`."""

    index: PublishedIndex
    sizes: Mapping[tuple[str, str, str], int]


class About(TypedDict):
    """Fields that tables and figures have in common; see `elemflow.plan.items.Shown`."""

    study: str
    study_title: str
    reference: str
    title: str
    kind: str
    metric: str
    datasets: dict[str, DatasetAbout]
    protocols: dict[str, str]
    scales: NotRequired[dict[str, ProtocolScale]]


def describe_table(
    settings: Settings, printed: Printed, study_id: str, item_id: str, item: Item, grid: Grid
) -> PlannedTable:
    """Return what a table of runs shows.

    Raises:
        ConfigError: Its runs are not those that its kind needs, or a published value is in another unit.
    """
    where = f"config/studies/{study_id}.yaml: key 'tables.{item_id}"
    if item.kind in CHECKS:
        CHECKS[item.kind](item, grid, where)
    along = [[cell.named for cell in line] for line in grid.cells]
    across = [[cell.named for cell in line] for line in zip(*grid.cells, strict=True)]
    units = item.kind != "quantities"
    splits = {run.protocol: settings.protocol(run.protocol).written["split"] for run in grid.runs}
    table = PlannedTable(
        **_common(settings, study_id, item, grid),
        table=item_id,
        note=item.note,
        rows=[Label(label=label) for label in make_labels(settings, grid.rows, along, units=units)],
        columns=[Label(label=label) for label in make_labels(settings, grid.columns, across)],
        cells=[
            PlannedCell.of(_describe(settings, printed, study_id, item.metric, cell), row=i, column=j)
            for i, line in enumerate(grid.cells)
            for j, cell in enumerate(line)
        ],
    )
    return table.model_copy(update={"splits": splits}) if item.kind == "comparison" else table


def describe_figure(
    settings: Settings, printed: Printed, study_id: str, item_id: str, item: Item, grid: Grid
) -> PlannedFigure:
    """Return what a figure of runs shows.

    Raises:
        ConfigError: A published value is in another unit.
    """
    panels = []
    titles = make_labels(settings, grid.rows, [[cell.named for cell in line] for line in grid.cells], units=True)
    for title, line in zip(titles, grid.cells, strict=True):
        labels = make_labels(settings, grid.columns, [[cell.named] for cell in line])
        series = [
            PlannedSeries.of(
                _describe(settings, printed, study_id, item.metric, cell),
                label=label,
                dataset_title=settings.datasets[cell.named.dataset].title,
                property_title=property_of(settings.datasets[cell.named.dataset], cell.named.property).title,
            )
            for label, cell in zip(labels, line, strict=True)
        ]
        panels.append(PlannedPanel(label=title, series=series))
    return PlannedFigure(**_common(settings, study_id, item, grid), figure=item_id, panels=panels)


def about(settings: Settings, study_id: str, item: Item, datasets: Iterable[str]) -> About:
    """Return what captions say of an item, without protocols."""
    study = settings.studies[study_id]
    return {
        "study": study_id,
        "study_title": study.title,
        "reference": study.reference,
        "title": item.title,
        "kind": item.kind,
        "metric": item.metric,
        "datasets": {name: about_dataset(settings, name) for name in datasets},
        "protocols": {},
    }


def about_dataset(settings: Settings, name: str) -> DatasetAbout:
    """Return what captions say of a dataset."""
    dataset = settings.datasets[name]
    return DatasetAbout(
        title=dataset.title,
        citation=dataset.citation,
        license=dataset.license,
        version=dataset.version,
        published_size=dataset.published_size,
    )


def _common(settings: Settings, study_id: str, item: Item, grid: Grid) -> About:
    runs = grid.runs
    datasets = [run.dataset for run in (*runs, *source_runs(settings, runs))]
    protocols = {run.protocol: settings.protocol(run.protocol) for run in runs}
    scales = {
        name: ProtocolScale(
            max_materials=protocol.split.reductions.max_materials,
            max_epochs=protocol.training.max_epochs if protocol.training else None,
            members=protocol.split.n_trainings,
            drawn_tests=protocol.n_random_test_sets,
            tests=protocol.split.test_sets,
            set_of_train_rows=protocol.split.set_of_train_rows,
            reduced=protocol.reduced,
        )
        for name, protocol in protocols.items()
    }
    described = {name: protocol.describe() for name, protocol in protocols.items()}
    return {**about(settings, study_id, item, datasets), "protocols": described, "scales": scales}


def _describe(settings: Settings, printed: Printed, study_id: str, metric: str, cell: GridCell) -> PlannedItem:
    """Describe one crossing: the run, its unit, and the value that the paper prints for it."""
    run, named, keys = cell.run, cell.named, cell.keys
    unit = property_of(settings.datasets[run.dataset], run.property).unit
    if keys.quantity is not None:
        unit = QUANTITIES[keys.quantity].unit
    # Another error of the same materials, or one that the paper does not print, has the size of what it prints.
    set_of = (study_id, keys.published_dataset or named.dataset, named.property)
    size = printed.sizes.get(set_of, settings.datasets[named.dataset].published_size.get(study_id))
    found = _find_published(settings, printed, study_id, metric, cell)
    if found and keys.quantity is None and not cell.missing and not same_unit(found.unit, unit):
        raise ConfigError(
            f"config/studies/{study_id}.yaml: the value of {found.source} for {run.path} is in {found.unit}, "
            f"property '{run.property}' of dataset '{run.dataset}' in {unit}. Give the property the "
            "printed unit, or leave `published_table` out."
        )
    return PlannedItem(
        **run.keys(),
        run=run.path,
        missing=cell.missing,
        named=CellNames(dataset=named.dataset, property=named.property),
        unit=found.unit if found and cell.missing and keys.quantity is None else unit,
        **({} if keys.level is None else {"level": keys.level}),
        **({} if keys.quantity is None else {"quantity": keys.quantity}),
        **_count(settings, cell),
        **({} if keys.setting is None else {"setting": keys.setting}),
        **({} if keys.inputs is None else {"inputs": keys.inputs}),
        published=found and found.value,
        published_text=found and found.text,
        published_source=found and found.source,
        published_note=found.note if found else "",
        published_line=found and found.line,
        margin=found and found.margin,
        **({} if keys.published_model is None else {"reproduces": False}),
        published_size=(found and found.size) or size,
    )


def _count(settings: Settings, cell: GridCell) -> dict[str, int]:
    """Return the field `counted` of a cell that shows the parameters of a network, if its declaration gives them."""
    if cell.keys.quantity != PARAMETERS or cell.keys.listed is not None:
        return {}
    counted = count_parameters(settings.models[cell.run.model], cell.run.representation)
    return {} if counted is None else {"counted": counted}


def _find_published(
    settings: Settings, printed: Printed, study_id: str, metric: str, cell: GridCell
) -> PublishedValue | None:
    """Return the value that the paper prints for a crossing; None if it prints none."""
    run, keys, where = cell.run, cell.keys, f"config/studies/{study_id}.yaml"
    own = None if keys.listed is not None else settings.models[run.model].published
    model, depth = (own.model, own.depth) if own else (None, None)
    if keys.published_model is not None:
        model, depth = check_single("published_model", keys.published_model, where), None
    if model is None or keys.published_table is None:
        return None
    question = _question(study_id, cell, model)
    found = lookup(
        printed.index,
        question,
        depth=depth,
        size=keys.published_size,
        row=keys.published_row,
        metric=MAE if keys.quantity is not None else metric,
    )
    if not found and printed.index:
        check_printed(printed.index, question, keys, where)
    return found


def _question(study_id: str, cell: GridCell, model: str) -> Question:
    keys = cell.keys
    return Question(
        study=keys.published_study or study_id,
        table=keys.published_table or "",
        dataset=keys.published_dataset or cell.named.dataset,
        property=keys.quantity or cell.named.property,
        representation=cell.run.representation,
        model=model,
    )


def _check_comparison(item: Item, grid: Grid, where: str) -> None:
    """Check that a comparison has what its tests need: models evaluated on the same materials by absolute errors."""
    if item.metric != "mae":
        raise ConfigError(f"{where}.metric': found {item.metric}. Allowed for a comparison: mae.")
    if len(grid.columns) == 1:
        raise ConfigError(
            f"{where}.columns': one column, and a comparison needs two: the model in question comes first."
        )
    for i, row in enumerate(grid.cells):
        if len({(cell.run.dataset, cell.run.property, cell.run.protocol) for cell in row}) > 1:
            raise ConfigError(
                f"{where}', row {i + 1}: its runs differ in dataset, property or protocol, so that they are not "
                "tested on the same materials. Compare models or representations within a row."
            )


def _check_quantities(item: Item, grid: Grid, where: str) -> None:
    """Check that each cell of a table of quantities says which it shows."""
    del item
    for i, row in enumerate(grid.cells):
        for j, cell in enumerate(row):
            if cell.keys.quantity is None:
                raise ConfigError(
                    f"{where}', row {i + 1}, column {j + 1}: no quantity is given; name one of {', '.join(QUANTITIES)} "
                    "in the row, the column or `defaults`."
                )


def _check_selection(item: Item, grid: Grid, where: str) -> None:
    """Check that each row has one run under the protocol of the paper and one that selects on the validation set."""
    del item
    for i, row in enumerate(grid.cells):
        if len(row) != 2 or len({replace(cell.run, protocol="") for cell in row}) > 1:  # noqa: PLR2004  a pair
            raise ConfigError(
                f"{where}', row {i + 1}: a table of selection on the test set has two columns, the protocol of the "
                "paper and one that selects on the validation set, and the cells of a row differ in nothing else."
            )


def _check_stability(item: Item, grid: Grid, where: str) -> None:
    """Check that all cells of a table of stability have one setting."""
    del item
    found = {cell.keys.setting for row in grid.cells for cell in row}
    if len(found) != 1 or None in found:
        raise ConfigError(
            f"{where}': its cells have the settings {', '.join(sorted(map(str, found)))}. Give one `setting` in "
            f"`defaults`: "
            "values of different settings are not comparable."
        )


CHECKS = {
    "comparison": _check_comparison,
    "stability": _check_stability,
    "quantities": _check_quantities,
    "test_set_selection": _check_selection,
}
"""What kinds of table need of their runs."""
