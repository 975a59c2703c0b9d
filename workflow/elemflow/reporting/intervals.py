"""Tables of intervals: how often those of an ensemble hold on its test materials, and how wide they are."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.files import read_json
from elemflow.reporting import text as words
from elemflow.reporting.formats import arrange_rows, group_lines, render_text_page, write_formats
from elemflow.reporting.view import NO_DATA, NOT_RUN, Cell, TableView
from elemflow.uncertainty import KINDS, USUAL_LEVEL

SHOWN = "normalised"
CELL_TYPES: dict[Hashable, Any] = {
    "study": "string",
    "table": "string",
    "row": "string",
    "column": "string",
    "model": "string",
    "dataset": "string",
    "property": "string",
    "representation": "string",
    "protocol": "string",
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
    "run": "string",
}


def write_table(
    cfg: Mapping[str, Any],
    metrics: Mapping[str, str | Path],
    curation: Mapping[str, str | Path],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write one table of intervals in every format.

    Args:
        cfg: The table as planned; a cell may have a `level`.
        metrics: Path of each run's `metrics.json`; a run without a file is marked `not run`.
        curation: Path of each dataset's `curation.json`.
        outputs: Paths to write, by format: `text`, `csv`, `md`, `tex`, `html`.
    """
    cells = collect_cells(cfg, metrics)
    view = view_table(cfg, cells, curation)
    write_formats(outputs, cells, view, render_text)


def collect_cells(cfg: Mapping[str, Any], metrics: Mapping[str, str | Path]) -> pd.DataFrame:
    """Read what each interval promises and does, one line per cell and kind of interval.

    Returns:
        A frame with the columns of `CELL_TYPES`; values of runs without a result are missing.
    """
    lines = []
    for cell in sorted(cfg["cells"], key=lambda cell: (cell["row"], cell["column"])):
        path = metrics.get(cell["run"])
        found = read_json(path) if path and Path(path).is_file() and not cell["missing"] else {}
        judged = found["test"]["uncertainty"] if "test" in found else {}
        level = cell.get("level", USUAL_LEVEL)
        for kind in KINDS:
            of_kind = judged.get(kind, {"coverage": {}, "width": {}})
            lines.append(
                {
                    **{name: cell[name] for name in ("model", "dataset", "property", "representation", "protocol")},
                    "study": cfg["study"],
                    "table": cfg["table"],
                    "row": cfg["rows"][cell["row"]]["label"],
                    "column": cfg["columns"][cell["column"]]["label"],
                    "unit": cell["unit"],
                    "level": level,
                    "interval": kind,
                    "coverage": of_kind["coverage"].get(str(level)),
                    "coverage_least_sure": _least_sure(judged, kind) if level == USUAL_LEVEL else None,
                    "width": of_kind["width"].get(str(level)),
                    "miscalibration_area": of_kind.get("miscalibration_area"),
                    "rank_correlation": judged.get("rank_correlation"),
                    "test_rows": judged.get("n"),
                    "missing": cell["missing"] or None,
                    "run": cell["run"],
                }
            )
    return pd.DataFrame(lines, columns=list(CELL_TYPES)).astype(CELL_TYPES)


def _least_sure(judged: Mapping[str, Any], kind: str) -> float | None:
    """Return the coverage among the tenth of the test materials on which the members differ most."""
    groups = judged.get("by_spread")
    return groups[-1]["coverage"][kind] if groups else None


def read_cells(path: str | Path) -> pd.DataFrame:
    """Read the CSV of a table as `collect_cells` made it."""
    return pd.read_csv(path, dtype=CELL_TYPES, keep_default_na=False, na_values=[""])


def view_table(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Arrange coverage and width of the normalised intervals and write the caption."""
    shown = [_view(line) for line in cells[cells["interval"] == SHOWN].to_dict("records")]
    return TableView(
        study=cfg["study_title"],
        title=cfg["title"],
        columns=tuple(column["label"] for column in cfg["columns"]),
        rows=arrange_rows(cfg, shown),
        caption=tuple(text for text in _write_caption(cfg, cells, curation) if text),
        reference=cfg["reference"],
        label=f"{cfg['study']}-{cfg['table']}",
        has_published=False,
    )


def _view(line: Mapping[Hashable, Any]) -> Cell:
    done = pd.notna(line["coverage"])
    return Cell(
        published="",
        reproduced=_show(line) if done else NO_DATA if pd.notna(line["missing"]) else NOT_RUN,
        spread="",
        difference="",
        members=int(done),
        best=False,
        run=str(line["run"]),
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
        f"of {USUAL_LEVEL} % hold (coverage_least_sure)."
    )
    planned = cells[cells["missing"].isna()]
    yield words.describe_data(cfg["datasets"], planned["dataset"], curation)
    yield words.describe_protocols(cfg["protocols"], planned["protocol"])
    yield words.describe_missing(cfg["cells"], NO_DATA)
    yield cfg["note"]


def render_text(view: TableView) -> str:
    """Render the intervals as reStructuredText that is aligned plain text."""
    return render_text_page(view, ("", "inside (half-width)"), group_lines(view, lambda cell: (cell.reproduced,)))
