"""Figures of a study, each with the numbers it draws and a caption."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow.parquet as pq
from matplotlib.figure import Figure

from elemflow.config.kinds import DATA_FIGURES, FIGURE_INPUTS, FIGURES
from elemflow.core.files import write_text
from elemflow.reporting import comparability as scale
from elemflow.reporting import text as words
from elemflow.reporting.figures import style
from elemflow.reporting.figures.panels import Numbers, Panel, Series, Source, format_score, wrap_labels
from elemflow.reporting.results import name_parts, read_score, split_of


class Kind(Protocol):
    """What the module of a kind of figure has."""

    EXPLANATION: str

    def draw(self, panels: Sequence[Panel], cfg: Mapping[str, Any], numbers: Numbers) -> Figure:
        """Draw the panels and note every number drawn."""


def write_figure(
    cfg: Mapping[str, Any],
    runs: Mapping[str, str | Path],
    curation: Mapping[str, str | Path],
    outputs: Mapping[str, str | Path],
    splits: Mapping[str, str | Path] | None = None,
) -> None:
    """Draw one figure; with nothing to draw, draw a message that says so.

    Args:
        cfg: The figure as planned: kind, title, panels of series, metric, `study_labels` (those of every figure of the
            study, which share their colours); `protocols` and `datasets` as in tables.
        runs: Folder of each run; a series without the files that its kind reads
            (`elemflow.config.kinds.FIGURE_INPUTS`) is left out.
        curation: Path of each dataset's `curation.json`, beside which its materials lie.
        outputs: Paths to write: `svg`, `png`, `csv` (the numbers drawn) and `text` (the caption).
        splits: Path of each split that the kind reads, by dataset, property and protocol joined with `/`.

    Raises:
        DataError: A metrics file lacks the metric of the figure.
    """
    kind = cast("Kind", importlib.import_module((FIGURES | DATA_FIGURES)[cfg["kind"]]))
    style.apply_style()
    data = cfg["kind"] in DATA_FIGURES
    panels = _read_datasets(cfg, curation) if data else _read_panels(cfg, runs, curation, splits or {})
    numbers = Numbers()
    figure = kind.draw(panels, cfg, numbers) if panels else _draw_message(cfg)
    wrap_labels(figure)
    style.save_figure(figure, outputs["svg"], outputs["png"])
    write_text(outputs["csv"], numbers.to_csv())
    write_text(outputs["text"], _write_caption(cfg, kind, panels, curation))


def _read_datasets(cfg: Mapping[str, Any], curation: Mapping[str, str | Path]) -> tuple[Panel, ...]:
    panels = []
    for panel in cfg["panels"]:
        at_hand = [series for series in panel["series"] if series["dataset"] in curation and not series["missing"]]
        found = (_source(series, cfg, curation) for series in at_hand)
        if at_hand:
            panels.append(Panel(panel["label"], sources=tuple(Source(run="", **about) for about in found)))
    return tuple(panels)


def _source(series: Mapping[str, Any], cfg: Mapping[str, Any], curation: Mapping[str, str | Path]) -> dict[str, Any]:
    labels = list(dict.fromkeys(other["label"] for panel in cfg["panels"] for other in panel["series"]))
    path = curation.get(series["dataset"])
    return {
        name: series[name] for name in ("label", "dataset", "dataset_title", "property", "property_title", "unit")
    } | {
        "color": style.pick_colors(labels, cfg["study_labels"])[series["label"]],
        "materials": Path(path).parent / "materials.parquet" if path else None,
    }


def _read_panels(
    cfg: Mapping[str, Any],
    runs: Mapping[str, str | Path],
    curation: Mapping[str, str | Path],
    splits: Mapping[str, str | Path],
) -> tuple[Panel, ...]:
    files = ("metrics.json", *FIGURE_INPUTS[cfg["kind"]])
    panels = []
    for panel in cfg["panels"]:
        found = []
        for series in panel["series"]:
            folder = Path(runs.get(series["run"], ""))
            complete = series["run"] in runs and all(_has_content(folder / name) for name in files)
            score = read_score(folder / "metrics.json", cfg["metric"]) if complete else None
            if score:
                about = {name: series[name] for name in ("run", "published", "published_text", "published_size")}
                about |= _source(series, cfg, curation)
                split = splits.get(split_of(series["run"]))
                found.append(Series(**about, folder=folder, split=Path(split) if split else None, score=score))
        if found:
            panels.append(Panel(panel["label"], tuple(found)))
    return tuple(panels)


def _has_content(path: Path) -> bool:
    """Return whether a file exists and, if it holds rows, has any: only networks have a history."""
    return path.exists() and (path.suffix != ".parquet" or pq.read_metadata(path).num_rows > 0)


def _draw_message(cfg: Mapping[str, Any]) -> Figure:
    figure = style.plt.figure(figsize=(6, 1.6))
    figure.text(0.5, 0.5, f"nothing to draw: {_explain_nothing(cfg)}", ha="center", va="center", color=style.SOFT)
    return figure


def _explain_nothing(cfg: Mapping[str, Any]) -> str:
    planned = [series for panel in cfg["panels"] for series in panel["series"]]
    if cfg["kind"] in DATA_FIGURES:
        return "none of its datasets is at hand"
    if any(series["missing"] for series in planned):
        return "; ".join(dict.fromkeys(series["missing"] for series in planned if series["missing"]))
    return f"none of the {len(planned)} runs has a result" if planned else "the selection matches no run"


def _write_caption(
    cfg: Mapping[str, Any], kind: Kind, panels: Sequence[Panel], curation: Mapping[str, str | Path]
) -> str:
    parts = [f"**{words.escape_rst(cfg['title'])}**"]
    if any(panel.series for panel in panels):
        parts.append(
            words.simple_table(("model", "published", "reproduced", "members"), _list_values(panels)).rstrip("\n")
        )
    return (
        "\n\n".join(
            [
                *parts,
                *(words.fill(words.escape_rst(text)) for text in _write_sentences(cfg, kind, panels, curation) if text),
            ]
        )
        + "\n"
    )


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
    cfg: Mapping[str, Any], kind: Kind, panels: Sequence[Panel], curation: Mapping[str, str | Path]
) -> Iterator[str]:
    if not panels:
        yield f"Nothing to draw: {_explain_nothing(cfg)}."
    else:
        yield kind.EXPLANATION
    names = [name_parts(series.run) for panel in panels for series in panel.series]
    if sources := [source.dataset for panel in panels for source in panel.sources]:
        yield words.describe_data(cfg["datasets"], sources, curation)
    if names:
        yield f"Values: {words.name_metric(cfg['metric'])} on the test set."
        used = [*(name["dataset"] for name in names), *cfg.get("datasets", {})]  # the latter also those of pre-training
        yield words.describe_data(cfg.get("datasets", {}), used, curation)
        yield words.describe_protocols(cfg.get("protocols", {}), (name["protocol"] for name in names))
        yield words.describe_spread(
            (series.score.members, series.score.sd) for panel in panels for series in panel.series
        )
        drawn = {series.run for panel in panels for series in panel.series}
        cells = [series for panel in cfg["panels"] for series in panel["series"] if series["run"] in drawn]
        yield scale.describe_runs(scale.describe_cell(cfg, cell, curation) for cell in cells)
    planned = [series for panel in cfg["panels"] for series in panel["series"]]
    missing = sum(not series["missing"] for series in planned) - len(names) - len(sources)
    if panels and missing:
        yield f"Left out, without a result: {missing} of {len(planned)} runs."
    if panels:
        yield words.describe_missing(planned, "left out")
    if cfg["reference"]:
        yield f"Reference: {cfg['reference']}"
