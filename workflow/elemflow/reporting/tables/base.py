"""How tables of one kind are made: a builder that each module in `kinds/` has as `BUILDER`."""

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import pandas as pd

from elemflow.config.kinds import TABLES
from elemflow.core.files import write_text
from elemflow.plan.items import PlannedTable
from elemflow.reporting.pages import ListedRun, render_table_page
from elemflow.reporting.results import read_info
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.formats import render_latex, render_markdown
from elemflow.reporting.tables.lines import Line, as_in_csv, from_frame, read_csv, to_csv, to_frame
from elemflow.reporting.versions import describe_versions
from elemflow.reporting.view import TableView


@dataclass(frozen=True)
class TableBuilder(Generic[Line]):
    """How tables of one kind are made.

    Attributes:
        line: What the csv holds per line.
        collect: Returns the lines, given the table as planned, the path of each run's `metrics.json` and that of each
            dataset's `curation.json`. Runs and datasets without a file are marked, not refused.
        view: Returns what the other formats show, given the plan, the lines and the paths of `curation.json`.
        render_text: Renders the plain text.
        list_runs: Returns the runs that the page lists below the table, given the lines and the arguments of `collect`;
            None if it lists none.
    """

    line: type[Line]
    collect: Callable[[PlannedTable, Paths, Paths], Iterable[Line]]
    view: Callable[[PlannedTable, Sequence[Line], Paths], TableView]
    render_text: Callable[[TableView], str]
    list_runs: Callable[[Sequence[Line], PlannedTable, Paths, Paths], list[ListedRun]] | None = None

    def write(self, table: PlannedTable, metrics: Paths, curation: Paths, outputs: Paths) -> None:
        """Write one table in every format.

        Args:
            table: The table as planned.
            metrics: Path of each run's `metrics.json`, by the run's path below `results/runs/`; next to it lie the
                other files of the run that the kind reads.
            curation: Path of each dataset's `curation.json`.
            outputs: Paths to write, by format: `text`, `csv`, `md`, `tex`, `html`.

        Raises:
            DataError: The files of a run lack what the table shows, or do not belong together.
        """
        frame = as_in_csv(self.collect_frame(table, metrics, curation))
        lines = from_frame(frame, self.line)
        versions = describe_versions(read_info(path).get("versions", {}) for path in metrics.values())
        view = self.view(table, lines, curation).with_sentence(versions)
        runs = self.list_runs(lines, table, metrics, curation) if self.list_runs else []
        write_text(outputs["csv"], to_csv(frame))
        for name, render in (("text", self.render_text), ("md", render_markdown), ("tex", render_latex)):
            write_text(outputs[name], render(view))
        write_text(outputs["html"], render_table_page(view, runs))

    def collect_frame(self, table: PlannedTable, metrics: Paths, curation: Paths) -> pd.DataFrame:
        """Return the lines of a table as a frame with the columns of the csv."""
        return to_frame(self.collect(table, metrics, curation), self.line)

    def read_frame(self, path: str | Path) -> pd.DataFrame:
        """Read the csv of a table."""
        return read_csv(path, self.line)

    def read(self, path: str | Path) -> list[Line]:
        """Read the lines of the csv of a table, equal to what the other formats were made from."""
        return from_frame(self.read_frame(path), self.line)


def load_builder(kind: str) -> TableBuilder[Any]:
    """Return the builder of a kind in `elemflow.config.kinds.TABLES`."""
    builder: TableBuilder[Any] = importlib.import_module(TABLES[kind]).BUILDER
    return builder
