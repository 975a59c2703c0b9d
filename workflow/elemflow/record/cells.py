"""Cells of the papers' tables that a recorded run answers, with the verdict on each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.load import Settings, load
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.evidence import CURATION, METRICS, check_complete, materials_of, read_run_info
from elemflow.evaluation.equivalence import UNDECIDED
from elemflow.plan import paths
from elemflow.plan.build import Plan, build
from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.plan.published import PublishedIndex, read_published, read_published_quantities
from elemflow.record.evidence import recorded_runs
from elemflow.reporting import comparability
from elemflow.reporting.tables.kinds.errors import ErrorLine, collect

PAPERS = ("brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020")
OTHER_QUANTITY = "other quantity"
"""What stands for the verdict where the printed value is none of the quantity that the run learns."""
OF_CELLS = ("engine", "host", "members", "seconds_fitting")
"""Keys of `run_info.json` that a cell needs."""
WITHOUT_VERDICT = (comparability.REDUCED, comparability.LARGER, OTHER_QUANTITY)
"""What stands for the verdict of a cell that has none."""
NONE = "—"
"""What stands in a table for what there is not."""
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
        margin: Largest difference that counts as none; None where the printed value is of another quantity.
        verdict: `reproduced`, `not reproduced`, `undecided`, or why there is none: `reduced`, `larger`,
            `other quantity`.
        further_members: How many more members would decide an undecided cell; None if it is decided, or if no number
            would.
        members: Number of members.
        seeds: Seeds of the trained members, separated by spaces.
        splits: Number of splits into training, validation and test set that they were trained on.
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
    further_members: int | None
    members: int
    seeds: str
    splits: int
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

    Where several cells show it, such as compositions and rows of one set, a cell with a verdict comes before one
    without; else the first in the order of the studies.

    Raises:
        DataError: Evidence is missing or damaged.
    """
    runs = recorded_runs(record)
    for folder in runs.values():
        check_complete(folder)
    metrics = {run: folder / METRICS for run, folder in runs.items()}
    found: dict[int, RecordedCell] = {}
    for each in planned:
        for table in each.tables:
            curation = {cell.dataset: runs[cell.run] / CURATION for cell in table.cells if cell.run in runs}
            for cell, line in zip(table.ordered_cells, collect(table, metrics, curation), strict=True):
                if cell.published_line is not None and cell.run in runs and line.reproduced is not None:
                    known = found.get(cell.published_line)
                    if known is None or known.verdict in WITHOUT_VERDICT:
                        recorded = _recorded(each.settings, cell, line, runs[cell.run])
                        if known is None or recorded.verdict not in WITHOUT_VERDICT:
                            found[cell.published_line] = recorded
    return [found[line] for line in sorted(found)]


def _recorded(settings: Settings, cell: PlannedCell, line: ErrorLine, folder: Path) -> RecordedCell:
    shared = {field.name: getattr(line, field.name) for field in fields(RecordedCell) if hasattr(line, field.name)}
    own = {"published_line": cell.published_line, "verdict": line.verdict or line.scale or ""}
    if not cell.reproduces:
        own |= {"verdict": OTHER_QUANTITY, "margin": None}
    return RecordedCell(**shared | _origin(settings, cell, read_run_info(folder, *OF_CELLS)) | own)


def _origin(settings: Settings, cell: PlannedCell, info: Mapping[str, Any]) -> dict[str, Any]:
    """Return where and from what a run was computed."""
    engine, hours = info["engine"], info["seconds_fitting"] / 3600
    on_gpu = engine["device"] != "cpu"
    members = info["members"]
    return {
        "seeds": " ".join(str(facts["seed"]) for facts in members.values() if "seed" in facts),
        "splits": len(members) // settings.protocol(cell.protocol).members_per_split,
        "data": materials_of(info, cell.dataset)[:12],
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
    frame = pd.DataFrame([[getattr(cell, name) for name in names] for cell in cells], columns=names)
    return frame.astype({"further_members": "Int64"})


def to_markdown(cells: Sequence[RecordedCell]) -> str:
    """Return the recorded cells as a Markdown table, in the order of the papers' tables."""
    head = (
        "paper, table",
        "row",
        "column",
        "published",
        "computed",
        "members",
        "materials (in the paper)",
        "90 % interval of the difference",
        "margin",
        "verdict",
        "more members that decide",
        "run",
    )
    text = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    text += [f"| {' | '.join(_row(cell))} |" for cell in cells]
    return "\n".join(text) + "\n"


def _digits(value: float | None, digits: int, sign: str = "") -> str:
    """Return a value with its significant digits, zeros at the end among them; nothing for None."""
    return "" if value is None else f"{value:{sign}#.{digits}g}".rstrip(".")


def _row(cell: RecordedCell) -> list[str]:
    spread = "" if cell.spread is None else f" ± {_digits(cell.spread, 2)}"
    known = cell.difference_low is not None and cell.difference_high is not None
    interval = f"{_digits(cell.difference_low, 2, '+')} to {_digits(cell.difference_high, 2, '+')}" if known else NONE
    ours, papers = (NONE if size is None else f"{size:,}" for size in (cell.materials, cell.published_materials))
    further = NONE if cell.verdict != UNDECIDED else str(cell.further_members or "no number")
    return [
        cell.published_source,
        cell.row,
        cell.column,
        f"{cell.published} {cell.unit}",
        f"{_digits(cell.reproduced, 4)}{spread}",
        str(cell.members),
        f"{ours} ({papers})",
        interval.replace("-", "−"),
        NONE if cell.margin is None else _digits(cell.margin, 2),
        cell.verdict,
        further,
        f"`{cell.run}`",
    ]
