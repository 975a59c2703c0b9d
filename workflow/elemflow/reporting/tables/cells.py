"""What tables of all kinds share: how their cells are named, ordered and marked."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.reporting.tables.view import FAILED, NO_DATA, NOT_RUN, Cell, TableView

Paths = Mapping[str, str | Path]
Types = dict[Hashable, Any]
"""Columns of a csv and their types in pandas."""

RUN_NAMES = ("model", "dataset", "property", "representation", "protocol")
NAME_TYPES: Types = dict.fromkeys(("study", "table", "row", "column", *RUN_NAMES), "string")
"""The first columns of a table of runs, which `name_cell` fills."""

FAILURE_TYPES: Types = {"note": "string", "log": "string"}
"""Columns that `name_failure` fills."""


def order_cells(cfg: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the planned cells row by row."""
    return sorted(cfg["cells"], key=lambda cell: (cell["row"], cell["column"]))


def name_cell(cfg: Mapping[str, Any], cell: Mapping[str, Any], names: Sequence[str] = RUN_NAMES) -> dict[str, Any]:
    """Return study, table, labels of row and column, the `names` of a planned cell and why it has no data, if so."""
    return {name: cell[name] for name in names} | {
        "study": cfg["study"],
        "table": cfg["table"],
        "row": cfg["rows"][cell["row"]]["label"],
        "column": cfg["columns"][cell["column"]]["label"],
        "missing": cell["missing"] or None,
    }


def name_failure(cfg: Mapping[str, Any], *runs: str) -> dict[str, str | None]:
    """Return what the cell of these runs says of the first that is shown as failed: `note` and `log`, or None."""
    failures = cfg.get("failed", {})
    failure = next((failures[run] for run in runs if run in failures), None)
    return (
        {"note": f"{FAILED}: {failure['message']}", "log": failure["log"]} if failure else {"note": None, "log": None}
    )


def mark_result(record: Mapping[Any, Any]) -> str:
    """Return what stands in place of a value that a cell does not have."""
    return NO_DATA if pd.notna(record["missing"]) else FAILED if pd.notna(record["log"]) else NOT_RUN


def describe_failed(records: Iterable[Mapping[Any, Any]]) -> str:
    """Return a sentence with the error and log of each failed run; empty if there is none."""
    failed = {record["log"]: record["note"] for record in records if pd.notna(record["log"])}
    told = "; ".join(f"{note} ({log})" for log, note in failed.items())
    return f"Marked “{FAILED}”: {told}." if told else ""


def make_frame(lines: Iterable[Mapping[str, Any]], types: Types) -> pd.DataFrame:
    """Return one line per cell with the columns of `types`; what a line lacks is missing."""
    return pd.DataFrame(list(lines), columns=list(types)).astype(types)


def frame_view(
    cfg: Mapping[str, Any],
    rows: Iterable[tuple[str, Sequence[Cell | None]]],
    caption: Iterable[str | None],
    *,
    columns: Sequence[str] | None = None,
    has_published: bool = False,
) -> TableView:
    """Return a view with titles, reference and label of the plan; the columns are the planned ones unless given."""
    planned = tuple(column["label"] for column in cfg["columns"])
    return TableView(
        study=cfg["study_title"],
        title=cfg["title"],
        columns=planned if columns is None else tuple(columns),
        rows=tuple((label, tuple(cells)) for label, cells in rows),
        caption=tuple(sentence for sentence in caption if sentence),
        reference=cfg["reference"],
        label=f"{cfg['study']}-{cfg['table']}",
        has_published=has_published,
    )
