"""Overview pages of all tables and all figures, in folders that can be copied anywhere."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from elemflow.config.kinds import TABLE_KINDS
from elemflow.core.files import atomic_path, write_text
from elemflow.plan.items import PlannedFigure, PlannedTable, Shown
from elemflow.reporting.pages import (
    FigureEntry,
    StudyFigures,
    StudyTables,
    TableEntry,
    render_figures_index,
    render_tables_index,
)
from elemflow.reporting.tables.base import load_builder
from elemflow.reporting.tables.lines import column_types, from_frame, to_csv, to_parquet

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class TableFiles:
    """A planned table, and two of the files that `TableBuilder.write` wrote."""

    table: PlannedTable
    csv: str | Path
    html: str | Path


@dataclass(frozen=True)
class FigureFiles:
    """A planned figure, and the files that `write_figure` wrote, by format: `text`, `csv`, `svg` and `png`."""

    figure: PlannedFigure
    files: Mapping[str, str | Path]


def write_tables_index(folder: str | Path, tables: Sequence[TableFiles]) -> None:
    """Write `index.html` with every table, the lines of all tables of each kind, and a copy of each page.

    The lines are a csv and a Parquet file with the same numbers.

    Args:
        folder: Folder to write to.
        tables: The tables.
    """
    folder = Path(folder)
    frames: dict[str, list[pd.DataFrame]] = {kind: [] for kind in TABLE_KINDS}
    entries = []
    for files in tables:
        table, builder = files.table, load_builder(files.table.kind)
        frame = builder.read_frame(files.csv)
        frames[table.kind].append(frame)
        file = _copy(files.html, folder, f"{table.study}-{table.table}.html")
        view = builder.view(table, from_frame(frame, builder.line), {})
        entries.append((table, TableEntry(view, file)))
    for kind, found in frames.items():
        empty = pd.DataFrame(columns=list(column_types(load_builder(kind).line)))
        frame = pd.concat(found, ignore_index=True) if found else empty
        overview = folder / TABLE_KINDS[kind].overview
        write_text(overview, to_csv(frame))
        to_parquet(overview.with_suffix(".parquet"), frame, load_builder(kind).line)
    studies = [StudyTables(one.study_title, one.reference, tuple(of_study)) for one, of_study in _group(entries)]
    write_text(folder / "index.html", render_tables_index(studies))


def write_figures_index(folder: str | Path, figures: Sequence[FigureFiles]) -> None:
    """Write `index.html` with a thumbnail of every figure, `numbers.csv` with all they draw, and copies.

    Args:
        folder: Folder to write to.
        figures: The figures.
    """
    folder = Path(folder)
    entries, frames = [], []
    for each in figures:
        figure, files = each.figure, each.files
        label = f"{figure.study}-{figure.figure}"
        svg, png = (_copy(files[kind], folder, f"{label}.{kind}") for kind in ("svg", "png"))
        caption = Path(files["text"]).read_text(encoding="utf-8")
        entries.append((figure, FigureEntry(label, figure.title, caption, svg, png)))
        numbers = pd.read_csv(files["csv"], dtype=str, keep_default_na=False)
        numbers.insert(0, "study", figure.study)
        numbers.insert(1, "figure", figure.figure)
        frames.append(numbers)
    frame = pd.concat(frames) if frames else pd.DataFrame(columns=["study", "figure"])
    write_text(folder / "numbers.csv", to_csv(frame))
    studies = [StudyFigures(one.study_title, one.reference, tuple(of_study)) for one, of_study in _group(entries)]
    write_text(folder / "index.html", render_figures_index(studies))


def _copy(source: str | Path, folder: Path, name: str) -> str:
    with atomic_path(folder / name) as temporary:
        shutil.copyfile(source, temporary)
    return name


def _group(entries: Iterable[tuple[Shown, Entry]]) -> list[tuple[Shown, list[Entry]]]:
    """Return the entries of each study, with one of its items."""
    studies: dict[str, tuple[Shown, list[Entry]]] = {}
    for item, entry in entries:
        studies.setdefault(item.study, (item, []))[1].append(entry)
    return list(studies.values())
