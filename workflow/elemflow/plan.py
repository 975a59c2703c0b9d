"""The plan: studies expanded into tables, figures and the unique runs behind them."""

import builtins
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from elemflow.config import Settings
from elemflow.errors import ConfigError, nearest
from elemflow.networks.spec import check_representation
from elemflow.pretraining import source_protocol_id, target_of
from elemflow.published import QUANTITIES, PublishedIndex, lookup
from elemflow.registry import NEEDS_PROPERTY, PROTOCOL_NEEDS, WITHOUT_RUNS, parts_of
from elemflow.scale import size_of

SOFTWARE = ("molder2021", "keras", "tensorflow", "pedregosa2011")
"""BibTeX keys of what every study is computed with."""

RUN_KEYS = ("dataset", "property", "representation", "model", "protocol")


@dataclass(frozen=True, order=True)
class Run:
    """One training job: what is learned, from which numbers, by which model, under which protocol."""

    dataset: str
    property: str
    representation: str
    model: str
    protocol: str

    @builtins.property  # a field has the plain name
    def path(self) -> str:
        """Folder of the run below `results/runs/`."""
        return f"{self.dataset}/{self.property}/{self.representation}/{self.model}/{self.protocol}"


@dataclass
class Plan:
    """Everything that will be built.

    Attributes:
        runs: Every run, sorted, with the tables and figures (`<study>/<item>`) that use it; source runs too.
        tables: What each table shows, by (study, table).
        figures: What each figure shows, by (study, figure).
    """

    runs: dict[Run, list[str]] = field(default_factory=dict)
    tables: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    figures: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def runs_of(self, item: Mapping[str, Any]) -> list[str]:
        """Return the paths of the runs behind a table or figure, without repetition, in order."""
        if item["kind"] in WITHOUT_RUNS:
            return []
        cells = item["cells"] if "cells" in item else [s for panel in item["panels"] for s in panel["series"]]
        return list(dict.fromkeys(cell["run"] for cell in cells if not cell["missing"]))

    def datasets(self) -> list[str]:
        """Return the datasets behind all tables and figures, sorted."""
        items = (*self.tables.values(), *self.figures.values())
        return sorted({dataset for item in items for dataset in item["datasets"]})

    def rows(self) -> Iterator[list[str]]:
        """Yield the plan as a table for people: a header, then a row per run."""
        yield [*RUN_KEYS, "used_by"]
        for run, users in self.runs.items():
            yield [run.dataset, run.property, run.representation, run.model, run.protocol, " ".join(users)]


def build(settings: Settings, published: PublishedIndex) -> Plan:
    """Expand the selected studies.

    Args:
        settings: Checked settings.
        published: The papers' numbers, to stand beside ours.

    Returns:
        The plan; a run named by several items appears once.

    Raises:
        ConfigError: A study names something that does not exist, or leaves a part of a run open.
    """
    plan = Plan()
    users: dict[Run, list[str]] = {}
    for study_id in settings.selected:
        study = settings.studies[study_id]
        for group, target in (("tables", plan.tables), ("figures", plan.figures)):
            for item_id, item in study[group].items():
                where = f"config/studies/{study_id}.yaml: key '{group}.{item_id}"
                if item["kind"] in WITHOUT_RUNS:
                    target[study_id, item_id] = _of_datasets(settings, study_id, group, item_id, item, where)
                    continue
                grid = _grid(settings, study, item, where)
                _check_kind(settings, item, grid, where)
                for run in dict.fromkeys((*grid.runs, *_sources(settings, grid.runs))):
                    users.setdefault(run, []).append(f"{study_id}/{item_id}")
                describe = _table if group == "tables" else _figure
                target[study_id, item_id] = describe(settings, published, study_id, item_id, item, grid)
    plan.runs = {run: users[run] for run in sorted(users)}
    _share_labels(plan.figures)
    return plan


def _share_labels(figures: Mapping[tuple[str, str], dict[str, Any]]) -> None:
    """Tell each figure the labels of all figures of its study, so that a label has one colour in all of them."""
    groups: dict[tuple[str, bool], list[list[str]]] = {}
    for (study, _), figure in figures.items():
        labels = dict.fromkeys(series["label"] for panel in figure["panels"] for series in panel["series"])
        figure["study_labels"] = groups.setdefault((study, figure["kind"] in WITHOUT_RUNS), [])
        figure["study_labels"].append(list(labels))


def source_run(settings: Settings, run: Run) -> Run | None:
    """Return the run that the networks of a run start from; None if they start from random weights.

    Raises:
        ConfigError: The run is to be pre-trained and its model has no weights.
    """
    declared = settings.protocol(run.protocol).get("pretraining")
    if declared is None:
        return None
    if settings.models[run.model].get("kind") != "network":
        raise ConfigError(
            f"protocol '{run.protocol}' starts from the weights of a source run, and model '{run.model}' is no "
            "network. Use it with networks, or name a protocol without `pretraining`."
        )
    name = source_protocol_id(settings.protocols, (run.dataset, run.property, run.protocol))
    return Run(declared["dataset"], declared["property"], run.representation, run.model, name)


def _sources(settings: Settings, runs: Iterable[Run]) -> list[Run]:
    return [source for source in (source_run(settings, run) for run in runs) if source]


def citations(settings: Settings, plan: Plan, study_id: str) -> list[str]:
    """Return the BibTeX keys behind a study: its paper, its datasets in the order of its items, and the software."""
    items = (item for group in (plan.tables, plan.figures) for (study, _), item in group.items() if study == study_id)
    data = (key for item in items for dataset in item["datasets"].values() for key in dataset["citation"])
    return list(dict.fromkeys((*settings.studies[study_id]["citation"], *data, *SOFTWARE)))


@dataclass(frozen=True)
class _Grid:
    rows: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    cells: list[list[tuple[Run, dict[str, Any]]]]

    @builtins.property
    def runs(self) -> list[Run]:
        """Every run of the grid whose data are at hand."""
        return [run for row in self.cells for run, cell in row if not cell["missing"]]


def _grid(settings: Settings, study: Mapping[str, Any], item: Mapping[str, Any], where: str) -> _Grid:
    """Cross the rows and columns of an item; each crossing must name one whole, existing run."""
    rows, columns = list(_expand(item["rows"])), list(_expand(item["columns"]))
    table = {"published_table": item["published_table"]} if "published_table" in item else {}
    base = {"missing": ""} | study.get("defaults", {}) | table | item.get("defaults", {})
    cells = []
    for i, row in enumerate(rows):
        own = list(_expand(row.pop("cells", [{}] * len(columns))))
        if len(own) != len(columns):
            raise ConfigError(f"{where}.rows[{i}].cells': found {len(own)} cells for {len(columns)} columns.")
        line = []
        for j, (column, keys) in enumerate(zip(columns, own, strict=True)):
            cell = base | row | column | keys
            run = _run(settings, cell, f"{where}', row {i + 1}, column {j + 1}")
            needed = [(each.dataset, each.property) for each in (run, *_sources(settings, [run]))]
            reasons = [cell["missing"], *(_why_missing(settings, dataset, name) for dataset, name in needed)]
            line.append((run, cell | {"missing": next(filter(None, reasons), "")}))
        cells.append(line)
    return _Grid(rows, columns, cells)


def _expand(axis: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one entry per combination of the lists in an entry of a grid's side."""
    for entry in axis:
        lists = {key: value for key, value in entry.items() if isinstance(value, list) and key != "cells"}
        for values in itertools.product(*lists.values()):
            yield {**entry, **dict(zip(lists, values, strict=True))}


def _run(settings: Settings, cell: Mapping[str, Any], where: str) -> Run:
    for key in RUN_KEYS:
        if key not in cell:
            raise ConfigError(f"{where}: no {key} is given; name one in the row, the column or `defaults`.")
        if not isinstance(cell[key], str):
            raise ConfigError(f"{where}: a list of {key} values belongs in rows or columns, not in `defaults`.")
    for key, known in (("dataset", settings.datasets), ("model", settings.models), ("protocol", settings.protocols)):
        if key != "protocol" or not _is_source(settings, cell, where):
            _check_id(cell, key, known, where)
    if not cell["missing"]:
        _check_property(settings, cell, where)
    try:
        parts_of(cell["representation"])
    except ConfigError as error:
        raise ConfigError(f"{where}: representation '{cell['representation']}': {error}") from None
    run = replace(_named(cell), **_origin(settings, cell["dataset"], cell["property"]))
    try:
        source = source_run(settings, run)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    for each in filter(None, (run, source)):
        _check_run(settings, each, where)
    return run


def _named(cell: Mapping[str, Any]) -> Run:
    """Return the run as a study names it; its data may be another dataset's."""
    return Run(*(cell[key] for key in RUN_KEYS))


def _origin(settings: Settings, dataset_id: str, property_id: str) -> dict[str, str]:
    """Return the dataset and the property that are read where a study names these."""
    elsewhere = settings.datasets[dataset_id].get("read_from", {}).get(property_id)
    found = elsewhere or {"dataset": dataset_id, "property": property_id}
    return {key: found[key] for key in ("dataset", "property")}


def _check_run(settings: Settings, run: Run, where: str) -> None:
    """Check that the keys of a run fit each other."""
    model, protocol = settings.models[run.model], settings.protocol(run.protocol)
    _check_protocol(settings, run, protocol, where)
    if "spec" in model:
        scaled = [part for part, kind in protocol.get("scaling", {}).items() if kind != "none"]
        check_representation(model["spec"], run.representation, scaled, f"{where}: model '{run.model}'")


def _check_id(cell: Mapping[str, Any], key: str, known: Mapping[str, Any], where: str) -> None:
    if cell[key] not in known:
        raise ConfigError(
            f"{where}: unknown {key} '{cell[key]}'. Known: {', '.join(known)}.{nearest(cell[key], known)}"
        )


def _is_source(settings: Settings, cell: Mapping[str, Any], where: str) -> bool:
    """Tell whether a cell names a source run by the derived id of its protocol, and check that its data are those."""
    target = target_of(settings.protocols, cell["protocol"])
    if target is None:
        return False
    declared = settings.protocols[target[-1]]["pretraining"]
    for key, value in (("dataset", declared["dataset"]), ("property", declared["property"])):
        if cell[key] != value:
            raise ConfigError(f"{where}: protocol '{cell['protocol']}' trains on the {key} {value}, not {cell[key]}.")
    _check_id({"dataset": target[0]}, "dataset", settings.datasets, f"{where}: protocol '{cell['protocol']}'")
    _check_property(settings, {"dataset": target[0], "property": target[1]}, f"{where}: protocol '{cell['protocol']}'")
    return True


def _check_property(settings: Settings, cell: Mapping[str, Any], where: str) -> None:
    dataset = settings.datasets[cell["dataset"]]
    properties = dataset["properties"]
    if cell["property"] not in _declared(dataset):
        raise ConfigError(
            f"{where}: dataset '{cell['dataset']}' has no property '{cell['property']}'. "
            f"Known: {', '.join(properties)}.{nearest(cell['property'], properties)}"
        )


def _declared(dataset: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every property of a dataset, also those without data and those of another dataset."""
    return dataset["properties"] | dataset["missing_properties"] | dataset.get("read_from", {})


def _why_missing(settings: Settings, dataset_id: str, property_id: str) -> str:
    """Return why there are no data, in the words of the dataset's declaration; empty if there are."""
    dataset = settings.datasets[dataset_id]
    return dataset.get("missing") or dataset["missing_properties"].get(property_id, {}).get("reason", "")


def _check_protocol(settings: Settings, run: Run, protocol: Mapping[str, Any], where: str) -> None:
    """Check that a dataset has what the protocol needs of it."""
    dataset = settings.datasets[run.dataset]
    if protocol.get("clip_predictions") and "minimum" not in _property(settings, run):
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' clips predictions, but property '{run.property}' of dataset "
            f"'{run.dataset}' declares no `minimum`. Declare one, or use a protocol without `clip_predictions`."
        )
    split, kept = protocol.get("split", {}), dataset.get("columns", {}).get("splits", [])
    if split.get("scheme") == "column" and split["column"] not in kept:
        raise ConfigError(
            f"{where}: protocol '{run.protocol}' divides by the column '{split['column']}', which dataset "
            f"'{run.dataset}' does not keep. Kept (columns.splits): {', '.join(kept) or 'none'}."
            f"{nearest(split['column'], kept)}"
        )


def _check_kind(settings: Settings, item: Mapping[str, Any], grid: _Grid, where: str) -> None:
    """Check that the protocols of an item compute what its kind shows."""
    needed = PROTOCOL_NEEDS.get(item.get("kind", ""))
    for run in grid.runs:
        if needed and not _has_key(settings.protocol(run.protocol), needed):
            raise ConfigError(
                f"{where}.kind': {item['kind']} shows what protocol '{run.protocol}' does not compute. Set its key "
                f"'{needed}', or name another protocol."
            )


def _has_key(declared: Any, path: str) -> bool:
    """Tell whether a key such as `split.hold_out` is given and not false."""
    for key in path.split("."):
        declared = declared.get(key)
        if not declared:
            return False
    return True


def _cell(
    settings: Settings,
    published: PublishedIndex,
    study_id: str,
    run: Run,
    cell: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe one crossing: the run, its unit, and the value that the paper prints for it."""
    described = {key: getattr(run, key) for key in RUN_KEYS} | {"run": run.path, "missing": cell["missing"]}
    described |= {"named": {key: cell[key] for key in ("dataset", "property")}}
    described |= {"unit": _property(settings, run)["unit"]} | {
        key: cell[key] for key in ("level", "quantity") if key in cell
    }
    described |= {"unit": QUANTITIES[cell["quantity"]].unit} if "quantity" in cell else {}
    described |= {"published": None, "published_text": None, "published_source": None, "published_note": ""}
    described |= {"published_size": settings.datasets[cell["dataset"]]["published_size"].get(study_id)}
    key = settings.models[run.model].get("published")
    key = {"model": cell["published_model"]} if "published_model" in cell else key
    if key and "published_table" in cell:
        found = lookup(
            published,
            study=cell.get("published_study", study_id),
            table=cell["published_table"],
            dataset=cell.get("published_dataset", cell["dataset"]),
            property=cell.get("quantity", cell["property"]),
            representation=run.representation,
            model=key["model"],
            depth=key.get("depth"),
            size=cell.get("published_size"),
            row=cell.get("published_row"),
        )
        if found:
            described |= {
                "published": found.value,
                "published_text": found.text,
                "published_source": found.source,
                "published_note": found.note,
                "published_size": found.size or described["published_size"],
                "unit": found.unit if cell["missing"] and "quantity" not in cell else described["unit"],
            }
    return described


def _property(settings: Settings, run: Run) -> Mapping[str, Any]:
    """Return the declaration of a run's property; that of a cell without data may lack one."""
    undeclared = {"title": run.property.replace("_", " ").capitalize(), "unit": "1"}
    dataset = settings.datasets[run.dataset]
    return _declared(dataset).get(run.property, undeclared)


def _common(settings: Settings, study_id: str, item: Mapping[str, Any], grid: _Grid) -> dict[str, Any]:
    runs = grid.runs
    protocols = {run.protocol: settings.protocol(run.protocol) for run in runs}
    datasets = [run.dataset for run in (*runs, *_sources(settings, runs))]
    return _about(settings, study_id, item, datasets) | {
        "protocols": {name: protocol["title"] for name, protocol in protocols.items()},
        "scales": {
            name: size_of(protocol) | {"reduced": settings.reduced.get(name, [])}
            for name, protocol in protocols.items()
        },
    }


def _about(settings: Settings, study_id: str, item: Mapping[str, Any], datasets: Iterable[str]) -> dict[str, Any]:
    return {
        "study": study_id,
        "study_title": settings.studies[study_id]["title"],
        "reference": settings.studies[study_id]["reference"],
        "title": item["title"],
        "metric": item["metric"],
        "datasets": {
            dataset: {
                "title": settings.datasets[dataset]["title"],
                "citation": settings.datasets[dataset]["citation"],
                "license": settings.datasets[dataset].get("license", ""),
                "version": settings.datasets[dataset].get("version", ""),
                "published_size": settings.datasets[dataset]["published_size"],
            }
            for dataset in datasets
        },
    }


def _table(
    settings: Settings, published: PublishedIndex, study_id: str, item_id: str, item: Mapping[str, Any], grid: _Grid
) -> dict[str, Any]:
    across = [[_named(cell) for _, cell in line] for line in zip(*grid.cells, strict=True)]
    along = [[_named(cell) for _, cell in line] for line in grid.cells]
    units = item["kind"] != "quantities"
    kind = {"kind": item["kind"]}
    if item["kind"] == "comparison":
        _check_comparison(item, grid, f"config/studies/{study_id}.yaml: key 'tables.{item_id}")
        kind["splits"] = {run.protocol: settings.protocol(run.protocol)["split"] for run in grid.runs}
    if item["kind"] == "quantities":
        _check_quantities(grid, f"config/studies/{study_id}.yaml: key 'tables.{item_id}")
    if item["kind"] == "selection":
        _check_selection(grid, f"config/studies/{study_id}.yaml: key 'tables.{item_id}")
    return (
        _common(settings, study_id, item, grid)
        | kind
        | {
            "table": item_id,
            "note": item["note"],
            "rows": [{"label": label} for label in _labels(settings, grid.rows, along, units=units)],
            "columns": [{"label": label} for label in _labels(settings, grid.columns, across)],
            "cells": [
                {"row": i, "column": j} | _cell(settings, published, study_id, run, cell)
                for i, line in enumerate(grid.cells)
                for j, (run, cell) in enumerate(line)
            ],
        }
    )


def _check_comparison(item: Mapping[str, Any], grid: _Grid, where: str) -> None:
    """Check that a comparison has what its tests need: models judged on the same materials by absolute errors."""
    if item["metric"] != "mae":
        raise ConfigError(f"{where}.metric': found {item['metric']}. Allowed for a comparison: mae.")
    if len(grid.columns) == 1:
        raise ConfigError(
            f"{where}.columns': one column, and a comparison needs two: the model in question comes first."
        )
    for i, row in enumerate(grid.cells):
        if len({(run.dataset, run.property, run.protocol) for run, _ in row}) > 1:
            raise ConfigError(
                f"{where}', row {i + 1}: its runs differ in dataset, property or protocol, so that they are not "
                "tested on the same materials. Compare models or representations within a row."
            )


def _check_quantities(grid: _Grid, where: str) -> None:
    """Check that each cell of a table of quantities says which it shows."""
    for i, row in enumerate(grid.cells):
        for j, (_, cell) in enumerate(row):
            if "quantity" not in cell:
                raise ConfigError(
                    f"{where}', row {i + 1}, column {j + 1}: no quantity is given; name one of {', '.join(QUANTITIES)} "
                    "in the row, the column or `defaults`."
                )


def _check_selection(grid: _Grid, where: str) -> None:
    """Check that each row has one run under two protocols: that of the paper and an honest one."""
    for i, row in enumerate(grid.cells):
        runs = [run for run, _ in row]
        if len(runs) != 2 or len({replace(run, protocol="") for run in runs}) > 1:  # noqa: PLR2004  a pair
            raise ConfigError(
                f"{where}', row {i + 1}: a table of selection has two columns, the protocol of the paper and an honest "
                "one, and the cells of a row differ in nothing else."
            )


def _figure(
    settings: Settings, published: PublishedIndex, study_id: str, item_id: str, item: Mapping[str, Any], grid: _Grid
) -> dict[str, Any]:
    panels = []
    titles = _labels(settings, grid.rows, [[_named(cell) for _, cell in line] for line in grid.cells], units=True)
    for panel, line in zip(titles, grid.cells, strict=True):
        labels = _labels(settings, grid.columns, [[_named(cell)] for _, cell in line])
        series = []
        for label, (run, cell) in zip(labels, line, strict=True):
            described = _cell(settings, published, study_id, run, cell)
            titles_of = {
                "dataset_title": settings.datasets[cell["dataset"]]["title"],
                "property_title": _property(settings, _named(cell))["title"],
            }
            series.append(described | {"label": label} | titles_of)
        panels.append({"label": panel, "series": series})
    return _common(settings, study_id, item, grid) | {"figure": item_id, "kind": item["kind"], "panels": panels}


def _of_datasets(
    settings: Settings, study_id: str, group: str, item_id: str, item: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Describe a table or figure that shows datasets, without runs."""
    base = {"missing": "", "property": ""} | settings.studies[study_id].get("defaults", {}) | item.get("defaults", {})
    rows, columns = list(_expand(item["rows"])), list(_expand(item["columns"]))
    cells: list[dict[str, Any]] = []
    titles: dict[int, str] = {}
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = base | row | column
            place = f"{where}', row {i + 1}, column {j + 1}"
            if "dataset" not in cell:
                raise ConfigError(f"{place}: no dataset is given; name one in the row, the column or `defaults`.")
            _check_id(cell, "dataset", settings.datasets, place)
            dataset = settings.datasets[cell["dataset"]]
            if cell["property"]:
                _check_property(settings, cell, place)
            elif item["kind"] in NEEDS_PROPERTY or not dataset["properties"]:
                raise ConfigError(f"{place}: no property is given; name one in the row, the column or `defaults`.")
            prop = _declared(dataset).get(cell["property"], {"title": "", "unit": ""})
            titles.setdefault(i, " · ".join(filter(None, (dataset["title"], prop["title"]))))
            origin = _origin(settings, cell["dataset"], cell["property"])
            missing = cell["missing"] or _why_missing(settings, origin["dataset"], origin["property"])
            size = cell.get("published_size") or (None if cell["property"] else dataset["published_size"].get(study_id))
            cells.append(
                {"row": i, "column": j, "unit": prop["unit"]}
                | origin
                | {"label": column.get("label", dataset["title"]), "dataset_title": dataset["title"]}
                | {"property_title": prop["title"]}
                | {"published_size": size, "missing": missing}
            )
    used = (cell["dataset"] for cell in cells if not cell["missing"])
    about = _about(settings, study_id, item, used) | {"kind": item["kind"], "protocols": {}}
    lines = [cells[i * len(columns) : (i + 1) * len(columns)] for i in range(len(rows))]
    if group == "figures":
        labels = [row.get("label", line[0]["property_title"]) for row, line in zip(rows, lines, strict=True)]
        panels = [{"label": label, "series": line} for label, line in zip(labels, lines, strict=True)]
        return about | {"figure": item_id, "panels": panels}
    return about | {
        "table": item_id,
        "note": item["note"],
        "rows": [{"label": row.get("label", titles[i])} for i, row in enumerate(rows)],
        "columns": [{"label": column.get("label", "materials")} for column in columns],
        "cells": cells,
    }


def _labels(
    settings: Settings, entries: Sequence[Mapping[str, Any]], runs: Sequence[Sequence[Run]], *, units: bool = False
) -> list[str]:
    """Name rows or columns by the titles of what they fix: dataset, property and model.

    Representation and protocol are named where they tell two entries apart, or where an entry fixes nothing else.
    """
    unnamed = [(entry, own) for entry, own in zip(entries, runs, strict=True) if "label" not in entry]

    def distinct(keys: Sequence[str]) -> int:
        return len({_label(settings, entry, own, keys) for entry, own in unnamed})

    shown = [key for key in RUN_KEYS if key not in ("representation", "protocol")]
    for key in ("representation", "protocol"):
        if distinct([*shown, key]) > distinct(shown):
            shown.append(key)
    return [
        _label(settings, entry, own, shown, units=units)
        if any(key in entry for key in shown)
        else _label(settings, entry, own, RUN_KEYS, units=units)
        for entry, own in zip(entries, runs, strict=True)
    ]


def _label(
    settings: Settings, entry: Mapping[str, Any], runs: Sequence[Run], keys: Sequence[str], *, units: bool = False
) -> str:
    if "label" in entry:
        return str(entry["label"])
    run = runs[0]
    prop = _property(settings, run)
    titles = {
        "dataset": settings.datasets[run.dataset]["title"],
        "property": prop["title"],
        "model": settings.models[run.model]["title"],
        "representation": run.representation,
        "protocol": run.protocol,
    }
    label = " · ".join(titles[key] for key in RUN_KEYS if key in entry and key in keys) or "all"
    same_unit = len({_property(settings, r)["unit"] for r in runs}) == 1
    return f"{label} ({prop['unit']})" if units and same_unit and prop["unit"] != "1" else label
