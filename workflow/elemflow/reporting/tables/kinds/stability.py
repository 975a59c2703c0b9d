"""Tables of stability: decisions which compounds are stable, a line per run and decider, others' values below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from elemflow.config.kinds import TableKind
from elemflow.plan.items import Peer, PlannedCell, PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.stability import describe_setting, read_stability
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths, describe_failed, find_failure, frame_view, mark_result, name_cell
from elemflow.reporting.tables.formats import render_text_page
from elemflow.reporting.tables.lines import RunLine
from elemflow.reporting.view import NO_DATA, NO_VALUE, Cell, TableView
from elemflow.stability.records import DECIDERS, Metrics

KIND = TableKind(
    description="decisions which compounds are stable, by decider; all cells of a table have one `setting`",
    overview="stability.csv",
    overview_title="stability",
    inputs=("stability.json",),
    cell_key="setting",
)
COLUMNS = {
    "mae_energy": "MAE E (eV/atom)",
    "mae_decomposition": "MAE ΔHd (eV/atom)",
    "accuracy": "accuracy",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "fpr": "FPR",
    "roc_auc": "ROC AUC",
    "average_precision": "AP",
    "precision_at_1000": "P@1000",
    "discovery_acceleration": "DAF",
    "calibration_error": "ECE",
}
HIGHER_IS_BETTER = {"accuracy", "f1", "precision", "recall", "roc_auc", "average_precision", "precision_at_1000",
                    "discovery_acceleration"}  # fmt: skip
PEER = "published"
"""What stands for the decider of others' predictions."""


@dataclass(frozen=True, kw_only=True)
class StabilityLine(RunLine):
    """One decider of a cell, or one model of others; the metrics are those of `elemflow.stability.records`."""

    setting: str
    decider: str
    n: int | None
    prevalence: float | None
    mae_energy: float | None
    mae_decomposition: float | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    f1: float | None
    f1_low: float | None
    f1_high: float | None
    precision: float | None
    recall: float | None
    fpr: float | None
    roc_auc: float | None
    roc_auc_low: float | None
    roc_auc_high: float | None
    average_precision: float | None
    precision_at_100: float | None
    precision_at_1000: float | None
    discovery_acceleration: float | None
    calibration_error: float | None
    f1_25: float | None
    fpr_25: float | None
    f1_50: float | None
    fpr_50: float | None
    missing: str | None
    note: str | None
    log: str | None
    run: str


METRICS = tuple(field.name for field in fields(StabilityLine) if field.type in (int | None, float | None))
"""Fields with a number."""


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[StabilityLine]:
    """Yield a line for each decider of each cell, then one for each model of others."""
    del curation  # only the caption shows sizes
    for cell in table.ordered_cells:
        path = metrics.get(cell.run)
        report = None if cell.missing or not path else read_stability(Path(path).parent)
        found = report.settings.get(cell.setting, {}) if report else {}
        reason = (cell.missing or None) if report is None else report.missing.get(cell.setting)
        for decider in filter(found.__contains__, DECIDERS):
            yield _line(table, cell, decider, _values(found[decider]), None)
        if not found:
            yield _line(table, cell, "", {}, reason)
    first = table.ordered_cells[0]
    for peer in table.peers:
        yield _peer_line(table, first, peer)


def _line(
    table: PlannedTable, cell: PlannedCell, decider: str, values: dict[str, float | None], missing: str | None
) -> StabilityLine:
    note, log = find_failure(table, cell.run)
    named: dict[str, Any] = name_cell(table, cell)
    numbers: dict[str, Any] = {name: values.get(name) for name in METRICS}
    return StabilityLine(
        **named,
        setting=cell.setting,
        decider=decider,
        missing=missing,
        note=note,
        log=log,
        run=cell.run,
        **numbers,
    )


def _peer_line(table: PlannedTable, cell: PlannedCell, peer: Peer) -> StabilityLine:
    named: dict[str, Any] = name_cell(table, cell) | {
        "row": "",
        "column": "",
        "model": peer.model,
        "representation": "",
        "protocol": "",
    }
    numbers: dict[str, Any] = {name: peer.values.get(name) for name in METRICS}
    numbers["n"] = int(peer.values["n"]) if "n" in peer.values else None
    return StabilityLine(
        **named, setting=cell.setting, decider=PEER, missing=None, note=peer.note or None, log=None, run="", **numbers
    )


def _values(found: Metrics) -> dict[str, float | None]:
    """Return the numbers of a line."""
    own = found.model_dump()
    values = {name: own[name] for name in METRICS if name in own}
    for mev, decision in found.decisions.items():
        suffix = "" if mev == "0" else f"_{mev}"
        values |= {f"{name}{suffix}": value for name, value in decision.model_dump().items()}
    for name, (low, high) in found.intervals.items():
        values |= {f"{name}_low": low, f"{name}_high": high}
    return values | {f"precision_at_{k}": value for k, value in found.precision_at.items()}


def view_table(table: PlannedTable, lines: Sequence[StabilityLine], curation: Paths) -> TableView:
    """Show a row for each line, and a column for each metric."""
    rows = [(_label(table, line), [_cell(line, name, lines) for name in COLUMNS]) for line in lines]
    return frame_view(table, rows, _write_caption(table, lines, curation), columns=tuple(COLUMNS.values()))


def _label(table: PlannedTable, line: StabilityLine) -> str:
    if line.decider == PEER:
        return f"{line.model}, {line.note}" if line.note else line.model
    named = " · ".join(filter(None, ([line.row] if len(table.rows) > 1 else []) + [line.column]))
    return f"{named}: {DECIDERS[line.decider]}" if line.decider else named


def _cell(line: StabilityLine, name: str, lines: Sequence[StabilityLine]) -> Cell:
    value: float | None = getattr(line, name)
    shown = NO_VALUE if value is None else _show(name, value)
    if line.decider == "":
        shown = mark_result(line)
    values = [_show(name, other) for each in lines if (other := getattr(each, name)) is not None]
    best = (max if name in HIGHER_IS_BETTER else min)(values, key=float, default=None)
    return Cell(
        published="",
        reproduced=shown,
        spread="",
        difference="",
        members=int(value is not None),
        best=value is not None and shown == best,
        run=line.run,
        log=line.log or "",
    )


def _show(name: str, value: float) -> str:
    return f"{value:.2f}" if name == "discovery_acceleration" else f"{value:.4f}" if "mae" in name else f"{value:.3f}"


def _write_caption(table: PlannedTable, lines: Sequence[StabilityLine], curation: Paths) -> Iterator[str]:
    setting = lines[0].setting
    yield describe_setting(setting)
    shares = {f"{100 * line.prevalence:.1f} % of {line.n:,} compounds are stable" for line in lines
              if line.prevalence is not None and line.n is not None}  # fmt: skip
    if len(shares) == 1:
        yield f"{shares.pop()}."
    yield (
        "Stable: ΔHd at or below 0, or P(stable) of one half and more. MAE E and ΔHd: mean absolute errors of energy "
        "and decomposition enthalpy. FPR: share of the unstable that are taken for stable. AP: average precision. "
        "P@1000: share of the stable among the 1,000 ranked first. DAF: precision over the share of the stable. ECE: "
        "expected calibration error of P(stable). The csv has 95 % intervals, clustered by chemical system, and the "
        "decisions at 25 and 50 meV/atom."
    )
    if table.peers:
        yield (
            "Lines without a run are others' predictions as published with Bartel et al. 2020, evaluated here; their "
            "folds are their own."
        )
    planned = [line for line in lines if line.missing is None and line.run]
    yield words.describe_data(table.datasets, (line.dataset for line in planned), curation)
    yield words.describe_protocols(table.protocols, (line.protocol for line in planned))
    yield words.describe_missing(table.cells, NO_DATA)
    yield describe_failed(planned)
    yield table.note


def render_text(view: TableView) -> str:
    """Render the metrics as reStructuredText that is aligned plain text."""
    lines = [
        (words.escape_rst(label), *(cell.reproduced if cell else NO_VALUE for cell in cells))
        for label, cells in view.rows
    ]
    return render_text_page(view, ("", *view.columns), [("", lines)])


BUILDER = TableBuilder(StabilityLine, collect, view_table, render_text)
