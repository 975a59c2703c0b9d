"""Tables of reproduced errors next to published ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from elemflow.config.kinds import TableKind
from elemflow.plan.items import PlannedTable
from elemflow.reporting import comparability
from elemflow.reporting import text as words
from elemflow.reporting.behind_trees import Finished, find_behind_trees
from elemflow.reporting.pages import ListedRun, list_run
from elemflow.reporting.results import count_featured, read_dropped, read_note, read_score, read_seen
from elemflow.reporting.tables import recorded_values
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import (
    Paths,
    describe_failed,
    find_failure,
    frame_view,
    mark_result,
    name_cell,
)
from elemflow.reporting.tables.formats import group_lines, render_text_page
from elemflow.reporting.tables.lines import RunLine
from elemflow.reporting.tables.units import Units
from elemflow.reporting.view import LISTED, NO_DATA, NO_VALUE, NOT_RUN, UNDEFINED, Cell, TableView

KIND = TableKind(
    description="the error of each run next to the published one",
    overview="cells.csv",
    overview_title="every cell of every table of errors, one per line",
    inputs=("run_info.json",),
)


@dataclass(frozen=True, kw_only=True)
class ErrorLine(RunLine):
    """A cell of a table of errors.

    Attributes:
        metric: Name of the error.
        unit: Its unit.
        published: Value as printed; its trailing zeros are the printed precision.
        reproduced: Our value.
        spread: Sample standard deviation over members.
        standard_error: Standard error of the mean absolute error on one test set.
        members: Number of members; 0 without a result.
        test_rows_min: Smallest test set of a member.
        test_rows_max: Largest test set of a member.
        difference: Reproduced minus published value.
        difference_percent: The same in per cent of the published value.
        difference_error: Standard error of the difference from the sampling of the test sets.
        margin: Largest difference that counts as none; see `elemflow.plan.published.PublishedValue`.
        difference_low: Lower end of the interval of the difference; see `elemflow.evaluation.equivalence`.
        difference_high: Its upper end.
        verdict: `reproduced`, `not reproduced` or `undecided`; None if the two are not comparable.
        further_members: How many more members would decide an undecided cell; None if no number would.
        materials: See `comparability.RunScale`.
        published_materials: See `comparability.RunScale`.
        max_epochs: See `comparability.RunScale`.
        scale: See `comparability.RunScale`.
        reduced_by: See `comparability.RunScale`.
        published_source: Study and printed table.
        published_note: Reservation about the printed value.
        note: What is said of the run.
        missing: Why there are no data.
        run: Path of the run.
        log: Log of a failed run.
        recorded: Commit of a run that is shown from the record.
    """

    metric: str
    unit: str
    published: str | None
    reproduced: float | None
    spread: float | None
    standard_error: float | None
    members: int
    test_rows_min: int | None
    test_rows_max: int | None
    difference: float | None
    difference_percent: float | None
    difference_error: float | None
    margin: float | None
    difference_low: float | None
    difference_high: float | None
    verdict: str | None
    further_members: int | None
    materials: int | None
    published_materials: int | None
    max_epochs: int | None
    scale: str | None
    reduced_by: str | None
    published_source: str | None
    published_note: str | None
    note: str | None
    missing: str | None
    run: str
    log: str | None
    recorded: str | None

    @property
    def spread_percent(self) -> float | None:
        """Standard deviation over the members in per cent of the error; None for one member."""
        return 100 * self.spread / self.reproduced if self.spread is not None and self.reproduced else None


L = TypeVar("L", bound=ErrorLine)


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[ErrorLine]:
    """Yield published and reproduced value of each cell, in the order of rows and columns.

    Values of runs without a result, that their model declined, or whose metric is undefined in a member are None.

    Raises:
        DataError: A metrics file lacks the metric of the table.
    """
    scores = {cell.run: read_score(metrics.get(cell.run), table.metric) for cell in table.cells}
    finished = (Finished(cell, metrics[cell.run], score) for cell in table.ordered_cells if (score := scores[cell.run]))
    behind = find_behind_trees(table, finished)
    for cell in table.ordered_cells:
        path, score = metrics.get(cell.run), scores[cell.run]
        published = cell.published
        difference = score.mean - published if score and published is not None else None
        percent = 100 * difference / abs(published) if difference is not None and published else None
        size = comparability.describe_cell(table.scales, cell, curation, path)
        if cell.run in table.recorded and (reason := recorded_values.why_not_compared(table.recorded[cell.run])):
            size = replace(size, scale=comparability.REDUCED, reduced_by=reason)
        drawn = None if cell.missing else table.scales[cell.protocol].count_drawn(score.members if score else None)
        error = comparability.difference_error(score.standard_error if score else None, drawn)
        compared = difference if cell.reproduces else None
        found = comparability.compare_with_published(compared, cell.margin, size.scale, score, drawn, path)
        note, log = find_failure(table, cell.run)
        yield ErrorLine(
            **name_cell(table, cell),
            metric=table.metric,
            unit="1" if table.metric == "r2" else cell.unit,
            published=None if published is None else cell.published_text or f"{published:g}",
            reproduced=score.mean if score else None,
            spread=score.sd if score else None,
            standard_error=score.standard_error if score else None,
            members=score.members if score else 0,
            test_rows_min=score.test_rows[0] if score else None,
            test_rows_max=score.test_rows[1] if score else None,
            difference=difference,
            difference_percent=percent,
            difference_error=error if difference is not None else None,
            margin=cell.margin,
            difference_low=found.low if found else None,
            difference_high=found.high if found else None,
            verdict=found.verdict if found else None,
            further_members=found.further if found else None,
            materials=size.materials,
            published_materials=size.published_materials,
            max_epochs=size.max_epochs,
            scale=size.scale,
            reduced_by=size.reduced_by,
            published_source=cell.published_source if published is not None else None,
            published_note=cell.published_note or None,
            note=note
            or _find_note(table, path, read_dropped(path, size.materials) if score else "", behind.get(cell.run)),
            missing=cell.missing or None,
            run=cell.run,
            log=log,
            recorded=table.recorded[cell.run].commit if cell.run in table.recorded else None,
        )


def collect_with(
    table: PlannedTable,
    metrics: Paths,
    curation: Paths,
    kind: type[L],
    measure: Callable[[Path], Mapping[str, Any]],
) -> Iterator[L]:
    """Yield the lines of `collect` with further fields; None without a result.

    Args:
        table: The table.
        metrics: `metrics.json` by run.
        curation: Curation reports by dataset.
        kind: Type of the lines.
        measure: Returns the further fields of a run, given the folder of its files.
    """
    shared = [field.name for field in fields(ErrorLine)]
    further = [field.name for field in fields(kind) if field.name not in shared]
    for line in collect(table, metrics, curation):
        path = metrics.get(line.run) if line.reproduced is not None else None
        found = measure(Path(path).parent) if path else dict.fromkeys(further)
        yield kind(**{name: getattr(line, name) for name in shared}, **found)


def _find_note(table: PlannedTable, path: str | Path | None, *further: str | None) -> str | None:
    """Return what is said of a run that did not fail; None if nothing is."""
    return ", ".join(filter(None, (read_note(path, table.metric), read_seen(path), *further))) or None


def view_table(table: PlannedTable, lines: Sequence[ErrorLine], curation: Paths, *, bold: bool = True) -> TableView:
    """Arrange the cells of a table and write its caption; the best value of a row is bold unless `bold` is false."""
    marks, footnotes = _mark_notes(lines), _mark_footnotes(lines)
    units = _place_units(table, lines)
    rows = []
    for number, label in enumerate(units.rows):
        here = {cell.column: line for cell, line in zip(table.ordered_cells, lines, strict=True) if cell.row == number}
        comparable = bold and _share_tests(table, here.values())
        shown = dict(zip(here, _view_row(list(here.values()), marks, footnotes, bold=comparable), strict=True))
        rows.append((label, tuple(shown.get(column) for column in range(len(table.columns)))))
    has_published = any(line.published for line in lines)
    has_best = any(cell.best for _, cells in rows for cell in cells if cell)
    caption = _write_caption(table, lines, curation, units.shared, has_published=has_published, has_best=has_best)
    return frame_view(table, rows, caption, columns=units.columns, has_published=has_published)


def _place_units(table: PlannedTable, lines: Sequence[ErrorLine]) -> Units:
    """Return the labels of a table with the units of its lines, and the unit for its caption."""
    units = {(cell.row, cell.column): line.unit for cell, line in zip(table.ordered_cells, lines, strict=True)}
    return Units.place([row.label for row in table.rows], [column.label for column in table.columns], units)


def _mark_notes(lines: Sequence[ErrorLine]) -> dict[str | None, str]:
    """Return a mark for each different note on a cell that has a result."""
    notes = dict.fromkeys(line.note for line in lines if line.members and line.note)
    return {note: f"[{number}]" for number, note in enumerate(notes, start=1)}


def _mark_footnotes(lines: Sequence[ErrorLine]) -> dict[str | None, str]:
    """Return a mark for each different reservation about a published value."""
    notes = dict.fromkeys(line.published_note for line in lines if line.published_note)
    return {note: f"[{words.letter(number)}]" for number, note in enumerate(notes)}


def _share_tests(table: PlannedTable, lines: Iterable[ErrorLine]) -> bool:
    """Return whether the results of a row are errors of the same test materials, so that one of them is the best."""
    done = [line for line in lines if line.members]
    if len({(line.dataset, line.property) for line in done}) > 1:
        return False
    scales = [(table.scales[line.protocol], line) for line in done]
    tested = {(each.tests, each.count_drawn(line.members if line.recorded else None)) for each, line in scales}
    return len(tested) <= 1


def _view_row(
    lines: Sequence[ErrorLine], marks: dict[str | None, str], footnotes: dict[str | None, str], *, bold: bool
) -> list[Cell]:
    done = [line for line in lines if line.reproduced is not None]
    decimals = {
        unit: max(words.count_decimals(line.reproduced or 0.0, line.published) for line in done if line.unit == unit)
        for unit in {line.unit for line in done}
    }
    shown = [
        "" if line.reproduced is None else words.format_number(line.reproduced, decimals[line.unit]) for line in lines
    ]
    best = _best_of(done) if bold and len(done) > 1 else None
    best_text = shown[lines.index(best)] if best else None
    return [
        Cell(
            published=" ".join(filter(None, (line.published, footnotes.get(line.published_note)))),
            reproduced=text or _mark_line(line),
            spread="" if line.spread is None else words.format_number(line.spread, decimals[line.unit]),
            difference=_show_difference(line),
            members=line.members,
            best=bool(text) and text == best_text,
            run=line.run,
            mark=recorded_values.MARK * bool(line.recorded)
            + comparability.mark_of(line.scale)
            + marks.get(line.note, "")
            if text
            else "",
            verdict=line.verdict or "",
            log=line.log or "",
        )
        for line, text in zip(lines, shown, strict=True)
    ]


def _mark_line(line: ErrorLine) -> str:
    """Return what stands in place of a value that a line does not have."""
    if line.missing and not line.protocol:  # only results of others have no protocol
        return LISTED
    return mark_result(line) if line.missing or line.log else line.note or NOT_RUN


def _show_difference(line: ErrorLine) -> str:
    if line.difference_percent is None or line.scale == comparability.REDUCED:
        return ""
    sign = comparability.SIGNS.get(line.verdict or "")
    return " ".join(filter(None, (words.format_percent(line.difference_percent), sign)))


def _best_of(lines: Sequence[ErrorLine]) -> ErrorLine:
    choose = max if lines[0].metric in words.HIGHER_IS_BETTER else min
    return choose(lines, key=lambda line: line.reproduced or 0.0)


def _write_caption(
    table: PlannedTable, lines: Sequence[ErrorLine], curation: Paths, unit: str, *, has_published: bool, has_best: bool
) -> Iterator[str]:
    shown = ": published value, reproduced value, and difference in per cent of the published value" * has_published
    bold = " The best reproduced value of a row is in bold where all are of the same test materials." * has_best
    yield f"{words.title_metric(table.metric)} on the test set{f', in {unit}' * bool(unit)}{shown}.{bold}"
    planned = [line for line in lines if not line.missing]
    used = [*(line.dataset for line in planned), *table.datasets]  # the latter also those of pre-training
    yield words.describe_data(*recorded_values.find_data(table, lines, used), curation)
    yield words.describe_protocols(table.protocols, (line.protocol for line in planned))
    if planned:
        yield words.describe_spread((line.members, line.spread) for line in lines if line.members)
    yield recorded_values.describe_recorded(table, lines)
    yield comparability.describe_verdicts(lines)
    yield comparability.describe_scale(line for line in lines if line.members)
    yield words.describe_missing((cell for cell in table.cells if cell.protocol), NO_DATA)
    yield words.describe_missing((cell for cell in table.cells if not cell.protocol), LISTED)
    yield describe_failed(planned)
    empty = [line.note or NOT_RUN for line in planned if not line.members and not line.log]
    if undefined := sum(note.startswith(UNDEFINED) for note in empty):
        yield (
            f"Without a value, marked “{UNDEFINED}”: {undefined} of {len(lines)} cells, as a member was tested on "
            "fewer than two different values."
        )
    if not_run := len(empty) - undefined:
        elsewhere = recorded_values.point_to_copies(table)
        yield f"Without a result, marked “{NOT_RUN}”: {not_run} of {len(lines)} cells{elsewhere}."
    if marks := _mark_notes(lines):
        yield f"Notes: {'; '.join(f'{mark} {note}' for note, mark in marks.items())}."
    if footnotes := _mark_footnotes(lines):
        yield f"Published: {'; '.join(f'{mark} {note}' for note, mark in footnotes.items())}."
    yield table.note


def render_text(view: TableView) -> str:
    """Render a table as reStructuredText that is aligned plain text: `cat` and the report show the same file."""
    groups = group_lines(
        view,
        lambda cell: (
            cell.published or NO_VALUE,
            f"**{cell.reproduced_with_spread}**" if cell.best else cell.reproduced_with_spread,
            cell.difference or NO_VALUE,
            str(cell.members) if cell.done else NO_VALUE,
        ),
    )
    header = ("model", "published", "reproduced", "difference", "members")
    return render_text_page(view, header, [group for group in groups if group[1]])


def list_runs(lines: Sequence[ErrorLine], table: PlannedTable, metrics: Paths, curation: Paths) -> list[ListedRun]:
    """Return the runs behind the cells."""
    del table, curation
    return [
        list_run(
            line.row,
            line.column,
            members=line.members,
            scale=line,
            max_epochs=line.max_epochs,
            test_rows=(line.test_rows_min, line.test_rows_max),
            run=line.run,
            featured=count_featured(metrics.get(line.run)) if line.members else "",
        )
        for line in lines
    ]


def view_parts(
    table: PlannedTable,
    lines: Sequence[ErrorLine],
    curation: Paths,
    columns: Sequence[str],
    meaning: str,
    parts: Callable[[ErrorLine], Sequence[str]],
) -> TableView:
    """Arrange the errors of a table, each followed by its parts, and write the caption.

    Args:
        table: The table.
        lines: Its lines, in the order of rows and columns.
        curation: Curation reports by dataset.
        columns: Titles of the parts.
        meaning: What the parts are, for the caption.
        parts: Returns the text of each part of a line.
    """
    view = view_table(table, lines, curation, bold=False)
    width = len(table.columns)

    def arrange(cell: Cell | None, line: ErrorLine) -> tuple[Cell | None, ...]:
        members = 0 if line.reproduced is None else line.members
        return cell, *(
            Cell(published="", reproduced=text, spread="", difference="", members=members, best=False, run=line.run)
            for text in parts(line)
        )

    rows = tuple(
        (label, tuple(each for pair in zip(cells, found, strict=True) for each in arrange(*pair)))
        for (label, cells), found in ((row, lines[width * i : width * (i + 1)]) for i, row in enumerate(view.rows))
    )
    titles = tuple(each for column in view.columns for each in (column, *columns))
    return replace(view, columns=titles, rows=rows, caption=(*view.caption[:1], meaning, *view.caption[1:]))


BUILDER = TableBuilder(ErrorLine, collect, view_table, render_text, list_runs)
