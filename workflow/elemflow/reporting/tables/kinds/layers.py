"""Tables of layers: the stages of networks from their inputs to their output, with their parameters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elemflow.config.kinds import TableKind
from elemflow.core.errors import DataError
from elemflow.core.outline import Outline, Stage
from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths, frame_view
from elemflow.reporting.tables.formats import render_text_page
from elemflow.reporting.tables.lines import TableLine
from elemflow.reporting.view import Cell, TableView

KIND = TableKind(
    description="stages of networks with their layers and parameters, from their declarations; without runs",
    overview="layers.csv",
    overview_title="layers of networks",
    without_runs=True,
    of_models=True,
)
OUTPUT, ALL = "output", "all parameters"
SKIPS = {"none": "", "layer": "a shortcut around each layer", "stage": "a shortcut around all of them"}


@dataclass(frozen=True, kw_only=True)
class LayersLine(TableLine):
    """A stage of a network.

    Attributes:
        study: Id of the study.
        table: Id of the table.
        row: Label of the row, where the table has several networks of one name.
        column: Title of the network.
        model: Id of the model.
        representation: Parts of the representation.
        inputs: Number of inputs of the network.
        number: Number of the stage from 1; that of the output is the last.
        stage: Name of the stage.
        layers: Layers and their width, those of parallel chains joined with +.
        does: What a layer does, in order.
        skip: What a shortcut spans, and how parallel chains are joined.
        parameters: Parameters of the stage.
    """

    study: str
    table: str
    row: str | None
    column: str
    model: str
    representation: str
    inputs: int
    number: int
    stage: str
    layers: str
    does: str
    skip: str | None
    parameters: int


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[LayersLine]:
    """Yield the stages of each network, its output last."""
    del metrics, curation  # declarations say it all
    for cell in table.ordered_cells:
        outline = _outline_of(cell)
        for number, stage in enumerate(outline.stages, start=1):
            yield _line(table, cell, outline, number, stage)
        last = Stage(name=OUTPUT, layers=(1,), width=1, does="FC", parameters=outline.output)
        yield _line(table, cell, outline, len(outline.stages) + 1, last)


def _outline_of(cell: PlannedCell) -> Outline:
    if cell.outline is None:
        raise DataError(f"the cell of model '{cell.model}' has no outline; the plan gives one to each network.")
    return cell.outline


def _line(table: PlannedTable, cell: PlannedCell, outline: Outline, number: int, stage: Stage) -> LayersLine:
    return LayersLine(
        study=table.study,
        table=table.table,
        row=table.rows[cell.row].label or None,
        column=cell.label,
        model=cell.model,
        representation=cell.representation,
        inputs=outline.inputs,
        number=number,
        stage=stage.name,
        layers=stage.text,
        does=stage.does,
        skip=describe_skip(stage) or None,
        parameters=stage.parameters,
    )


def describe_skip(stage: Stage) -> str:
    """Return in words what a stage has besides a chain of layers; empty if nothing."""
    joined = f"joined by {stage.merge}" if stage.merge else ""
    parts = (
        SKIPS[stage.skip],
        f"joined with {stage.skip_from} by {stage.merge}" if stage.skip_from else joined,
        f"dropout {stage.dropout:g}" if stage.dropout else "",
    )
    return ", ".join(filter(None, parts))


def view_table(table: PlannedTable, lines: Sequence[LayersLine], curation: Paths) -> TableView:
    """Arrange the networks next to each other, stage by stage, and write the caption."""
    del curation
    networks = _group(lines)
    most = max(len(stages) for stages in networks.values()) - 1
    rows = [
        (f"stage {number + 1}", [_view(stages[:-1], number) for stages in networks.values()]) for number in range(most)
    ]
    rows.append((OUTPUT, [_view(stages, -1) for stages in networks.values()]))
    rows.append((ALL, [_cell(f"{sum(each.parameters for each in stages):,}") for stages in networks.values()]))
    columns = [f"{column} ({row})" if row else column for row, column in networks]
    return frame_view(table, rows, _write_caption(table, lines), columns=columns)


def _group(lines: Sequence[LayersLine]) -> dict[tuple[str, str], list[LayersLine]]:
    """Return the stages of each network, in the order of the table."""
    networks: dict[tuple[str, str], list[LayersLine]] = {}
    for line in lines:
        networks.setdefault((line.row or "", line.column), []).append(line)
    return networks


def _view(stages: Sequence[LayersLine], number: int) -> Cell | None:
    if number >= len(stages):
        return None
    stage = stages[number]
    more = f"; {stage.skip}" if stage.skip else ""
    return _cell(f"{stage.layers} {stage.does}{more}: {stage.parameters:,}")


def _cell(text: str) -> Cell:
    return Cell(published="", reproduced=text, spread="", difference="", members=1, best=False, run="")


def _write_caption(table: PlannedTable, lines: Sequence[LayersLine]) -> Iterator[str]:
    inputs = ", ".join(f"{each:,}" for each in dict.fromkeys(line.inputs for line in lines))
    yield (
        f"Stages of each network from its {inputs} inputs to the output: number of layers × width, what a layer does, "
        "and parameters with the statistics of batch normalisation. Made from the declarations of the networks. FC is "
        "fully connected, BN batch normalisation. A shortcut that changes the width passes a linear layer, whose "
        "parameters count."
    )
    yield table.note


def render_text(view: TableView) -> str:
    """Render the stages as reStructuredText that is aligned plain text."""
    groups = [
        (
            words.escape_rst(column),
            [
                (words.escape_rst(label), words.escape_rst(cell.reproduced))
                for label, cells in view.rows
                if (cell := cells[number])
            ],
        )
        for number, column in enumerate(view.columns)
    ]
    return render_text_page(view, ("stage", "layers"), groups)


BUILDER = TableBuilder(LayersLine, collect, view_table, render_text)
