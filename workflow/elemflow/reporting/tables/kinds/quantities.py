"""Tables of what networks cost: parameters, size and times, next to what a paper prints of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from elemflow.config.kinds import TableKind
from elemflow.plan.items import PlannedItem, PlannedTable
from elemflow.plan.published import QUANTITIES
from elemflow.reporting import comparability
from elemflow.reporting import text as words
from elemflow.reporting.results import name_device, read_info
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import (
    Paths,
    describe_failed,
    find_failure,
    frame_view,
    mark_result,
    name_cell,
)
from elemflow.reporting.tables.formats import arrange_rows, group_lines, render_text_page
from elemflow.reporting.tables.lines import RunLine
from elemflow.reporting.view import NO_DATA, NO_VALUE, Cell, TableView

KIND = TableKind(
    description="parameters, size and times of networks, and the time in which any model predicts",
    overview="quantities.csv",
    overview_title="parameters, sizes and times",
    inputs=("run_info.json",),
    cell_key="quantity",
)
FLOAT_MB = 4e-6
COUNTED_MARK = "#"
TIMES = ("training_time_per_epoch", "training_time", "prediction_time")


@dataclass(frozen=True, kw_only=True)
class QuantityLine(RunLine):
    """A quantity of a network.

    Attributes:
        quantity: Name in `elemflow.plan.published.QUANTITIES`.
        unit: Its unit.
        published: Value as printed.
        reproduced: Mean over members; without any, parameters and size of the declared network.
        difference_percent: Difference of the two in per cent of the published value; None for times.
        members: Number of members that have the quantity.
        train_rows: Training materials, mean over members.
        test_rows: Test materials, mean over members.
        device: Device that trained, of a CPU the processor and the threads.
        published_source: Study and printed table.
        published_note: Reservation about the printed value.
        missing: Why there are no data.
        note: What is said of a failed run.
        log: Log of a failed run.
        run: Path of the run.
        scale: See `comparability.RunScale`.
        reduced_by: See `comparability.RunScale`.
    """

    quantity: str
    unit: str
    published: str | None
    reproduced: float | None
    difference_percent: float | None
    members: int
    train_rows: float | None
    test_rows: float | None
    device: str | None
    published_source: str | None
    published_note: str | None
    missing: str | None
    note: str | None
    log: str | None
    run: str
    scale: str | None
    reduced_by: str | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[QuantityLine]:
    """Yield printed and measured quantity of each cell."""
    counts = {cell.run: cell.counted for cell in table.cells if cell.counted is not None}
    for cell in table.ordered_cells:
        info = {} if cell.missing else read_info(metrics.get(cell.run))
        members = list(info.get("members", {}).values())
        values = [value for member in members if (value := measure(member, cell.quantity)) is not None]
        found = mean(values) if values else _count(cell, counts.get(cell.run))
        published = cell.published
        comparable = found is not None and published and cell.quantity not in TIMES
        note, log = find_failure(table, cell.run)
        size = comparability.describe_cell(table.scales, cell, curation)
        yield QuantityLine(
            **name_cell(table, cell),
            quantity=cell.quantity,
            unit=cell.unit,
            published=None if published is None else cell.published_text,
            reproduced=found,
            difference_percent=100 * (found / published - 1) if comparable and found and published else None,
            members=len(values),
            train_rows=mean(member["rows"]["train"] for member in members) if values else None,
            test_rows=mean(member["rows"]["test"] for member in members) if values else None,
            device=name_device(info) if values else None,
            published_source=cell.published_source if published is not None else None,
            published_note=cell.published_note or None,
            missing=cell.missing or None,
            note=note,
            log=log,
            run=cell.run,
            scale=size.scale,
            reduced_by=size.reduced_by,
        )


def _count(cell: PlannedItem, parameters: int | None) -> float | None:
    """Return parameters or size of a network that has no run, by its declaration; None of times.

    Args:
        cell: The cell.
        parameters: Those that its table has of the network; None where its declaration does not say them.
    """
    return None if cell.missing or parameters is None else measure({"parameters": {"total": parameters}}, cell.quantity)


def _is_counted(line: QuantityLine) -> bool:
    return line.reproduced is not None and not line.members


def measure(member: Mapping[str, Any], quantity: str) -> float | None:
    """Return a quantity of one member of a run, in the unit of `QUANTITIES`; None where it has none.

    Args:
        member: Its entry in `run_info.json`.
        quantity: `parameters`, `model_size` (weights and statistics as float32), `training_time_per_epoch` (median),
            `training_time` (of networks, to the end) or `prediction_time` (of its test materials).
    """
    parameters = member.get("parameters", {}).get("total")
    found: dict[str, float | None] = {
        "parameters": parameters,
        "model_size": None if parameters is None else FLOAT_MB * parameters,
        "training_time_per_epoch": member.get("seconds_per_epoch"),
        "training_time": member.get("seconds_fitting") if "seconds_per_epoch" in member else None,
        "prediction_time": member.get("seconds_predicting"),
    }
    return found[quantity]


def view_table(table: PlannedTable, lines: Sequence[QuantityLine], curation: Paths) -> TableView:
    """Arrange the quantities and write the caption."""
    has_published = any(line.published is not None for line in lines)
    caption = _write_caption(table, lines, curation)
    return frame_view(table, arrange_rows(table, list(map(_view, lines))), caption, has_published=has_published)


def _view(line: QuantityLine) -> Cell:
    return Cell(
        published="" if line.published is None else _show(line.published),
        reproduced=mark_result(line) if line.reproduced is None else _show(line.reproduced),
        spread="",
        difference="" if line.difference_percent is None else words.format_percent(line.difference_percent),
        members=line.members or int(_is_counted(line)),
        best=False,
        run="" if _is_counted(line) else line.run,
        mark=COUNTED_MARK * _is_counted(line),
        log=line.log or "",
    )


def _show(value: float | str) -> str:
    """Show a count with separators and anything else with three digits; printed numbers keep their decimals."""
    number = float(value)
    if isinstance(value, str) and "." in value:
        return value
    return f"{number:,.0f}" if number.is_integer() else words.format_number(number, words.count_decimals(number))


def _write_caption(table: PlannedTable, lines: Sequence[QuantityLine], curation: Paths) -> Iterator[str]:
    for quantity in dict.fromkeys(line.quantity for line in lines):
        yield f"{QUANTITIES[quantity].text}."
    timed = [line for line in lines if line.quantity in TIMES and line.members]
    if timed:
        trained, tested = (
            words.format_range(round(min(rows)), round(max(rows)))
            for rows in ([line.train_rows or 0 for line in timed], [line.test_rows or 0 for line in timed])
        )
        devices = ", ".join(sorted({line.device for line in timed if line.device}))
        yield (
            f"Times are those of this machine ({devices}), for {trained} training and {tested} test materials; they "
            "are not compared with printed ones."
        )
    if counted := sum(map(_is_counted, lines)):
        yield f"Values marked {COUNTED_MARK} are counted from the declared networks, without a run: {counted} cells."
    planned = [line for line in lines if line.missing is None]
    yield words.describe_data(table.datasets, (line.dataset for line in planned), curation)
    yield words.describe_protocols(table.protocols, (line.protocol for line in planned))
    yield words.describe_missing(table.cells, NO_DATA)
    yield describe_failed(planned)
    yield table.note


def render_text(view: TableView) -> str:
    """Render the quantities as reStructuredText that is aligned plain text."""
    groups = group_lines(
        view, lambda cell: (cell.published or NO_VALUE, cell.reproduced_with_spread, cell.difference or NO_VALUE)
    )
    return render_text_page(view, ("column", "published", "reproduced", "difference"), groups)


BUILDER = TableBuilder(QuantityLine, collect, view_table, render_text)
