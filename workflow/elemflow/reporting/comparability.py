"""Scale of a run next to that of the paper, and whether its value may be compared with a published one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Protocol

from elemflow.core.files import read_json
from elemflow.evaluation.equivalence import (
    LEVEL,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    Equivalence,
    Sampling,
    compare,
)
from elemflow.plan.items import PlannedItem, ProtocolScale
from elemflow.plan.published import MARGIN
from elemflow.reporting.results import Score, read_info, spread_of_one
from elemflow.reporting.view import NO_VALUE

FULL, REDUCED, LARGER = "full", "reduced", "larger"
# A run on a smaller or larger share of the paper's materials is no repetition of it: a quarter more of them lower an
# error by some 7 % (huang2020, Table I and section III A: 0.060 to 0.105 eV/atom from 337,996 to 56,661 materials).
SAME_SIZE = (0.8, 1.25)
SIGNS = {REPRODUCED: "≈", NOT_REPRODUCED: "≠", UNDECIDED: "≟"}
MARKS = {REDUCED: "†", LARGER: "‡"}

Paths = Mapping[str, str | Path]


class HasScale(Protocol):
    """What a line of a table, or a run, says of its scale; see `RunScale`."""

    @property
    def materials(self) -> int | None:
        """Number of materials."""

    @property
    def published_materials(self) -> int | None:
        """Number of materials in the paper."""

    @property
    def scale(self) -> str | None:
        """`full`, `reduced` or `larger`."""

    @property
    def reduced_by(self) -> str | None:
        """Why it is reduced."""


class HasVerdict(Protocol):
    """What says whether a value repeats the published one; see `compare_with_published`."""

    @property
    def verdict(self) -> str | None:
        """`reproduced`, `not reproduced` or `undecided`."""

    @property
    def further_members(self) -> int | None:
        """How many more members would decide."""


NETWORKS = ("network", "network_search")
"""Kinds of model that are trained in epochs."""


@dataclass(frozen=True)
class RunScale:
    """Scale of the run behind a cell; all None for a cell without data.

    Attributes:
        materials: Number of materials that have a value of the property and enter the run.
        published_materials: Number of materials behind the printed value.
        max_epochs: Most epochs of a network.
        scale: `full`, `reduced` or `larger`.
        reduced_by: Why it is reduced, separated by semicolons.
    """

    materials: int | None = None
    published_materials: int | None = None
    max_epochs: int | None = None
    scale: str | None = None
    reduced_by: str | None = None


def describe_cell(
    scales: Mapping[str, ProtocolScale],
    cell: PlannedItem,
    curation: Paths,
    metrics: str | Path | None = None,
) -> RunScale:
    """Return the scale of the run behind a cell.

    Args:
        scales: Those of the protocols of the table or figure.
        cell: The cell as planned.
        curation: Path of each dataset's `curation.json`; a missing file leaves the number of materials open.
        metrics: `metrics.json` of the run, if it has one; without it the epochs stay open.
    """
    if cell.missing:
        return RunScale()
    bounds = scales[cell.protocol]
    materials = _count_materials(cell, curation.get(cell.dataset), bounds.max_materials)
    reasons, printed = list(bounds.reduced), cell.published_size
    # A protocol with `train_rows` repeats a set of another size where the paper prints a value of that size.
    most = bounds.set_of_train_rows if cell.published is not None else None
    compared = min(materials, most or materials) if materials is not None else None
    share = compared / printed if compared is not None and printed else 1
    if share < SAME_SIZE[0]:
        reasons.append(_sizes(compared, printed))
    return RunScale(
        materials=materials,
        published_materials=printed,
        max_epochs=_epochs_at_most(metrics),
        scale=REDUCED if reasons else LARGER if share > SAME_SIZE[1] else FULL,
        reduced_by="; ".join(reasons) or None,
    )


def _epochs_at_most(metrics: str | Path | None) -> int | None:
    """Return the `max_epochs` that held for the rows of a run of networks; estimators have none."""
    cfg = read_info(metrics).get("cfg")
    return int(cfg["protocol"]["training"]["max_epochs"]) if cfg and cfg["model"]["kind"] in NETWORKS else None


def _sizes(materials: int | None, printed: int | None) -> str:
    return f"{materials:,} materials, {printed:,} in the paper"


def _count_materials(cell: PlannedItem, path: str | Path | None, most: int | None) -> int | None:
    """Return how many materials have a value of the property and enter the run."""
    if not path or not Path(path).is_file():
        return None
    report = read_json(path)
    of_property = report.get("properties", {}).get(cell.property, {})
    found = int(of_property.get("values", report["materials"]))
    return min(found, most) if most else found


def difference_error(standard_error: float | None, drawn_tests: int | None) -> float | None:
    """Return the standard error that a difference to a published value has from the sampling of the test sets alone.

    The paper's value is taken as that of one test set with the standard error of ours, drawn independently.

    Args:
        standard_error: That of the error on one test set.
        drawn_tests: Number of test sets that the reproduced value is the mean of; None where they are not drawn.
    """
    return standard_error * sqrt(1 + 1 / drawn_tests) if standard_error is not None and drawn_tests else None


def compare_with_published(
    difference: float | None,
    margin: float | None,
    scale: str | None,
    score: Score | None,
    drawn_tests: int | None,
    metrics: str | Path | None = None,
) -> Equivalence | None:
    """Return whether a value at full scale repeats the published one; None if the two are not comparable.

    Args:
        difference: Reproduced minus published value.
        margin: Largest difference that counts as none.
        scale: That of the run.
        score: The reproduced value with its spread.
        drawn_tests: Number of test sets that it is the mean of; None where they are not drawn.
        metrics: `metrics.json` of the run, whose model says how far a single member varies.
    """
    if difference is None or margin is None or score is None or scale != FULL:
        return None
    if score.is_best:  # the error of one member on its test set, as the published one is
        return compare(difference, margin, Sampling(1, None, score.standard_error, 1, spread_of_one(metrics)))
    drawn = score.standard_error if drawn_tests else None
    sampling = Sampling(score.members, score.sd, drawn, drawn_tests or 1, spread_of_one(metrics))
    return compare(difference, margin, sampling)


def mark_of(scale: str | None) -> str:
    """Return the mark of a number at a reduced scale or from a larger set, nothing for one at full scale."""
    return MARKS.get(scale or "", "")


def describe_scale(lines: Iterable[HasScale], *, tests: bool = False) -> str:
    """Return sentences on the runs at a reduced scale and on larger sets; nothing if there are none.

    Args:
        lines: Cells or tests.
        tests: Whether they are tests of one model against another.
    """
    chosen = list(lines)
    return " ".join(filter(None, (_describe_reduced(chosen, tests=tests), _describe_larger(chosen, tests=tests))))


def _count(lines: Sequence[HasScale], *, tests: bool) -> str:
    return f"{len(lines)} {'test' if tests else 'cell'}{'s' if len(lines) > 1 else ''}"


def _describe_larger(lines: Iterable[HasScale], *, tests: bool) -> str:
    larger = [line for line in lines if line.scale == LARGER]
    if not larger:
        return ""
    meaning = "" if tests else " Their differences contain the effect of more data, so they have no ≈ or ≠."
    marked = f"{MARKS[LARGER]}: more materials than in the paper, {_count(larger, tests=tests)}"
    return f"{marked}: {_all_sizes(larger)}.{meaning}"


def _all_sizes(lines: Iterable[HasScale]) -> str:
    return "; ".join(dict.fromkeys(_sizes(line.materials, line.published_materials) for line in lines))


def _describe_reduced(lines: Iterable[HasScale], *, tests: bool) -> str:
    reduced = [line for line in lines if line.scale == REDUCED]
    if not reduced:
        return ""
    meaning = (
        "They show which model is better at that scale only."
        if tests
        else "Such values show that the method works. They are not compared with the paper and have no difference."
    )
    return f"{MARKS[REDUCED]}: reduced scale, {_count(reduced, tests=tests)}: {_reasons(reduced)}. {meaning}"


def describe_runs(runs: Sequence[HasScale]) -> str:
    """Return sentences on the runs of a figure at a reduced scale or on larger sets; nothing if there are none."""
    reduced, larger = ([run for run in runs if run.scale == scale] for scale in (REDUCED, LARGER))
    sentences = []
    if reduced:
        sentences.append(
            f"Reduced scale, {len(reduced)} of {len(runs)} runs: {_reasons(reduced)}. "
            "Such values show that the method works. They are not compared with the paper."
        )
    if larger:
        sentences.append(f"More materials than in the paper, {len(larger)} of {len(runs)} runs: {_all_sizes(larger)}.")
    return " ".join(sentences)


def _reasons(reduced: Iterable[HasScale]) -> str:
    return "; ".join(dict.fromkeys(reason for run in reduced for reason in (run.reduced_by or "").split("; ")))


def describe_verdicts(lines: Iterable[HasVerdict]) -> str:
    """Return what the signs behind differences mean; nothing if there are none."""
    chosen = [line for line in lines if line.verdict]
    if not chosen:
        return ""
    found = {line.verdict for line in chosen}
    meanings = {
        REPRODUCED: "lies inside",
        NOT_REPRODUCED: "lies outside",
        UNDECIDED: "crosses",
    }
    signs = "; ".join(
        f"{SIGNS[verdict]} {verdict}: it {meaning} the margin"
        for verdict, meaning in meanings.items()
        if verdict in found
    )
    return (
        f"The {100 * LEVEL:g} % interval of each difference, from the sampling of test sets, splits and seeds of both "
        f"values, is compared with a margin of {100 * MARGIN:g} % of the published value, or half the gap to the "
        "next value that is printed of the same property on the same inputs where that is smaller. "
        f"{signs}.{_describe_undecided(chosen)}"
    )


def _describe_undecided(lines: Sequence[HasVerdict]) -> str:
    """Return what would decide the undecided cells."""
    undecided = [line for line in lines if line.verdict == UNDECIDED]
    if not undecided:
        return ""
    further = [line.further_members for line in undecided if line.further_members is not None]
    never = len(undecided) - len(further)
    parts = []
    if further:
        low, high = min(further), max(further)
        count = f"{low}" if low == high else f"{low} to {high}"
        parts.append(f"{len(further)} of {len(undecided)} undecided by {count} more members, each with its own split")
    if never:
        parts.append(f"{never} by no number of them, since the published value itself varies by more than the margin")
    return f" Decidable: {'; '.join(parts)}."


def describe_rows(materials: int | None, published: int | None) -> str:
    """Return the materials of a run, next to those of the paper where it prints them."""
    if materials is None:
        return NO_VALUE
    return f"{materials:,}" + (f" of {published:,}" if published else "")
