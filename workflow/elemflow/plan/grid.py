"""Runs and grids: the rows and columns of a table or figure, crossed into runs that exist and whose keys fit."""

import builtins
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elemflow.config.kinds import parts_of
from elemflow.config.load import PlainSettings as Settings
from elemflow.config.pretraining import source_protocol_id, target_of
from elemflow.config.protocol import scaling_of
from elemflow.config.variations import (
    flatten,
    split_changes,
)
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.run import RUN_KEYS, Run
from elemflow.networks.families.registry import read_spec


def source_run(settings: Settings, run: Run) -> Run | None:
    """Return the run that the networks of a run start from; None if they start from random weights.

    Raises:
        ConfigError: The run is to be pre-trained, and its model has no weights or not the same ones on every set.
    """
    declared = settings.protocol(run.protocol).get("pretraining")
    if declared is None:
        return None
    model = settings.models[run.model]
    if model.get("kind") != "network":
        raise ConfigError(
            f"protocol '{run.protocol}' starts from the weights of a pre-training run, and model '{run.model}' is no "
            "network. Use it with networks, or name a protocol without `pretraining`."
        )
    if model.get("spec", {}).get("by_training_size"):
        raise ConfigError(
            f"protocol '{run.protocol}' starts from the weights of a pre-training run, and the widths of model "
            f"'{run.model}' depend on the number of training rows (`spec.by_training_size`), so those weights may not "
            "fit. Use it with a network of one width, or name a protocol without `pretraining`."
        )
    name = source_protocol_id(settings.protocols, (run.dataset, run.property, run.protocol))
    return Run(declared["dataset"], declared["property"], run.representation, run.model, name)


def source_runs(settings: Settings, runs: Iterable[Run]) -> list[Run]:
    """Return the runs that the networks of `runs` start from."""
    return [source for source in (source_run(settings, run) for run in runs) if source]


@dataclass(frozen=True)
class Grid:
    """Rows and columns of a table or figure, crossed.

    Attributes:
        rows: Keys of each row, without its `cells`.
        columns: Keys of each column.
        cells: For each row and column the run, and all keys that hold there; `missing` says why there are no data.
    """

    rows: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    cells: list[list[tuple[Run, dict[str, Any]]]]

    @builtins.property
    def runs(self) -> list[Run]:
        """Every run of the grid whose data are at hand."""
        return [run for row in self.cells for run, cell in row if not cell["missing"]]


def make_grid(settings: Settings, study: Mapping[str, Any], item: Mapping[str, Any], where: str) -> Grid:
    """Cross the rows and columns of an item.

    Args:
        settings: Checked settings.
        study: Declaration of the study, for its `defaults`.
        item: Declaration of the table or figure.
        where: How messages call the item; an open quotation mark of a key.

    Raises:
        ConfigError: A crossing does not name one whole, existing run.
    """
    rows, columns = list(expand(item["rows"])), list(expand(item["columns"]))
    table = {"published_table": item["published_table"]} if "published_table" in item else {}
    base = {"missing": ""} | study.get("defaults", {}) | table | item.get("defaults", {})
    cells = []
    for i, row in enumerate(rows):
        own = list(expand(row.pop("cells", [{}] * len(columns))))
        if len(own) != len(columns):
            raise ConfigError(f"{where}.rows[{i}].cells': found {len(own)} cells for {len(columns)} columns.")
        line = []
        for j, (column, keys) in enumerate(zip(columns, own, strict=True)):
            place = f"{where}', row {i + 1}, column {j + 1}"
            cell = vary(settings, _of_others(_merged(base, row, column, keys)), place)
            run = _run(settings, cell, place)
            sources = [] if "listed" in cell else source_runs(settings, [run])
            needed = [(each.dataset, each.property) for each in (run, *sources)]
            reasons = [cell["missing"], *(why_missing(settings, dataset, name) for dataset, name in needed)]
            line.append((run, cell | {"missing": next(filter(None, reasons), "")}))
        cells.append(line)
    return Grid(rows, columns, cells)


def _merged(*levels: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a cell; those of later levels replace earlier ones, also within `with`."""
    changes = {key: value for level in levels for key, value in flatten(level.get("with", {})).items()}
    return {key: value for level in levels for key, value in level.items()} | ({"with": changes} if changes else {})


def _of_others(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell that lists a result of others as one without a run."""
    if "listed" not in cell:
        return cell
    missing = cell["missing"] or "results of others, not computed here"
    return cell | {"model": cell["listed"], "protocol": "", "published_model": cell["listed"], "missing": missing}


def vary(settings: Settings, cell: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a cell whose protocol and model are the variations that its `with` names.

    Raises:
        ConfigError: `with` names a key that does not exist, or a value that is not allowed.
    """
    changes = cell.get("with")
    if not changes or "listed" in cell:
        return dict(cell)
    lists = [key for key, value in changes.items() if isinstance(value, list)]
    if lists:
        raise ConfigError(f"{where}: key 'with.{lists[0]}': a list belongs in rows, columns or cells.")
    of_protocol, of_model = split_changes(changes, f"{where}: key 'with'")
    varied = dict(cell)
    if of_protocol and isinstance(cell.get("protocol"), str):
        check_id(cell, "protocol", settings.protocols, where)
        varied["protocol"] = settings.protocols.name(cell["protocol"], of_protocol, f"{where}: key 'with'")
    if of_model and isinstance(cell.get("model"), str):
        check_id(cell, "model", settings.models, where)
        varied["model"] = settings.models.name(cell["model"], of_model, f"{where}: key 'with'")
    return varied


def expand(axis: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one entry per combination of the lists in an entry of a grid's side, those under `with` included."""
    for entry in axis:
        changes = flatten(entry.get("with", {}))
        lists = {("", key): value for key, value in entry.items() if isinstance(value, list) and key != "cells"}
        lists |= {("with", key): value for key, value in changes.items() if isinstance(value, list)}
        for values in itertools.product(*lists.values()):
            chosen = dict(zip(lists, values, strict=True))
            own = {**entry, **{key: value for (above, key), value in chosen.items() if not above}}
            if changes:
                own["with"] = changes | {key: value for (above, key), value in chosen.items() if above}
            yield _labelled(own)


def _labelled(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry whose label shows its variations, where it has places for them such as `{train_rows:,}`."""
    if "with" not in entry or "{" not in entry.get("label", ""):
        return entry
    values = {path.rpartition(".")[2]: value for path, value in entry["with"].items()}
    try:
        return entry | {"label": entry["label"].format(**values)}
    except (KeyError, ValueError, IndexError):
        raise ConfigError(
            f"label '{entry['label']}': cannot be filled in. The keys of its `with`: {', '.join(values)}."
        ) from None


def _check_keys(cell: Mapping[str, Any], where: str) -> None:
    """Check that a cell names all of a run, and once."""
    for key in RUN_KEYS:
        if key not in cell:
            raise ConfigError(f"{where}: no {key} is given; name one in the row, the column or `defaults`.")
        if not isinstance(cell[key], str):
            raise ConfigError(f"{where}: a list of {key} values belongs in rows or columns, not in `defaults`.")


def _run(settings: Settings, cell: Mapping[str, Any], where: str) -> Run:
    _check_keys(cell, where)
    named = (("dataset", settings.datasets), ("model", settings.models), ("protocol", settings.protocols))
    for key, known in named[:1] if "listed" in cell else named:
        if key != "protocol" or not _is_source(settings, cell, where):
            check_id(cell, key, known, where)
    if not cell["missing"]:
        check_property(settings, cell, where)
    try:
        parts_of(cell["representation"])
    except ConfigError as error:
        raise ConfigError(f"{where}: representation '{cell['representation']}': {error}") from None
    run = replace(named_run(cell), **origin_of(settings, cell["dataset"], cell["property"]))
    if "listed" in cell:
        return run
    try:
        source = source_run(settings, run)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    for each in filter(None, (run, source)):
        _check_run(settings, each, where)
    return run


def named_run(cell: Mapping[str, Any]) -> Run:
    """Return the run as a study names it; its data may be another dataset's."""
    return Run.of(cell)


def origin_of(settings: Settings, dataset_id: str, property_id: str) -> dict[str, str]:
    """Return the dataset and the property that are read where a study names these."""
    elsewhere = settings.datasets[dataset_id].get("read_from", {}).get(property_id)
    found = elsewhere or {"dataset": dataset_id, "property": property_id}
    return {key: found[key] for key in ("dataset", "property")}


def _check_run(settings: Settings, run: Run, where: str) -> None:
    """Check that the keys of a run fit each other."""
    model, protocol = settings.models[run.model], settings.protocol(run.protocol)
    _check_protocol(settings, run, protocol, where)
    if model.get("kind") == "network" and "split" in protocol and "training" not in protocol:
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' has no key 'training', which the network '{run.model}' needs. Use it "
            "with estimators, or name another protocol."
        )
    if "spec" in model:
        scaled = (
            {} if "pretraining" in protocol else scaling_of(protocol.get("scaling", {}), parts_of(run.representation))
        )
        read_spec(model["spec"]).check_representation(run.representation, scaled, f"{where}: model '{run.model}'")


def check_single(cell: Mapping[str, Any], key: str, where: str) -> None:
    """Refuse a list under `key` where nothing is crossed with it."""
    if not isinstance(cell[key], str):
        raise ConfigError(
            f"{where}: key '{key}' is a list ({', '.join(cell[key])}), which makes rows or columns in `rows` and "
            "`columns` alone. Move it there, or name one."
        )


def check_id(cell: Mapping[str, Any], key: str, known: Mapping[str, Any], where: str) -> None:
    """Refuse an id under `key` that is not among `known`."""
    check_single(cell, key, where)
    if cell[key] not in known:
        raise ConfigError(
            f"{where}: unknown {key} '{cell[key]}'. Known: {', '.join(known)}.{nearest(cell[key], known)}"
        )


def _is_source(settings: Settings, cell: Mapping[str, Any], where: str) -> bool:
    """Return whether a cell names a pre-training run by its derived id, and check that its data are those."""
    target = target_of(settings.protocols, cell["protocol"])
    if target is None:
        return False
    declared = settings.protocols[target[-1]]["pretraining"]
    for key, value in (("dataset", declared["dataset"]), ("property", declared["property"])):
        if cell[key] != value:
            raise ConfigError(f"{where}: protocol '{cell['protocol']}' trains on the {key} {value}, not {cell[key]}.")
    check_id({"dataset": target[0]}, "dataset", settings.datasets, f"{where}: protocol '{cell['protocol']}'")
    check_property(settings, {"dataset": target[0], "property": target[1]}, f"{where}: protocol '{cell['protocol']}'")
    return True


def check_property(settings: Settings, cell: Mapping[str, Any], where: str) -> None:
    """Refuse a property that the dataset of a cell does not declare."""
    check_single(cell, "property", where)
    dataset = settings.datasets[cell["dataset"]]
    properties = dataset["properties"]
    if cell["property"] not in all_properties(dataset):
        raise ConfigError(
            f"{where}: dataset '{cell['dataset']}' has no property '{cell['property']}'. "
            f"Known: {', '.join(properties) or 'none'}.{nearest(cell['property'], properties)}"
        )


def all_properties(dataset: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every property of a dataset, also those without data and those of another dataset."""
    return dataset["properties"] | dataset["missing_properties"] | dataset.get("read_from", {})


def why_missing(settings: Settings, dataset_id: str, property_id: str) -> str:
    """Return why there are no data, in the words of the dataset's declaration; empty if there are."""
    dataset = settings.datasets[dataset_id]
    return dataset.get("missing") or dataset["missing_properties"].get(property_id, {}).get("reason", "")


def _check_protocol(settings: Settings, run: Run, protocol: Mapping[str, Any], where: str) -> None:
    """Check that a dataset has what the protocol needs of it."""
    dataset = settings.datasets[run.dataset]
    if protocol.get("clip_predictions") is True and "minimum" not in property_of(settings, run):
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' clips predictions, but property '{run.property}' of dataset "
            f"'{run.dataset}' declares no `minimum`. Declare one, or use a protocol without `clip_predictions`."
        )
    split, kept = protocol.get("split", {}), dataset.get("columns", {}).get("splits", [])
    if split.get("scheme") == "column" and split["column"] not in kept:
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' splits by the column '{split['column']}', which dataset "
            f"'{run.dataset}' does not keep. Kept (columns.splits): {', '.join(kept) or 'none'}."
            f"{nearest(split['column'], kept)}"
        )


def property_of(settings: Settings, run: Run) -> Mapping[str, Any]:
    """Return the declaration of a run's property; that of a cell without data may lack one."""
    undeclared = {"title": run.property.replace("_", " ").capitalize(), "unit": "1"}
    dataset = settings.datasets[run.dataset]
    return all_properties(dataset).get(run.property, undeclared)
