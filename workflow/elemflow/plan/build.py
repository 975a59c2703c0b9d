"""The plan: studies expanded into tables, figures and the unique runs behind them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from elemflow.config.kinds import NEEDS_PROPERTY, PROTOCOL_NEEDS, WITHOUT_RUNS
from elemflow.config.load import PlainSettings as Settings
from elemflow.config.protocol import Protocol
from elemflow.config.scale_caps import count_drawn_tests, name_tests, set_of_train_rows, size_of
from elemflow.config.variations import describe_changes
from elemflow.core.errors import ConfigError
from elemflow.core.run import RUN_KEYS, Run
from elemflow.plan.grid import (
    Grid,
    all_properties,
    check_id,
    check_property,
    check_single,
    expand,
    make_grid,
    named_run,
    origin_of,
    property_of,
    source_runs,
    why_missing,
)
from elemflow.plan.published import MAE, QUANTITIES, PublishedIndex, check_printed, largest_sizes, lookup, same_unit

SOFTWARE = ("molder2021", "keras", "tensorflow", "pedregosa2011")
"""BibTeX keys of what every study is computed with."""


@dataclass(frozen=True)
class _Printed:
    """The papers' numbers, and of how many materials they are; see `elemflow.plan.published`."""

    index: PublishedIndex
    sizes: Mapping[tuple[str, str, str], int]


@dataclass
class Plan:
    """Everything that will be built.

    Attributes:
        runs: Every run, sorted, with the tables and figures (`<study>/<item>`) that use it; pre-training runs too.
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
    plan, printed = Plan(), _Printed(published, largest_sizes(published))
    users: dict[Run, list[str]] = {}
    for study_id in settings.selected:
        study = settings.studies[study_id]
        for group, target in (("tables", plan.tables), ("figures", plan.figures)):
            for item_id, item in study[group].items():
                where = f"config/studies/{study_id}.yaml: key '{group}.{item_id}"
                if item["kind"] in WITHOUT_RUNS:
                    target[study_id, item_id] = _of_datasets(settings, study_id, group, item_id, item, where)
                    continue
                grid = make_grid(settings, study, item, where)
                _check_kind(settings, item, grid, where)
                for run in dict.fromkeys((*grid.runs, *source_runs(settings, grid.runs))):
                    users.setdefault(run, []).append(f"{study_id}/{item_id}")
                describe = _table if group == "tables" else _figure
                target[study_id, item_id] = describe(settings, printed, study_id, item_id, item, grid)
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


def citations(settings: Settings, plan: Plan, study_id: str) -> list[str]:
    """Return the BibTeX keys behind a study: its paper, its datasets in the order of its items, and the software."""
    items = (item for group in (plan.tables, plan.figures) for (study, _), item in group.items() if study == study_id)
    data = (key for item in items for dataset in item["datasets"].values() for key in dataset["citation"])
    return list(dict.fromkeys((*settings.studies[study_id]["citation"], *data, *SOFTWARE)))


def _check_kind(settings: Settings, item: Mapping[str, Any], grid: Grid, where: str) -> None:
    """Check that the protocols of an item compute what its kind shows."""
    needed = PROTOCOL_NEEDS.get(item.get("kind", ""))
    for run in grid.runs:
        if needed and not _has_key(settings.protocol(run.protocol), needed):
            raise ConfigError(
                f"{where}.kind': {item['kind']} shows what protocol '{run.protocol}' does not compute. Set its key "
                f"'{needed}', or name another protocol."
            )


def _has_key(declared: Any, path: str) -> bool:
    """Return whether a key such as `split.hold_out` is given and not false."""
    for key in path.split("."):
        declared = declared.get(key)
        if not declared:
            return False
    return True


def _cell(
    settings: Settings,
    published: _Printed,
    study_id: str,
    metric: str,
    run: Run,
    cell: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe one crossing: the run, its unit, and the value that the paper prints for it."""
    described = run.keys() | {"run": run.path, "missing": cell["missing"]}
    described |= {"named": {key: cell[key] for key in ("dataset", "property")}}
    described |= {"unit": property_of(settings, run)["unit"]} | {
        key: cell[key] for key in ("level", "quantity") if key in cell
    }
    described |= {"unit": QUANTITIES[cell["quantity"]].unit} if "quantity" in cell else {}
    described |= {"published": None, "published_text": None, "published_source": None, "published_note": ""}
    described |= {"published_line": None}
    # Another error of the same materials, or one that the paper does not print, has the size of what it prints.
    of_set = settings.datasets[cell["dataset"]]["published_size"].get(study_id)
    set_of = (study_id, cell.get("published_dataset", cell["dataset"]), cell["property"])
    described |= {"published_size": published.sizes.get(set_of, of_set)}
    key = None if "listed" in cell else settings.models[run.model].get("published")
    if "published_model" in cell:
        check_single(cell, "published_model", f"config/studies/{study_id}.yaml")
        key = {"model": cell["published_model"]}
    if key and "published_table" in cell:
        paper, table = cell.get("published_study", study_id), cell["published_table"]
        found = lookup(
            published.index,
            study=paper,
            table=table,
            dataset=cell.get("published_dataset", cell["dataset"]),
            property=cell.get("quantity", cell["property"]),
            representation=run.representation,
            model=key["model"],
            depth=key.get("depth"),
            size=cell.get("published_size"),
            row=cell.get("published_row"),
            metric=MAE if "quantity" in cell else metric,
        )
        if not found and published.index:
            check_printed(published.index, paper, table, cell.get("published_row"), f"config/studies/{study_id}.yaml")
        if found and "quantity" not in cell and not cell["missing"] and not same_unit(found.unit, described["unit"]):
            raise ConfigError(
                f"config/studies/{study_id}.yaml: the value of {found.source} for {run.path} is in {found.unit}, "
                f"property '{run.property}' of dataset '{run.dataset}' in {described['unit']}. Give the property the "
                "printed unit, or leave `published_table` out."
            )
        if found:
            described |= {
                "published": found.value,
                "published_text": found.text,
                "published_source": found.source,
                "published_note": found.note,
                "published_line": found.line,
                "published_size": found.size or described["published_size"],
                "unit": found.unit if cell["missing"] and "quantity" not in cell else described["unit"],
            }
    return described


def _common(settings: Settings, study_id: str, item: Mapping[str, Any], grid: Grid) -> dict[str, Any]:
    runs = grid.runs
    protocols = {run.protocol: settings.protocol(run.protocol) for run in runs}
    datasets = [run.dataset for run in (*runs, *source_runs(settings, runs))]
    return _about(settings, study_id, item, datasets) | {
        "protocols": {name: _describe(protocol) for name, protocol in protocols.items()},
        "scales": {
            name: {
                **size_of(protocol),
                "drawn_tests": count_drawn_tests(protocol),
                "tests": name_tests(protocol),
                "set_of_train_rows": set_of_train_rows(protocol),
                "reduced": settings.reduced.get(name, []),
            }
            for name, protocol in protocols.items()
        },
    }


def _describe(protocol: Mapping[str, Any]) -> str:
    """Return a protocol in words, for captions."""
    return protocol.get("title") or Protocol.model_validate(protocol).describe()


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
    settings: Settings, published: _Printed, study_id: str, item_id: str, item: Mapping[str, Any], grid: Grid
) -> dict[str, Any]:
    across = [[named_run(cell) for _, cell in line] for line in zip(*grid.cells, strict=True)]
    along = [[named_run(cell) for _, cell in line] for line in grid.cells]
    units = item["kind"] != "quantities"
    kind = {"kind": item["kind"]}
    if item["kind"] == "comparison":
        _check_comparison(item, grid, f"config/studies/{study_id}.yaml: key 'tables.{item_id}")
        kind["splits"] = {run.protocol: settings.protocol(run.protocol)["split"] for run in grid.runs}
    if item["kind"] == "quantities":
        _check_quantities(grid, f"config/studies/{study_id}.yaml: key 'tables.{item_id}")
    if item["kind"] == "test_set_selection":
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
                {"row": i, "column": j} | _cell(settings, published, study_id, item["metric"], run, cell)
                for i, line in enumerate(grid.cells)
                for j, (run, cell) in enumerate(line)
            ],
        }
    )


def _check_comparison(item: Mapping[str, Any], grid: Grid, where: str) -> None:
    """Check that a comparison has what its tests need: models evaluated on the same materials by absolute errors."""
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


def _check_quantities(grid: Grid, where: str) -> None:
    """Check that each cell of a table of quantities says which it shows."""
    for i, row in enumerate(grid.cells):
        for j, (_, cell) in enumerate(row):
            if "quantity" not in cell:
                raise ConfigError(
                    f"{where}', row {i + 1}, column {j + 1}: no quantity is given; name one of {', '.join(QUANTITIES)} "
                    "in the row, the column or `defaults`."
                )


def _check_selection(grid: Grid, where: str) -> None:
    """Check that each row has one run under the protocol of the paper and one that selects on the validation set."""
    for i, row in enumerate(grid.cells):
        runs = [run for run, _ in row]
        if len(runs) != 2 or len({replace(run, protocol="") for run in runs}) > 1:  # noqa: PLR2004  a pair
            raise ConfigError(
                f"{where}', row {i + 1}: a table of selection on the test set has two columns, the protocol of the "
                "paper and one that selects on the validation set, and the cells of a row differ in nothing else."
            )


def _figure(
    settings: Settings, published: _Printed, study_id: str, item_id: str, item: Mapping[str, Any], grid: Grid
) -> dict[str, Any]:
    panels = []
    titles = _labels(settings, grid.rows, [[named_run(cell) for _, cell in line] for line in grid.cells], units=True)
    for panel, line in zip(titles, grid.cells, strict=True):
        labels = _labels(settings, grid.columns, [[named_run(cell)] for _, cell in line])
        series = []
        for label, (run, cell) in zip(labels, line, strict=True):
            described = _cell(settings, published, study_id, item["metric"], run, cell)
            titles_of = {
                "dataset_title": settings.datasets[cell["dataset"]]["title"],
                "property_title": property_of(settings, named_run(cell))["title"],
            }
            series.append(described | {"label": label} | titles_of)
        panels.append({"label": panel, "series": series})
    return _common(settings, study_id, item, grid) | {"figure": item_id, "kind": item["kind"], "panels": panels}


def _of_datasets(
    settings: Settings, study_id: str, group: str, item_id: str, item: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Describe a table or figure that shows datasets, without runs."""
    base = {"missing": "", "property": ""} | settings.studies[study_id].get("defaults", {}) | item.get("defaults", {})
    rows, columns = list(expand(item["rows"])), list(expand(item["columns"]))
    cells: list[dict[str, Any]] = []
    titles: dict[int, str] = {}
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = base | row | column
            place = f"{where}', row {i + 1}, column {j + 1}"
            if "dataset" not in cell:
                raise ConfigError(f"{place}: no dataset is given; name one in the row, the column or `defaults`.")
            check_id(cell, "dataset", settings.datasets, place)
            dataset = settings.datasets[cell["dataset"]]
            if cell["property"]:
                check_property(settings, cell, place)
            elif item["kind"] in NEEDS_PROPERTY or (all_properties(dataset) and not dataset["properties"]):
                raise ConfigError(f"{place}: no property is given; name one in the row, the column or `defaults`.")
            prop = all_properties(dataset).get(cell["property"], {"title": "", "unit": ""})
            titles.setdefault(i, " · ".join(filter(None, (dataset["title"], prop["title"]))))
            origin = origin_of(settings, cell["dataset"], cell["property"])
            missing = cell["missing"] or why_missing(settings, origin["dataset"], origin["property"])
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

    Representation, protocol and variations are named where two entries differ in them alone, or where an
    entry fixes nothing else.
    """
    unnamed = [(entry, own) for entry, own in zip(entries, runs, strict=True) if "label" not in entry]

    def distinct(keys: Sequence[str]) -> int:
        return len({_label(settings, entry, own, keys) for entry, own in unnamed})

    shown = [key for key in RUN_KEYS if key not in ("representation", "protocol")]
    for key in ("representation", "protocol", "with"):
        if distinct([*shown, key]) > distinct(shown):
            shown.append(key)
    return [
        _label(settings, entry, own, shown, units=units)
        if any(key in entry for key in shown)
        else _label(settings, entry, own, (*RUN_KEYS, "with"), units=units)
        for entry, own in zip(entries, runs, strict=True)
    ]


def _label(
    settings: Settings, entry: Mapping[str, Any], runs: Sequence[Run], keys: Sequence[str], *, units: bool = False
) -> str:
    if "label" in entry:
        return str(entry["label"])
    run = runs[0]
    prop = property_of(settings, run)
    titles = {
        "dataset": settings.datasets[run.dataset]["title"],
        "property": prop["title"],
        "model": settings.models[run.model]["title"] if run.protocol else run.model,
        "representation": run.representation,
        "protocol": run.protocol,
        "with": describe_changes(entry.get("with", {})),
    }
    label = " · ".join(titles[key] for key in (*RUN_KEYS, "with") if key in entry and key in keys) or "all"
    same_unit = len({property_of(settings, r)["unit"] for r in runs}) == 1
    return f"{label} ({prop['unit']})" if units and same_unit and prop["unit"] != "1" else label
