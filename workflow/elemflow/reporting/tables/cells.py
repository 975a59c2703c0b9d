"""What tables of all kinds share: how a kind is declared, and how its cells are named, ordered, written and read."""

import importlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TABLES
from elemflow.reporting.tables.formats import FLOAT_FORMAT, write_formats
from elemflow.reporting.tables.view import FAILED, NO_DATA, NOT_RUN, Cell, TableView

Paths = Mapping[str, str | Path]
Types = dict[Hashable, Any]
"""Columns of a csv and their types in pandas."""

RUN_NAMES = ("model", "dataset", "property", "representation", "protocol")
NAME_TYPES: Types = dict.fromkeys(("study", "table", "row", "column", *RUN_NAMES), "string")
"""The first columns of a table of runs, which `name_cell` fills."""

FAILURE_TYPES: Types = {"note": "string", "log": "string"}
"""Columns that `name_failure` fills."""


@dataclass(frozen=True)
class TableKind:
    """A kind of table; its module has it as `KIND`.

    Attributes:
        types: Columns of the csv and their types.
        collect: Returns what the csv holds, given the table as planned (title, rows, columns, cells, protocols,
            datasets), the path of each run's `metrics.json` and that of each dataset's `curation.json`. Runs and
            datasets without a file are marked, not refused.
        view: Returns what the other formats show, given the plan, the frame and the paths of `curation.json`.
        render_text: Renders the plain text.
        overview: Name of the file that holds the cells of all tables of the kind.
        list_runs: Returns the runs that the page lists below the table, given the frame and the arguments of `collect`;
            None if it lists none.
    """

    types: Types
    collect: Callable[[Mapping[str, Any], Paths, Paths], pd.DataFrame]
    view: Callable[[Mapping[str, Any], pd.DataFrame, Paths], TableView]
    render_text: Callable[[TableView], str]
    overview: str
    list_runs: Callable[[pd.DataFrame, Mapping[str, Any], Paths, Paths], pd.DataFrame] | None = None

    def write(self, cfg: Mapping[str, Any], metrics: Paths, curation: Paths, outputs: Paths) -> None:
        """Write one table in every format.

        Args:
            cfg: The table as planned.
            metrics: Path of each run's `metrics.json`, by the run's path below `results/runs/`; beside it lie the other
                files of the run that the kind reads.
            curation: Path of each dataset's `curation.json`.
            outputs: Paths to write, by format: `text`, `csv`, `md`, `tex`, `html`.

        Raises:
            DataError: The files of a run lack what the table shows, or do not belong together.
        """
        cells = _as_in_csv(self.collect(cfg, metrics, curation))
        listed = self.list_runs(cells, cfg, metrics, curation) if self.list_runs else None
        write_formats(outputs, cells, self.view(cfg, cells, curation), self.render_text, listed)

    def read(self, path: str | Path) -> pd.DataFrame:
        """Read the csv of a table, equal to what the other formats were made from."""
        return pd.read_csv(path, dtype=self.types, keep_default_na=False, na_values=[""], float_precision="round_trip")


def _as_in_csv(cells: pd.DataFrame) -> pd.DataFrame:
    """Return cells with numbers as their csv has them, so that what is made from the csv shows the same digits."""
    numbers = cells.select_dtypes("float64")
    return cells.assign(**{str(name): [float(FLOAT_FORMAT % value) for value in numbers[name]] for name in numbers})


def load_kind(name: str) -> TableKind:
    """Return the kind of that name in `elemflow.config.kinds.TABLES`."""
    kind: TableKind = importlib.import_module(TABLES[name]).KIND
    return kind


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
