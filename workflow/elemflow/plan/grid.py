"""Runs and grids: the rows and columns of a table or figure, crossed into runs that exist and whose keys fit."""

import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from elemflow.config.dataset import Dataset, Property
from elemflow.config.kinds import parts_of
from elemflow.config.load import Settings
from elemflow.config.model import NetworkModel, NetworkSearchModel
from elemflow.config.network_search import check_search
from elemflow.config.pretraining import source_protocol_id, target_of
from elemflow.config.protocol import Protocol
from elemflow.config.study import Cell, Item, OneOrMany, Study
from elemflow.config.variations import split_changes
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.run import RUN_KEYS, Run
from elemflow.plan.run_checks import check_members, check_structures


def source_run(settings: Settings, run: Run) -> Run | None:
    """Return the run that the networks of a run start from; None if they start from random weights.

    Raises:
        ConfigError: The run is to be pre-trained, and its model has no weights or not the same ones on every set.
    """
    declared = settings.protocol(run.protocol).pretraining
    if declared is None:
        return None
    model = settings.models[run.model]
    if not isinstance(model, NetworkModel):
        raise ConfigError(
            f"protocol '{run.protocol}' starts from the weights of a pre-training run, and model '{run.model}' is no "
            "network. Use it with networks, or name a protocol without `pretraining`."
        )
    if model.spec.depends_on_size:
        raise ConfigError(
            f"protocol '{run.protocol}' starts from the weights of a pre-training run, and the widths of model "
            f"'{run.model}' depend on the number of training rows (`spec.by_training_size`), so those weights may not "
            "fit. Use it with a network of one width, or name a protocol without `pretraining`."
        )
    name = source_protocol_id(settings.protocols, (run.dataset, run.property, run.protocol))
    return Run(declared.dataset, declared.property, run.representation, run.model, name)


def source_runs(settings: Settings, runs: Iterable[Run]) -> list[Run]:
    """Return the runs that the networks of `runs` start from."""
    return [source for source in (source_run(settings, run) for run in runs) if source]


@dataclass(frozen=True)
class GridCell:
    """A crossing of a row and a column.

    Attributes:
        run: The run.
        named: The run as the study names it; its data may be another dataset's.
        keys: All keys that hold there.
        missing: Why there are no data; empty if there are.
    """

    run: Run
    named: Run
    keys: Cell
    missing: str


@dataclass(frozen=True)
class Grid:
    """Rows and columns of a table or figure, crossed.

    Attributes:
        rows: Keys of each row.
        columns: Keys of each column.
        cells: The crossings, by row and column.
    """

    rows: tuple[Cell, ...]
    columns: tuple[Cell, ...]
    cells: list[list[GridCell]]

    @builtins.property
    def runs(self) -> list[Run]:
        """Every run of the grid whose data are at hand."""
        return [cell.run for row in self.cells for cell in row if not cell.missing]

    @builtins.property
    def computed(self) -> list[Run]:
        """Those of them that are computed."""
        return [cell.run for row in self.cells for cell in row if not cell.missing and not cell.keys.recorded]

    @builtins.property
    def recorded(self) -> list[Run]:
        """Those of them that are shown from the record and not computed."""
        return [cell.run for row in self.cells for cell in row if not cell.missing and cell.keys.recorded]


def make_grid(settings: Settings, study: Study, item: Item, where: str) -> Grid:
    """Cross the rows and columns of an item.

    Args:
        settings: Checked settings.
        study: The study, for its `defaults`.
        item: The table or figure.
        where: How messages call the item; an open quotation mark of a key.

    Raises:
        ConfigError: A crossing does not name one whole, existing run.
    """
    table = Cell(published_table=item.published_table) if item.published_table is not None else Cell()
    cells = []
    for i, row in enumerate(item.rows):
        own = (Cell(),) * len(item.columns) if row.cells is None else row.cells
        if len(own) != len(item.columns):
            raise ConfigError(f"{where}.rows[{i}].cells': found {len(own)} cells for {len(item.columns)} columns.")
        line = []
        for j, (column, keys) in enumerate(zip(item.columns, own, strict=True)):
            cell = Cell.merged(study.defaults, table, item.defaults, row, column, keys)
            line.append(_cross(settings, cell, f"{where}', row {i + 1}, column {j + 1}"))
        cells.append(line)
    return Grid(item.rows, item.columns, cells)


def _cross(settings: Settings, declared: Cell, place: str) -> GridCell:
    cell = vary(settings, _of_others(declared), place)
    named = _check_keys(cell, place)
    run = _run(settings, cell, named, place)
    sources = [] if cell.listed else source_runs(settings, [run])
    reasons = [cell.missing, *(why_missing(settings, each.dataset, each.property) for each in (run, *sources))]
    return GridCell(run, named, cell, next(filter(None, reasons), ""))


def _of_others(cell: Cell) -> Cell:
    """Return a cell that lists a result of others as one without a run."""
    if cell.listed is None:
        return cell
    missing = cell.missing or "results of others, not computed here"
    changes = {"model": cell.listed, "protocol": "", "published_model": cell.listed, "missing": missing}
    return cell.model_copy(update=changes)


def vary(settings: Settings, cell: Cell, where: str) -> Cell:
    """Return a cell whose protocol and model are the variations that its `with` names.

    Raises:
        ConfigError: `with` names a key that does not exist, or a value that is not allowed.
    """
    if not cell.variations or cell.listed is not None:
        return cell
    lists = [key for key, value in cell.variations.items() if isinstance(value, list)]
    if lists:
        raise ConfigError(f"{where}: key 'with.{lists[0]}': a list belongs in rows, columns or cells.")
    of_protocol, of_model = split_changes(cell.variations, f"{where}: key 'with'")
    varied = {}
    if of_protocol and isinstance(cell.protocol, str):
        check_id("protocol", cell.protocol, settings.protocols, where)
        varied["protocol"] = settings.protocols.name(cell.protocol, of_protocol, f"{where}: key 'with'")
    if of_model and isinstance(cell.model, str):
        check_id("model", cell.model, settings.models, where)
        varied["model"] = settings.models.name(cell.model, of_model, f"{where}: key 'with'")
    return cell.model_copy(update=varied)


def _check_keys(cell: Cell, where: str) -> Run:
    """Return the run that a cell names, all of it, and once."""
    found = {}
    for key in RUN_KEYS:
        value = cell.get(key)
        if value is None:
            raise ConfigError(f"{where}: no {key} is given; name one in the row, the column or `defaults`.")
        if not isinstance(value, str):
            raise ConfigError(f"{where}: a list of {key} values belongs in rows or columns, not in `defaults`.")
        found[key] = value
    return Run(**found)


def _run(settings: Settings, cell: Cell, named: Run, where: str) -> Run:
    check_id("dataset", named.dataset, settings.datasets, where)
    if cell.listed is None:
        check_id("model", named.model, settings.models, where)
        if not _is_source(settings, named, where):
            check_id("protocol", named.protocol, settings.protocols, where)
    if not cell.missing:
        check_property(settings, named.dataset, named.property, where)
    try:
        parts_of(named.representation)
    except ConfigError as error:
        raise ConfigError(f"{where}: representation '{named.representation}': {error}") from None
    dataset, property_id = origin_of(settings, named.dataset, named.property)
    run = replace(named, dataset=dataset, property=property_id)
    if cell.listed is not None:
        return run
    try:
        source = source_run(settings, run)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    for each in filter(None, (run, source)):
        _check_run(settings, each, where)
    if not cell.missing:  # such a cell trains nothing
        check_members(run, settings.models[run.model], settings.protocol(run.protocol), where)
    return run


def origin_of(settings: Settings, dataset_id: str, property_id: str) -> tuple[str, str]:
    """Return the dataset and the property that are read where a study names these."""
    elsewhere = settings.datasets[dataset_id].read_from.get(property_id)
    return (elsewhere.dataset, elsewhere.property) if elsewhere else (dataset_id, property_id)


def _check_run(settings: Settings, run: Run, where: str) -> None:
    """Check that the keys of a run fit each other."""
    model, protocol = settings.models[run.model], settings.protocol(run.protocol)
    _check_protocol(settings, run, protocol, where)
    check_structures(run, settings.datasets[run.dataset], where)
    if not isinstance(model, NetworkModel):
        return
    if protocol.training is None:
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' has no key 'training', which the network '{run.model}' needs. Use it "
            "with estimators, or name another protocol."
        )
    if isinstance(model, NetworkSearchModel):
        check_search(run.model, model, protocol, where)
    scaled = protocol.scaling_of(parts_of(run.representation))
    model.spec.check_representation(run.representation, scaled, f"{where}: model '{run.model}'")


def check_single(key: str, value: OneOrMany, where: str) -> str:
    """Return a value; refuse a list under `key` where nothing is crossed with it."""
    if isinstance(value, str):
        return value
    raise ConfigError(
        f"{where}: key '{key}' is a list ({', '.join(value)}), which makes rows or columns in `rows` and "
        "`columns` alone. Move it there, or name one."
    )


def check_id(key: str, value: OneOrMany, known: Mapping[str, object], where: str) -> str:
    """Return an id; refuse one under `key` that is not among `known`."""
    name = check_single(key, value, where)
    if name not in known:
        raise ConfigError(f"{where}: unknown {key} '{name}'. Known: {', '.join(known)}.{nearest(name, known)}")
    return name


def _is_source(settings: Settings, run: Run, where: str) -> bool:
    """Return whether a pre-training run is named by its derived id, and check that its data are those."""
    target = target_of(settings.protocols, run.protocol)
    declared = settings.protocols[target[-1]].pretraining if target else None
    if target is None or declared is None:
        return False
    for key, value, found in (
        ("dataset", declared.dataset, run.dataset), ("property", declared.property, run.property),
    ):  # fmt: skip
        if found != value:
            raise ConfigError(f"{where}: protocol '{run.protocol}' trains on the {key} {value}, not {found}.")
    check_id("dataset", target[0], settings.datasets, f"{where}: protocol '{run.protocol}'")
    check_property(settings, target[0], target[1], f"{where}: protocol '{run.protocol}'")
    return True


def check_property(settings: Settings, dataset_id: str, property_id: OneOrMany, where: str) -> str:
    """Return the id of a property; refuse one that a dataset does not declare."""
    name, dataset = check_single("property", property_id, where), settings.datasets[dataset_id]
    if dataset.find_property(name) is None:
        raise ConfigError(
            f"{where}: dataset '{dataset_id}' has no property '{name}'. "
            f"Known: {', '.join(dataset.properties) or 'none'}.{nearest(name, dataset.properties)}"
        )
    return name


def why_missing(settings: Settings, dataset_id: str, property_id: str) -> str:
    """Return why there are no data, in the words of the dataset's declaration; empty if there are."""
    dataset = settings.datasets[dataset_id]
    absent = dataset.missing_properties.get(property_id)
    return dataset.missing or (absent.reason if absent else "")


def _check_protocol(settings: Settings, run: Run, protocol: Protocol, where: str) -> None:
    """Check that a dataset has what the protocol needs of it."""
    dataset = settings.datasets[run.dataset]
    if protocol.clip_predictions is True and property_of(dataset, run.property).minimum is None:
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' clips predictions, but property '{run.property}' of dataset "
            f"'{run.dataset}' declares no `minimum`. Declare one, or use a protocol without `clip_predictions`."
        )
    column, kept = getattr(protocol.split, "column", None), dataset.columns.splits
    if column is not None and column not in kept:
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' splits by the column '{column}', which dataset "
            f"'{run.dataset}' does not keep. Kept (columns.splits): {', '.join(kept) or 'none'}."
            f"{nearest(column, kept)}"
        )


def property_of(dataset: Dataset, property_id: str) -> Property:
    """Return the declaration of a property; that of a cell without data may lack one."""
    found = dataset.find_property(property_id)
    return found or Property(title=property_id.replace("_", " ").capitalize(), unit="1")
