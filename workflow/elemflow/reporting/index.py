"""Overview pages of all tables and all figures, in folders that can be copied anywhere."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TABLE_KINDS
from elemflow.core.files import atomic_path, write_text
from elemflow.reporting.pages import render_figures_index, render_tables_index
from elemflow.reporting.tables.base import load_builder
from elemflow.reporting.tables.formats import FLOAT_FORMAT


def write_tables_index(folder: str | Path, items: Sequence[Mapping[str, Any]]) -> None:
    """Write `index.html` with every table, `cells.csv` all cells as csv, and a copy of each page.

    Args:
        folder: Folder to write to.
        items: `cfg`, `csv` and `html` of each table: its plan and files that `TableKind.write` wrote.
    """
    folder = Path(folder)
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLE_KINDS}
    shown = []
    for table in items:
        cfg = table["cfg"]
        builder = load_builder(cfg["kind"])
        cells = builder.read(table["csv"])
        frames[cfg["kind"]].append(cells)
        file = _copy(table["html"], folder, f"{cfg['study']}-{cfg['table']}.html")
        shown.append({"cfg": cfg, "view": builder.view(cfg, cells, {}), "file": file})
    for name, cells_of_kind in frames.items():
        empty = pd.DataFrame(columns=list(load_builder(name).types))
        _write_frame(
            folder / TABLE_KINDS[name].overview, pd.concat(cells_of_kind, ignore_index=True) if cells_of_kind else empty
        )
    write_text(folder / "index.html", render_tables_index(_group(shown, "tables")))


def write_figures_index(folder: str | Path, figures: Sequence[Mapping[str, Any]]) -> None:
    """Write `index.html` with a thumbnail of every figure, `numbers.csv` with all they draw, and copies.

    Args:
        folder: Folder to write to.
        figures: `cfg`, `text`, `csv`, `svg` and `png` of each figure: its plan and the files `write_figure` wrote.
    """
    folder = Path(folder)
    items, frames = [], []
    for figure in figures:
        cfg = figure["cfg"]
        label = f"{cfg['study']}-{cfg['figure']}"
        copies = {kind: _copy(figure[kind], folder, f"{label}.{kind}") for kind in ("svg", "png")}
        caption = Path(figure["text"]).read_text(encoding="utf-8")
        items.append({"cfg": cfg, "label": label, "title": cfg["title"], "caption": caption, **copies})
        numbers = pd.read_csv(figure["csv"], dtype=str, keep_default_na=False)
        numbers.insert(0, "study", cfg["study"])
        numbers.insert(1, "figure", cfg["figure"])
        frames.append(numbers)
    _write_frame(folder / "numbers.csv", pd.concat(frames) if frames else pd.DataFrame(columns=["study", "figure"]))
    write_text(folder / "index.html", render_figures_index(_group(items, "figures")))


def _copy(source: str | Path, folder: Path, name: str) -> str:
    with atomic_path(folder / name) as temporary:
        shutil.copyfile(source, temporary)
    return name


def _write_frame(path: Path, frame: pd.DataFrame) -> None:
    write_text(path, frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n"))


def _group(items: Iterable[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    studies: dict[str, dict[str, Any]] = {}
    for item in items:
        cfg = item["cfg"]
        about = {"title": cfg["study_title"], "reference": cfg["reference"], kind: []}
        studies.setdefault(cfg["study"], about)[kind].append(item)
    return list(studies.values())
