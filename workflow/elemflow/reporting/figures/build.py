"""Figures of a study, each with the numbers it draws and a caption."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from matplotlib.figure import Figure

from elemflow.config.kinds import FIGURE_MODULES, FigureKind
from elemflow.core.files import write_text
from elemflow.core.parquet import count_rows
from elemflow.plan.items import PlannedFigure, PlannedSeries
from elemflow.reporting import comparability
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, Series, Source, format_score, wrap_labels
from elemflow.reporting.results import read_score

Paths = Mapping[str, str | Path]


class KindModule(Protocol):
    """What the module of a kind of figure has."""

    KIND: FigureKind
    EXPLANATION: str

    def draw(self, panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
        """Draw the panels and note every number drawn."""


def write_figure(
    planned: PlannedFigure,
    runs: Paths,
    curation: Paths,
    outputs: Paths,
    splits: Paths | None = None,
) -> None:
    """Draw one figure; with nothing to draw, draw a message that says so.

    Args:
        planned: The figure as planned.
        runs: Folder of each run; a series without the files that its kind reads is not drawn.
        curation: Path of each dataset's `curation.json`, next to which its materials lie.
        outputs: Paths to write: `svg`, `png`, `csv` (the numbers drawn) and `text` (the caption).
        splits: Path of each split that the kind reads, by dataset, property and protocol joined with `/`.

    Raises:
        DataError: A metrics file lacks the metric of the figure.
    """
    module = cast("KindModule", importlib.import_module(f"{FIGURE_MODULES}.{planned.kind}"))
    style.apply_style()
    if module.KIND.of_models:
        panels = _read_models(planned)
    elif module.KIND.without_runs:
        panels = _read_datasets(planned, curation)
    else:
        panels = _read_panels(planned, module.KIND, curation, runs=runs, splits=splits or {})
    numbers = Numbers()
    figure = module.draw(panels, planned, numbers) if panels else _draw_message(planned, module.KIND)
    wrap_labels(figure)
    style.save_figure(figure, outputs["svg"], outputs["png"])
    write_text(outputs["csv"], numbers.to_csv())
    write_text(outputs["text"], _write_caption(planned, module, panels, curation))


def _read_datasets(planned: PlannedFigure, curation: Paths) -> tuple[Panel, ...]:
    colors = style.pick_colors(planned.labels, planned.study_labels)
    panels = []
    for panel in planned.panels:
        found = [
            Source(
                label=series.label,
                run="",
                dataset=series.dataset,
                dataset_title=series.dataset_title,
                property=series.property,
                property_title=series.property_title,
                unit=series.unit,
                color=colors[series.label],
                materials=_materials(series, curation),
            )
            for series in panel.series
            if series.dataset in curation and not series.missing
        ]
        if found:
            panels.append(Panel(panel.label, sources=tuple(found)))
    return tuple(panels)


def _read_models(planned: PlannedFigure) -> tuple[Panel, ...]:
    colors = style.pick_colors(planned.labels, planned.study_labels)
    return tuple(
        Panel(
            panel.label,
            sources=tuple(
                Source(
                    label=series.label,
                    run="",
                    dataset="",
                    dataset_title="",
                    property="",
                    property_title="",
                    unit="1",
                    color=colors[series.label],
                    materials=None,
                    outline=series.outline,
                )
                for series in panel.series
            ),
        )
        for panel in planned.panels
        if any(series.outline for series in panel.series)
    )


def _materials(series: PlannedSeries, curation: Paths) -> Path | None:
    path = curation.get(series.dataset)
    return Path(path).parent / "materials.parquet" if path else None


def _read_panels(
    planned: PlannedFigure, kind: FigureKind, curation: Paths, *, runs: Paths, splits: Paths
) -> tuple[Panel, ...]:
    colors = style.pick_colors(planned.labels, planned.study_labels)
    files = ("metrics.json", *kind.inputs)
    panels = []
    for panel in planned.panels:
        found = []
        for series in panel.series:
            folder = Path(runs.get(series.run, ""))
            complete = series.run in runs and all(_has_content(folder / name) for name in files)
            score = read_score(folder / "metrics.json", planned.metric) if complete else None
            split = splits.get(f"{series.dataset}/{series.property}/{series.protocol}")
            if score:
                found.append(
                    Series(
                        label=series.label,
                        run=series.run,
                        dataset=series.dataset,
                        dataset_title=series.dataset_title,
                        property=series.property,
                        property_title=series.property_title,
                        unit=series.unit,
                        color=colors[series.label],
                        materials=_materials(series, curation),
                        representation=series.representation,
                        protocol=series.protocol,
                        folder=folder,
                        split=Path(split) if split else None,
                        published=series.published,
                        published_text=series.published_text,
                        published_size=series.published_size,
                        score=score,
                    )
                )
        if found:
            panels.append(Panel(panel.label, tuple(found)))
    return tuple(panels)


def _has_content(path: Path) -> bool:
    """Return whether a file exists and, if it holds rows, has any: only networks have a history."""
    return path.exists() and (path.suffix != ".parquet" or count_rows(path) > 0)


def _draw_message(planned: PlannedFigure, kind: FigureKind) -> Figure:
    figure = style.plt.figure(figsize=(6, 1.6))
    message = f"nothing to draw: {_explain_nothing(planned, kind)}"
    figure.text(0.5, 0.5, message, ha="center", va="center", color=style.SOFT)
    return figure


def _explain_nothing(planned: PlannedFigure, kind: FigureKind) -> str:
    series = list(planned.series)
    if kind.without_runs:
        return "none of its datasets is at hand"
    if missing := list(dict.fromkeys(each.missing for each in series if each.missing)):
        return "; ".join(missing)
    return f"none of the {len(series)} runs has a result" if series else "the selection matches no run"


def _write_caption(planned: PlannedFigure, module: KindModule, panels: Sequence[Panel], curation: Paths) -> str:
    parts = [f"**{words.escape_rst(planned.title)}**"]
    if any(panel.series for panel in panels):
        header = ("model", "published", "reproduced", "members")
        parts.append(words.simple_table(header, _list_values(panels)).rstrip("\n"))
    sentences = filter(None, _write_sentences(planned, module, panels, curation))
    return "\n\n".join([*parts, *(words.fill(words.escape_rst(text)) for text in sentences)]) + "\n"


def _list_values(panels: Sequence[Panel]) -> list[tuple[str, list[tuple[str, ...]]]]:
    return [
        (
            words.escape_rst(panel.label),
            [
                (
                    words.escape_rst(series.label),
                    "—" if series.published is None else series.published_text or f"{series.published:g}",
                    format_score(series.score),
                    str(series.score.members),
                )
                for series in panel.series
            ],
        )
        for panel in panels
    ]


def _write_sentences(
    planned: PlannedFigure, module: KindModule, panels: Sequence[Panel], curation: Paths
) -> Iterator[str]:
    yield module.EXPLANATION if panels else f"Nothing to draw: {_explain_nothing(planned, module.KIND)}."
    drawn = [series for panel in panels for series in panel.series]
    if sources := [source.dataset for panel in panels for source in panel.sources if not source.outline]:
        yield words.describe_data(planned.datasets, sources, curation)
    if drawn:
        yield f"Values: {words.name_metric(planned.metric)} on the test set."
        used = [*(series.dataset for series in drawn), *planned.datasets]  # the latter also those of pre-training
        yield words.describe_data(planned.datasets, used, curation)
        yield words.describe_protocols(planned.protocols, (series.protocol for series in drawn))
        yield words.describe_spread((series.score.members, series.score.sd) for series in drawn)
        runs = {series.run for series in drawn}
        cells = [series for series in planned.series if series.run in runs]
        yield comparability.describe_runs(
            [comparability.describe_cell(planned.scales, cell, curation) for cell in cells]
        )
    series = list(planned.series)
    missing = sum(not each.missing and not each.outline for each in series) - len(drawn) - len(sources)
    if panels and missing:
        yield f"Not drawn, without a result: {missing} of {len(series)} runs."
    if panels:
        yield words.describe_missing(series, "not drawn")
    if planned.reference:
        yield f"Reference: {planned.reference}"
