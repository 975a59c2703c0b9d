"""Tables that set reproduced errors beside published ones, as CSV, Markdown, LaTeX, HTML and plain text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.reporting import comparability as scale
from elemflow.reporting import text as words
from elemflow.reporting.results import read_note, read_score
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import (
    NAME_TYPES,
    Types,
    describe_failed,
    frame_view,
    make_frame,
    mark_result,
    name_cell,
    name_failure,
    order_cells,
)
from elemflow.reporting.tables.formats import group_lines, render_text_page
from elemflow.reporting.tables.view import NO_DATA, NO_VALUE, NOT_RUN, UNDEFINED, Cell, TableView

KIND = TableKind(
    description="the error of each run next to the published one",
    overview="cells.csv",
    overview_title="every cell of every table of errors, one per line",
    inputs=("run_info.json",),
)
CELL_TYPES: Types = {
    **NAME_TYPES,
    "metric": "string",
    "unit": "string",
    "published": "string",  # as printed: its trailing zeros are the printed precision
    "reproduced": "float64",
    "spread": "float64",
    "standard_error": "float64",
    "members": "Int64",
    "test_rows_min": "Int64",
    "test_rows_max": "Int64",
    "difference": "float64",
    "difference_percent": "float64",
    "difference_error": "float64",
    "agreement": "string",
    **scale.CELL_TYPES,
    "published_source": "string",
    "published_note": "string",
    "note": "string",
    "missing": "string",
    "run": "string",
    "log": "string",  # of a failed run
}


def collect_cells(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Join published and reproduced values, one line per cell, in the order of rows and columns.

    Returns:
        A frame with the columns of `CELL_TYPES`; values of runs without a result, that their model declined, or whose
        metric is undefined in a member are missing.

    Raises:
        DataError: A metrics file lacks the metric of the table.
    """
    lines = []
    for cell in order_cells(cfg):
        score = read_score(metrics.get(cell["run"]), cfg["metric"])
        published = cell["published"]
        difference = score.mean - published if score and published is not None else None
        percent = 100 * difference / abs(published) if difference is not None and published else None
        size = scale.describe_cell(cfg, cell, curation, metrics.get(cell["run"]))
        drawn = None if cell["missing"] else cfg["scales"][cell["protocol"]]["drawn_tests"]
        error = scale.difference_error(score.standard_error if score else None, drawn)
        failure = name_failure(cfg, cell["run"])
        lines.append(
            {
                **name_cell(cfg, cell),
                "run": cell["run"],
                "metric": cfg["metric"],
                "unit": "1" if cfg["metric"] == "r2" else cell["unit"],
                "published": None if published is None else cell["published_text"] or f"{published:g}",
                "published_source": cell["published_source"] if published is not None else None,
                "published_note": cell["published_note"] or None,
                "note": failure["note"] or read_note(metrics.get(cell["run"]), cfg["metric"]) or None,
                "log": failure["log"],
                "reproduced": score.mean if score else None,
                "spread": score.sd if score else None,
                "standard_error": score.standard_error if score else None,
                "members": score.members if score else 0,
                "test_rows_min": score.test_rows[0] if score else None,
                "test_rows_max": score.test_rows[1] if score else None,
                "difference": difference,
                "difference_percent": percent,
                "difference_error": error if difference is not None else None,
                "agreement": scale.agreement(difference, percent, size.get("scale"), error),
                **size,
            }
        )
    return make_frame(lines, CELL_TYPES)


def view_table(
    cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path], *, bold: bool = True
) -> TableView:
    """Arrange the cells of a table and write its caption; the best value of a row is bold unless `bold` is false."""
    planned = order_cells(cfg)
    records = _list_records(cells)
    marks, footnotes = _mark_notes(records), _mark_footnotes(records)
    rows = []
    for number, row in enumerate(cfg["rows"]):
        here = {cell["column"]: record for cell, record in zip(planned, records, strict=True) if cell["row"] == number}
        shown = dict(
            zip(
                here,
                _view_row(list(here.values()), marks, footnotes, bold=bold and _share_tests(cfg, here.values())),
                strict=True,
            )
        )
        rows.append((row["label"], tuple(shown.get(column) for column in range(len(cfg["columns"])))))
    has_published = any(record["published"] for record in records)
    has_best = any(cell.best for _, cells in rows for cell in cells if cell)
    caption = _write_caption(cfg, records, curation, has_published=has_published, has_best=has_best)
    return frame_view(cfg, rows, caption, has_published=has_published)


def _list_records(cells: pd.DataFrame) -> list[dict[str, Any]]:
    lines = cells.to_dict("records")
    return [{str(name): None if pd.isna(value) else value for name, value in line.items()} for line in lines]


def _mark_notes(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a mark for each different note on a cell that has a result."""
    notes = dict.fromkeys(record["note"] for record in records if record["members"] and record["note"])
    return {note: f"[{number}]" for number, note in enumerate(notes, start=1)}


def _mark_footnotes(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a mark for each different reservation about a published value."""
    notes = dict.fromkeys(record["published_note"] for record in records if record["published_note"])
    return {note: f"[{words.letter(number)}]" for number, note in enumerate(notes)}


def _share_tests(cfg: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether the results of a row are errors of the same test materials, so that one of them is the best."""
    done = [record for record in records if record["members"]]
    if len({(record["dataset"], record["property"]) for record in done}) > 1:
        return False
    return len({cfg["scales"][record["protocol"]]["tests"] for record in done}) <= 1


def _view_row(
    records: Sequence[Mapping[str, Any]], marks: Mapping[str, str], footnotes: Mapping[str, str], *, bold: bool
) -> list[Cell]:
    done = [record for record in records if record["members"]]
    decimals = {
        unit: max(words.count_decimals(r["reproduced"], r["published"]) for r in done if r["unit"] == unit)
        for unit in {record["unit"] for record in done}
    }
    shown = [words.format_number(r["reproduced"], decimals[r["unit"]]) if r["members"] else "" for r in records]
    best = _best_of(done) if bold and len(done) > 1 else None
    best_text = shown[records.index(best)] if best else None
    return [
        Cell(
            published=" ".join(filter(None, (record["published"], footnotes.get(record["published_note"])))),
            reproduced=text
            or (mark_result(record) if record["missing"] or record["log"] else record["note"] or NOT_RUN),
            spread="" if record["spread"] is None else words.format_number(record["spread"], decimals[record["unit"]]),
            difference=""
            if record["difference_percent"] is None or record["scale"] == scale.REDUCED
            else " ".join(
                filter(None, (words.format_percent(record["difference_percent"]), scale.SIGNS.get(record["agreement"])))
            ),
            members=int(record["members"]),
            best=bool(text) and text == best_text,
            run=record["run"],
            mark="".join((scale.mark_of(record), marks.get(record["note"], ""))) if text else "",
            agreement=record["agreement"] or "",
            log=record["log"] or "",
        )
        for record, text in zip(records, shown, strict=True)
    ]


def _best_of(records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    choose = max if records[0]["metric"] in words.HIGHER_IS_BETTER else min
    return choose(records, key=lambda record: record["reproduced"])


def _write_caption(
    cfg: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    curation: Mapping[str, str | Path],
    *,
    has_published: bool,
    has_best: bool,
) -> Iterator[str]:
    shown = ": published value, reproduced value, and difference in per cent of the published value" * has_published
    bold = " The best reproduced value of a row is in bold where all are of the same test materials." * has_best
    yield f"{words.title_metric(cfg['metric'])} on the test set{shown}.{bold}"
    planned = [record for record in records if not record["missing"]]
    used = [*(record["dataset"] for record in planned), *cfg["datasets"]]  # the latter also those of pre-training
    yield words.describe_data(cfg["datasets"], used, curation)
    yield words.describe_protocols(cfg["protocols"], (record["protocol"] for record in planned))
    if planned:
        yield words.describe_spread((record["members"], record["spread"]) for record in records if record["members"])
    yield scale.describe_agreement(records)
    yield scale.describe_scale(record for record in records if record["members"])
    yield words.describe_missing(cfg["cells"], NO_DATA)
    yield describe_failed(planned)
    empty = [record["note"] or NOT_RUN for record in planned if not record["members"] and not record["log"]]
    if undefined := sum(note.startswith(UNDEFINED) for note in empty):
        yield (
            f"Without a value, marked “{UNDEFINED}”: {undefined} of {len(records)} cells, as a member was tested on "
            "fewer than two different values."
        )
    if not_run := len(empty) - undefined:
        yield f"Without a result, marked “{NOT_RUN}”: {not_run} of {len(records)} cells."
    if marks := _mark_notes(records):
        yield f"Notes: {'; '.join(f'{mark} {note}' for note, mark in marks.items())}."
    if footnotes := _mark_footnotes(records):
        yield f"Published: {'; '.join(f'{mark} {note}' for note, mark in footnotes.items())}."
    yield cfg["note"]


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


def _list_runs(cells: pd.DataFrame, *_: object) -> pd.DataFrame:
    return cells


BUILDER = TableBuilder(CELL_TYPES, collect_cells, view_table, render_text, _list_runs)
