"""Cells of the papers' tables that a recorded run answers, with the verdict on each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.load import Settings, load
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.files import read_json
from elemflow.plan import paths
from elemflow.plan.build import Plan, build
from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.plan.published import PublishedIndex, read_published, read_published_quantities
from elemflow.record.evidence import CURATION, METRICS, RUN_INFO, recorded_runs
from elemflow.reporting import comparability
from elemflow.reporting.tables.kinds.errors import ErrorLine, collect

PAPERS = ("brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020")
OTHER_DATA = (comparability.REDUCED, comparability.LARGER)
"""Scales at which a cell has no verdict."""
OVERLAY = "config/overlays/local_tables.yaml"
"""Public copies that runs of the record may have been computed on, in place of the databases."""


@dataclass(frozen=True, kw_only=True)
class RecordedCell:
    """A cell whose run was computed at full scale.

    Attributes:
        study: Id of the study.
        published_source: Study and printed table.
        published_line: Line of `published_mae.csv`.
        table: Id of the table.
        row: Label of its row.
        column: Label of its column.
        unit: Unit of the errors.
        published: Value as printed.
        reproduced: Mean over members.
        spread: Sample standard deviation over members.
        difference_low: Lower end of the 90 % interval of the difference.
        difference_high: Its upper end.
        margin: Largest difference that counts as none.
        verdict: `reproduced`, `not reproduced`, `undecided`, or why there is none: `reduced`, `larger`.
        members: Number of members.
        materials: Number of materials of the run.
        published_materials: Number of materials in the paper.
        run: Path of the run in the record.
        data: Start of the SHA-256 of its materials.
        commit: Start of the commit that trained it.
        engine: What trained it.
        device: On what.
        cpu_hours: Processor hours of fitting; None on a GPU.
        gpu_hours: GPU hours of fitting; None on processors.
        finished: Date.
    """

    study: str
    published_source: str
    published_line: int
    table: str
    row: str
    column: str
    unit: str
    published: str
    reproduced: float
    spread: float | None
    difference_low: float | None
    difference_high: float | None
    margin: float | None
    verdict: str
    members: int
    materials: int | None
    published_materials: int | None
    run: str
    data: str
    commit: str
    engine: str
    device: str
    cpu_hours: float | None
    gpu_hours: float | None
    finished: str


@dataclass(frozen=True)
class Planned:
    """The papers' tables, from one source of their data."""

    settings: Settings
    plan: Plan

    @property
    def tables(self) -> Iterator[PlannedTable]:
        """Yield the tables of errors, in the order of studies and tables."""
        yield from (table for table in self.plan.tables.values() if table.kind == "errors")


def read_printed(root: Path) -> PublishedIndex:
    """Return all published values."""
    return {
        **read_published(root / paths.PUBLISHED_MAE),
        **read_published_quantities(root / paths.PUBLISHED_OTHER),
    }


def plan_papers(root: Path) -> list[Planned]:
    """Return the papers' studies as they are, and with the data of public copies."""
    printed, planned = read_printed(root), []
    for overlay in ({}, read_yaml(root / OVERLAY)):
        settings = load({**overlay, "studies": list(PAPERS)}, root)
        planned.append(Planned(settings, build(settings, printed)))
    return planned


def find_recorded(planned: Sequence[Planned], record: Path) -> list[RecordedCell]:
    """Return the recorded cells, one per published value.

    Where several cells show it, such as compositions and rows of one set, a cell at the scale of the paper comes before
    one on more or fewer materials; else the first in the order of the studies.
    """
    runs = recorded_runs(record)
    metrics = {run: folder / METRICS for run, folder in runs.items()}
    found: dict[int, RecordedCell] = {}
    for each in planned:
        for table in each.tables:
            curation = {cell.dataset: runs[cell.run] / CURATION for cell in table.cells if cell.run in runs}
            for cell, line in zip(table.ordered_cells, collect(table, metrics, curation), strict=True):
                if cell.published_line is not None and cell.run in runs and line.reproduced is not None:
                    known = found.get(cell.published_line)
                    if known is None or (known.verdict in OTHER_DATA and line.scale not in OTHER_DATA):
                        found[cell.published_line] = _recorded(cell, line, runs[cell.run])
    return [found[line] for line in sorted(found)]


def _recorded(cell: PlannedCell, line: ErrorLine, folder: Path) -> RecordedCell:
    info = read_json(folder / RUN_INFO)
    shared = {field.name: getattr(line, field.name) for field in fields(RecordedCell) if hasattr(line, field.name)}
    return RecordedCell(
        **shared | _origin(info) | {"verdict": line.verdict or line.scale or "", "published_line": cell.published_line}
    )


def _origin(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return where and from what a run was computed."""
    engine, hours = info["engine"], info["seconds_fitting"] / 3600
    on_gpu = engine["device"] != "cpu"
    materials = next(digest for path, digest in info["inputs_sha256"].items() if path.endswith("materials.parquet"))
    return {
        "data": materials[:12],
        "commit": (info.get("commit") or "")[:12],
        "engine": engine["name"],
        "device": engine["device"] if on_gpu else info["host"]["processor"],
        "cpu_hours": None if on_gpu else hours * info["host"]["threads"],
        "gpu_hours": hours if on_gpu else None,
        "finished": info["finished"][:10],
    }


def to_frame(cells: Sequence[RecordedCell]) -> pd.DataFrame:
    """Return one row per recorded cell."""
    names = [field.name for field in fields(RecordedCell)]
    return pd.DataFrame([[getattr(cell, name) for name in names] for cell in cells], columns=names)


def to_markdown(cells: Sequence[RecordedCell]) -> str:
    """Return the recorded cells as a Markdown table, in the order of the papers' tables."""
    head = (
        "paper, table",
        "row",
        "column",
        "published",
        "computed",
        "90 % interval of the difference",
        "verdict",
        "run",
    )
    text = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for cell in cells:
        spread = "" if cell.spread is None else f" ± {cell.spread:.2g}"
        known = cell.difference_low is not None and cell.difference_high is not None
        interval = f"{cell.difference_low:+.2g} to {cell.difference_high:+.2g}" if known else "—"
        row = [cell.published_source, cell.row, cell.column, f"{cell.published} {cell.unit}"]
        row += [f"{cell.reproduced:.4g}{spread}", interval.replace("-", "−"), cell.verdict, f"`{cell.run}`"]
        text.append(f"| {' | '.join(row)} |")
    return "\n".join(text) + "\n"
