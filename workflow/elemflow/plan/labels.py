"""Labels of rows, columns, panels and series: the titles of what they fix."""

from collections.abc import Sequence

from elemflow.config.load import Settings
from elemflow.config.study import Cell
from elemflow.config.variations import describe_changes
from elemflow.core.run import RUN_KEYS, Run
from elemflow.plan.grid import property_of


def make_labels(
    settings: Settings, entries: Sequence[Cell], runs: Sequence[Sequence[Run]], *, units: bool = False
) -> list[str]:
    """Name rows or columns by the titles of what they fix: dataset, property and model.

    Representation, protocol and variations are named where two entries differ in them alone, or where an
    entry fixes nothing else.

    Args:
        settings: Checked settings.
        entries: Keys of each row or column.
        runs: The runs of each, as the study names them.
        units: Whether the unit of the property follows, where all runs have the same.
    """
    unnamed = [(entry, own) for entry, own in zip(entries, runs, strict=True) if entry.label is None]

    def distinct(keys: Sequence[str]) -> int:
        return len({_label(settings, entry, own, keys) for entry, own in unnamed})

    shown = [key for key in RUN_KEYS if key not in ("representation", "protocol")]
    for key in ("representation", "protocol", "with"):
        if distinct([*shown, key]) > distinct(shown):
            shown.append(key)
    return [
        _label(settings, entry, own, shown, units=units)
        if any(entry.names(key) for key in shown)
        else _label(settings, entry, own, (*RUN_KEYS, "with"), units=units)
        for entry, own in zip(entries, runs, strict=True)
    ]


def title_of(settings: Settings, run: Run) -> str:
    """Return the titles of model, dataset and property of a run, such as `BRNet · KEFE · Formation enthalpy`."""
    dataset = settings.datasets[run.dataset]
    model = settings.models[run.model].title or run.model
    return " · ".join([model[0].upper() + model[1:], dataset.title, property_of(dataset, run.property).title])


def _label(settings: Settings, entry: Cell, runs: Sequence[Run], keys: Sequence[str], *, units: bool = False) -> str:
    if entry.label is not None:
        return entry.label
    run = runs[0]
    prop = property_of(settings.datasets[run.dataset], run.property)
    titles = {
        "dataset": settings.datasets[run.dataset].title,
        "property": prop.title,
        "model": settings.models[run.model].title if run.protocol else run.model,
        "representation": run.representation,
        "protocol": run.protocol,
        "with": describe_changes(entry.variations),
    }
    label = " · ".join(titles[key] for key in (*RUN_KEYS, "with") if entry.names(key) and key in keys) or "all"
    same_unit = len({property_of(settings.datasets[each.dataset], each.property).unit for each in runs}) == 1
    return f"{label} ({prop.unit})" if units and same_unit and prop.unit != "1" else label
