"""How large a run is beside the paper's, and whether its value may be compared with a published one."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from elemflow.core.files import read_json
from elemflow.reporting.results import read_info
from elemflow.reporting.tables.view import NO_VALUE

FULL, REDUCED, LARGER = "full", "reduced", "larger"
# A run on a smaller or larger share of the paper's materials is no repetition of it: a quarter more of them lower an
# error by some 7 % (huang2020, Table I and section III A: 0.060 to 0.105 eV/atom from 337,996 to 56,661 materials).
SAME_SIZE = (0.8, 1.25)
AGREEMENT = 15  # per cent of the published value within which a value counts as reproduced
WITHIN, BEYOND, CHANCE = "within", "beyond", "chance"
SIGNS = {WITHIN: "≈", BEYOND: "≠", CHANCE: "≟"}
CHANCE_ERRORS = 2  # standard errors of a difference that the draw of the test materials may make
MARKS = {REDUCED: "†", LARGER: "‡"}
CELL_TYPES: dict[Hashable, Any] = {
    "materials": "Int64",
    "published_materials": "Int64",
    "max_epochs": "Int64",
    "scale": "string",
    "reduced_by": "string",
}


def describe_cell(
    cfg: Mapping[str, Any],
    cell: Mapping[str, Any],
    curation: Mapping[str, Any],
    metrics: str | Path | None = None,
) -> dict[str, Any]:
    """Return the scale of the run behind a cell: the columns of `CELL_TYPES`.

    Args:
        cfg: The table as planned, with the `scales` of its protocols.
        cell: The cell as planned; without data it has no scale.
        curation: Path of each dataset's `curation.json`; a missing file leaves the number of materials open.
        metrics: `metrics.json` of the run, if it has one; without it the epochs stay open.
    """
    if cell["missing"]:
        return {}
    bounds = cfg["scales"][cell["protocol"]]
    materials = _count_materials(cell, curation.get(cell["dataset"]), bounds["max_materials"])
    reasons, printed = list(bounds["reduced"]), cell["published_size"]
    # A protocol with `train_rows` repeats a set of another size where the paper prints a value of that size.
    most = bounds["set_of_train_rows"] if cell["published"] is not None else None
    compared = min(materials, most or materials) if materials is not None else None
    share = compared / printed if compared is not None and printed else 1
    if share < SAME_SIZE[0]:
        reasons.append(_sizes(compared, printed))
    return {
        "materials": materials,
        "published_materials": printed,
        "max_epochs": _epochs_at_most(metrics),
        "scale": REDUCED if reasons else LARGER if share > SAME_SIZE[1] else FULL,
        "reduced_by": "; ".join(reasons) or None,
    }


def _epochs_at_most(metrics: str | Path | None) -> int | None:
    """Return the `max_epochs` that held for the rows of a run of networks; estimators have none."""
    cfg = read_info(metrics).get("cfg")
    return int(cfg["protocol"]["training"]["max_epochs"]) if cfg and cfg["model"]["kind"] == "network" else None


def _sizes(materials: int | None, printed: int | None) -> str:
    return f"{materials:,} materials, {printed:,} in the paper"


def _count_materials(cell: Mapping[str, Any], path: str | Path | None, most: int | None) -> int | None:
    """Return how many materials have a value of the property and enter the run."""
    if not path or not Path(path).is_file():
        return None
    report = read_json(path)
    of_property = report.get("properties", {}).get(cell["property"], {})
    found = int(of_property.get("values", report["materials"]))
    return min(found, most) if most else found


def difference_error(standard_error: float | None, drawn_tests: int | None) -> float | None:
    """Return the standard error that a difference to a published value has by the draw of the test materials alone.

    The paper's value is taken as that of one test part with the standard error of ours, from another draw.

    Args:
        standard_error: Of the error on one test part.
        drawn_tests: How many such parts the reproduced value is the mean of; None where they are not drawn.
    """
    return standard_error * sqrt(1 + 1 / drawn_tests) if standard_error is not None and drawn_tests else None


def agreement(
    difference: float | None, percent: float | None, scale: str | None, error: float | None = None
) -> str | None:
    """Tell whether a value at full scale repeats the published one; None if that says nothing.

    Args:
        difference: Reproduced minus published value.
        percent: The same in per cent of the published value.
        scale: That of the run.
        error: Standard error of the difference by the draw of the test materials, if they are drawn.

    Returns:
        `within` up to `AGREEMENT` per cent; else `chance` up to `CHANCE_ERRORS` standard errors; else `beyond`.
    """
    if difference is None or percent is None or scale != FULL:
        return None
    if abs(percent) <= AGREEMENT:
        return WITHIN
    return CHANCE if error is not None and abs(difference) <= CHANCE_ERRORS * error else BEYOND


def mark_of(record: Mapping[Any, Any]) -> str:
    """Return the mark of a number at a reduced scale or from a larger set, nothing for one at full scale."""
    return MARKS.get(record["scale"], "")


def describe_scale(records: Iterable[Mapping[Any, Any]], *, tests: bool = False) -> str:
    """Return sentences on the runs at a reduced scale and on larger sets; nothing if there are none.

    Args:
        records: What cells, or tests, say of their scale.
        tests: Whether they are tests of one model against another.
    """
    chosen = list(records)
    return " ".join(filter(None, (_describe_reduced(chosen, tests=tests), _describe_larger(chosen, tests=tests))))


def _count(records: Sequence[Mapping[Any, Any]], *, tests: bool) -> str:
    return f"{len(records)} {'test' if tests else 'cell'}{'s' if len(records) > 1 else ''}"


def _describe_larger(records: Iterable[Mapping[Any, Any]], *, tests: bool) -> str:
    larger = [record for record in records if record["scale"] == LARGER]
    if not larger:
        return ""
    meaning = "" if tests else " What more data are worth is in their differences, so no ≈ or ≠ stands behind them."
    marked = f"More materials than in the paper, marked {MARKS[LARGER]}, {_count(larger, tests=tests)}"
    return f"{marked}: {_all_sizes(larger)}.{meaning}"


def _all_sizes(records: Iterable[Mapping[Any, Any]]) -> str:
    return "; ".join(dict.fromkeys(_sizes(record["materials"], record["published_materials"]) for record in records))


def _describe_reduced(records: Iterable[Mapping[Any, Any]], *, tests: bool) -> str:
    reduced = [record for record in records if record["scale"] == REDUCED]
    if not reduced:
        return ""
    meaning = (
        "They tell which model is better at that scale, and nothing of another."
        if tests
        else "Such numbers show that the way works; they neither reproduce a published value nor fail to, and have no "
        "difference."
    )
    return f"Reduced scale, marked {MARKS[REDUCED]}, {_count(reduced, tests=tests)}: {_reasons(reduced)}. {meaning}"


def describe_runs(records: Iterable[Mapping[str, Any]]) -> str:
    """Return sentences on the runs of a figure at a reduced scale or on larger sets; nothing if there are none."""
    runs = list(records)
    reduced, larger = ([run for run in runs if run["scale"] == scale] for scale in (REDUCED, LARGER))
    told = []
    if reduced:
        told.append(
            f"Reduced scale, {len(reduced)} of {len(runs)} runs: {_reasons(reduced)}. "
            "Such numbers show that the way works; they neither reproduce a published value nor fail to."
        )
    if larger:
        told.append(f"More materials than in the paper, {len(larger)} of {len(runs)} runs: {_all_sizes(larger)}.")
    return " ".join(told)


def _reasons(reduced: Iterable[Mapping[Any, Any]]) -> str:
    return "; ".join(dict.fromkeys(reason for record in reduced for reason in record["reduced_by"].split("; ")))


def describe_agreement(records: Iterable[Mapping[str, Any]]) -> str:
    """Return what the signs behind differences mean; nothing if there are none."""
    found = {record.get("agreement") for record in records} - {None}
    if not found:
        return ""
    by_chance = (
        f" {SIGNS[CHANCE]}: beyond it, but less than {CHANCE_ERRORS} standard errors of what the draw of the test "
        "materials alone changes, so the paper's division may be the reason."
    )
    signs = f"Differences: {SIGNS[WITHIN]} within and {SIGNS[BEYOND]} beyond {AGREEMENT} % of the published value."
    return signs + by_chance * (CHANCE in found)


def describe_rows(record: Mapping[str, Any]) -> str:
    """Return the materials of a run, beside those of the paper where it prints them."""
    if record.get("materials") is None:
        return NO_VALUE
    printed = record.get("published_materials")
    return f"{record['materials']:,}" + (f" of {printed:,}" if printed else "")
