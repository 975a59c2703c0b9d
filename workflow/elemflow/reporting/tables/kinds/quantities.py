"""Tables of what networks cost: parameters, size and times, beside what a paper prints of them."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.plan.published import QUANTITIES
from elemflow.reporting import text as words
from elemflow.reporting.results import read_info
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
from elemflow.reporting.tables.view import NO_DATA, NO_VALUE, Cell, TableView

FLOAT_MB = 4e-6
TIMES = ("training_time_per_epoch", "prediction_time")
KIND = TableKind(
    description="parameters, size and times of networks",
    overview="quantities.csv",
    overview_title="parameters, sizes and times",
    inputs=("run_info.json",),
)
CELL_TYPES: Types = {
    **NAME_TYPES,
    "quantity": "string",
    "unit": "string",
    "published": "string",  # as printed
    "reproduced": "float64",
    "difference_percent": "float64",
    "members": "Int64",
    "train_rows": "float64",
    "test_rows": "float64",
    "device": "string",
    "published_source": "string",
    "published_note": "string",
    "missing": "string",
    **FAILURE_TYPES,
    "run": "string",
}


def collect_cells(
    cfg: Mapping[str, Any], metrics: Mapping[str, str | Path], curation: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Join printed and measured quantities, one line per cell.

    Returns:
        A frame with the columns of `CELL_TYPES`; `reproduced` is the mean over members, in `unit`.
    """
    del curation  # sizes are told in the caption alone
    lines = []
    for cell in order_cells(cfg):
        quantity = cell["quantity"]
        info = read_info(metrics.get(cell["run"])) if not cell["missing"] else {}
        members = list(info.get("members", {}).values())
        values = [value for member in members if (value := measure(member, quantity)) is not None]
        found = mean(values) if values else None
        published = cell["published"]
        comparable = found is not None and published and quantity not in TIMES
        lines.append(
            {
                **name_cell(cfg, cell),
                **name_failure(cfg, cell["run"]),
                "run": cell["run"],
                "quantity": quantity,
                "unit": cell["unit"],
                "published": None if published is None else cell["published_text"],
                "reproduced": found,
                "difference_percent": 100 * (found / published - 1) if comparable else None,
                "members": len(values),
                "train_rows": mean(member["rows"]["train"] for member in members) if values else None,
                "test_rows": mean(member["rows"]["test"] for member in members) if values else None,
                "device": info["engine"]["device"] if values else None,
                "published_source": cell["published_source"] if published is not None else None,
                "published_note": cell["published_note"] or None,
            }
        )
    return make_frame(lines, CELL_TYPES)


def measure(member: Mapping[str, Any], quantity: str) -> float | None:
    """Return a quantity of one member of a run, in the unit of `QUANTITIES`; None where it has none.

    Args:
        member: Its entry in `run_info.json`.
        quantity: `parameters`, `model_size` (weights and statistics as float32), `training_time_per_epoch` (median) or
            `prediction_time` (of its test materials).
    """
    parameters = member.get("parameters", {}).get("total")
    found: dict[str, float | None] = {
        "parameters": parameters,
        "model_size": None if parameters is None else FLOAT_MB * parameters,
        "training_time_per_epoch": member.get("seconds_per_epoch"),
        "prediction_time": member.get("seconds_predicting"),
    }
    return found[quantity]


def view_table(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> TableView:
    """Arrange the quantities and write the caption."""
    shown = [_view(line) for line in cells.to_dict("records")]
    has_published = bool(cells["published"].notna().any())
    caption = _write_caption(cfg, cells, curation)
    return frame_view(cfg, arrange_rows(cfg, shown), caption, has_published=has_published)


def _view(line: Mapping[Hashable, Any]) -> Cell:
    done = pd.notna(line["reproduced"])
    difference = line["difference_percent"]
    return Cell(
        published=_show(str(line["published"])) if pd.notna(line["published"]) else "",
        reproduced=_show(line["reproduced"]) if done else mark_result(line),
        spread="",
        difference=words.format_percent(difference) if pd.notna(difference) else "",
        members=int(line["members"]),
        best=False,
        run=str(line["run"]),
        log="" if pd.isna(line["log"]) else str(line["log"]),
    )


def _show(value: float | str) -> str:
    """Show a count with separators and anything else with three digits; printed numbers keep their decimals."""
    number = float(value)
    if isinstance(value, str) and "." in value:
        return value
    return f"{number:,.0f}" if number.is_integer() else words.format_number(number, words.count_decimals(number))


def _write_caption(cfg: Mapping[str, Any], cells: pd.DataFrame, curation: Mapping[str, str | Path]) -> Iterator[str]:
    for quantity in dict.fromkeys(cells["quantity"]):
        yield f"{QUANTITIES[quantity].text}."
    timed = cells[cells["quantity"].isin(TIMES) & (cells["members"] > 0)]
    if len(timed):
        ends = ((round(timed[name].min()), round(timed[name].max())) for name in ("train_rows", "test_rows"))
        rows = [words.format_range(*both) for both in ends]
        yield (
            f"Times are those of the machine at hand ({', '.join(sorted(set(timed['device'])))}), for {rows[0]} "
            f"training and {rows[1]} test materials; they are not compared with printed ones."
        )
    planned = cells[cells["missing"].isna()]
    yield words.describe_data(cfg["datasets"], planned["dataset"], curation)
    yield words.describe_protocols(cfg["protocols"], planned["protocol"])
    yield words.describe_missing(cfg["cells"], NO_DATA)
    yield describe_failed(planned.to_dict("records"))
    yield cfg["note"]


def render_text(view: TableView) -> str:
    """Render the quantities as reStructuredText that is aligned plain text."""
    groups = group_lines(view, lambda cell: (cell.published or NO_VALUE, cell.reproduced, cell.difference or NO_VALUE))
    return render_text_page(view, ("column", "published", "reproduced", "difference"), groups)


BUILDER = TableBuilder(CELL_TYPES, collect_cells, view_table, render_text)
