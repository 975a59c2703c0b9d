"""Overview pages of all tables and all figures, in folders that can be copied anywhere."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.files import atomic_path, write_text
from elemflow.reporting.page import render_figures_index, render_tables_index
from elemflow.reporting.tables import CELL_TYPES, read_cells, view_table


def write_tables_index(folder: str | Path, tables: Sequence[Mapping[str, Any]]) -> None:
    """Write `index.html` with every table, `cells.csv` with every cell, and a copy of each page.

    Args:
        folder: Folder to write to.
        tables: `cfg`, `csv` and `html` of each table: its plan and the files `write_table` wrote.
    """
    folder = Path(folder)
    frames = [read_cells(table["csv"]) for table in tables]
    items = []
    for table, cells in zip(tables, frames, strict=True):
        cfg = table["cfg"]
        file = _copy(table["html"], folder, f"{cfg['study']}-{cfg['table']}.html")
        items.append({"cfg": cfg, "view": view_table(cfg, cells, {}), "file": file})
    cells = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(CELL_TYPES))
    _write_frame(folder / "cells.csv", cells)
    write_text(folder / "index.html", render_tables_index(_group(items, "tables")))


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
    write_text(path, frame.to_csv(index=False, float_format="%.8g", lineterminator="\n"))


def _group(items: Iterable[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    studies: dict[str, dict[str, Any]] = {}
    for item in items:
        cfg = item["cfg"]
        about = {"title": cfg["study_title"], "reference": cfg["reference"], kind: []}
        studies.setdefault(cfg["study"], about)[kind].append(item)
    return list(studies.values())
