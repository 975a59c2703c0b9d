"""Tables of intervals: how often those of an ensemble hold on its test materials, and how wide they are."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.core.files import read_json
from elemflow.evaluation.conformal import DEFAULT_LEVEL, IntervalKind
from elemflow.reporting import text as words
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import (
    FAILURE_TYPES,
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
from elemflow.reporting.tables.formats import arrange_rows, group_lines, render_text_page
from elemflow.reporting.tables.view import NO_DATA, Cell, TableView

SHOWN = "normalised"
KIND = TableKind(
    description="coverage and width of the intervals of ensembles",
    overview="intervals.csv",
    overview_title="intervals",
    protocol_needs="uncertainty",
)
CELL_TYPES: Types = {
    **NAME_TYPES,
    "unit": "string",
    "level": "Int64",
    "interval": "string",
    "coverage": "float64",
    "coverage_least_sure": "float64",
    "width": "float64",
    "miscalibration_area": "float64",
    "rank_correlation": "float64",
    "test_rows": "Int64",
    "missing": "string",
    **FAILURE_TYPES,
    "run": "string",
}


def collect_cells(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Read what each interval promises and does, one line per cell and kind of interval.

    Returns:
        A frame with the columns of `CELL_TYPES`; values of runs without a result are missing.
    """
    del curation  # sizes are told in the caption alone
    lines = []
    for cell in order_cells(cfg):
        path = metrics.get(cell["run"])
        found = read_json(path) if path and Path(path).is_file() and not cell["missing"] else {}
        judged = found["test"]["uncertainty"] if "test" in found else {}
        level = cell.get("level", DEFAULT_LEVEL)
        for kind in map(str, IntervalKind):
            of_kind = judged.get(kind, {"coverage": {}, "width": {}})
            lines.append(
                {
                    **name_cell(cfg, cell),
                    **name_failure(cfg, cell["run"]),
                    "unit": cell["unit"],
                    "level": level,
                    "interval": kind,
                    "coverage": of_kind["coverage"].get(str(level)),
                    "coverage_least_sure": _least_sure(judged, kind) if level == DEFAULT_LEVEL else None,
                    "width": of_kind["width"].get(str(level)),
                    "miscalibration_area": of_kind.get("miscalibration_area"),
                    "rank_correlation": judged.get("rank_correlation"),
                    "test_rows": judged.get("n"),
                    "run": cell["run"],
                }
            )
    return make_frame(lines, CELL_TYPES)


def _least_sure(judged: Mapping[str, Any], kind: str) -> float | None:
    """Return the coverage among the tenth of the test materials on which the members differ most."""
    groups = judged.get("by_spread")
    return groups[-1]["coverage"][kind] if groups else None


def view_table(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Arrange coverage and width of the normalised intervals and write the caption."""
    shown = [_view(line) for line in cells[cells["interval"] == SHOWN].to_dict("records")]
    return frame_view(cfg, arrange_rows(cfg, shown), _write_caption(cfg, cells, curation))


def _view(line: Mapping[Hashable, Any]) -> Cell:
    done = pd.notna(line["coverage"])
    return Cell(
        published="",
        reproduced=_show(line) if done else mark_result(line),
        spread="",
        difference="",
        members=int(done),
        best=False,
        run=str(line["run"]),
        log="" if pd.isna(line["log"]) else str(line["log"]),
    )


def _show(line: Mapping[Hashable, Any]) -> str:
    half = f"± {line['width'] / 2:.3g} {line['unit']}" if pd.notna(line["width"]) else "too few rows to calibrate"
    return f"{100 * line['coverage']:.1f} % ({half})"


def _write_caption(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> Iterator[str]:
    yield (
        "Share of the test materials whose value lies in the interval of the ensemble, and the mean half-width of the "
        "intervals, which follow the spread of the members and are calibrated on validation materials (split "
        "conformal, normalised). The csv also has intervals calibrated within groups of similar spread, intervals of "
        f"one width and uncalibrated ones, and what share of the tenth of the materials with the largest spread those "
        f"of {DEFAULT_LEVEL} % hold (coverage_least_sure)."
    )
    planned = cells[cells["missing"].isna()]
    yield words.describe_data(cfg["datasets"], planned["dataset"], curation)
    yield words.describe_protocols(cfg["protocols"], planned["protocol"])
    yield words.describe_missing(cfg["cells"], NO_DATA)
    yield describe_failed(planned.to_dict("records"))
    yield cfg["note"]


def render_text(view: TableView) -> str:
    """Render the intervals as reStructuredText that is aligned plain text."""
    return render_text_page(view, ("column", "inside (half-width)"), group_lines(view, lambda cell: (cell.reproduced,)))


BUILDER = TableBuilder(CELL_TYPES, collect_cells, view_table, render_text)
