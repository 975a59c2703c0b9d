"""What makes a table of any kind: a builder that each module in `kinds/` has as `BUILDER`."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TABLES
from elemflow.reporting.tables.cells import Paths, Types
from elemflow.reporting.tables.formats import FLOAT_FORMAT, write_formats
from elemflow.reporting.tables.view import TableView


@dataclass(frozen=True)
class TableBuilder:
    """How tables of one kind are made; the module of the kind has it as `BUILDER`.

    Attributes:
        types: Columns of the csv and their types.
        collect: Returns what the csv holds, given the table as planned (title, rows, columns, cells, protocols,
            datasets), the path of each run's `metrics.json` and that of each dataset's `curation.json`. Runs and
            datasets without a file are marked, not refused.
        view: Returns what the other formats show, given the plan, the frame and the paths of `curation.json`.
        render_text: Renders the plain text.
        list_runs: Returns the runs that the page lists below the table, given the frame and the arguments of `collect`;
            None if it lists none.
    """

    types: Types
    collect: Callable[[Mapping[str, Any], Paths, Paths], pd.DataFrame]
    view: Callable[[Mapping[str, Any], pd.DataFrame, Paths], TableView]
    render_text: Callable[[TableView], str]
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


def load_builder(kind: str) -> TableBuilder:
    """Return the builder of a kind in `elemflow.config.kinds.TABLES`."""
    builder: TableBuilder = importlib.import_module(TABLES[kind]).BUILDER
    return builder
