"""Filters of entries, and the choice among polymorphs: one entry per composition, per structure, or all."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from elemflow.chemistry.composition import amounts
from elemflow.config.dataset import (
    ElementsFilter,
    Filter,
    HasFilter,
    Keep,
    MinElementsFilter,
    RangeFilter,
    SigmaFilter,
)
from elemflow.curation.entries import Entries

SAME_VOLUME = 0.01
"""Relative difference of the volumes per atom up to which two entries may be the same structure."""


@dataclass(frozen=True)
class Filtered:
    """The result of a filter.

    Attributes:
        keep: Whether each row passes, shape (rows,).
        reason: Why the others are dropped.
        limits: Limits that the filter computed, if it did.
    """

    keep: np.ndarray
    reason: str
    limits: tuple[float, float] | None = None


class Choice(NamedTuple):
    """The chosen rows, the number of entries behind each, and their properties."""

    rows: np.ndarray
    n_entries: np.ndarray
    properties: dict[str, np.ndarray]


def apply_filter(spec: Filter, entries: Entries, rows: np.ndarray) -> Filtered:
    """Apply one filter of the config to rows of the entries; see `elemflow.curation.curate.curate`."""
    match spec:
        case MinElementsFilter():
            passes = [len(amounts(name.as_py())) >= spec.n for name in entries.names]
            return Filtered(np.array(passes, bool)[entries.codes[rows]], f"fewer than {spec.n} elements")
        case ElementsFilter():
            allowed = frozenset(spec.allowed)
            passes = [allowed.issuperset(amounts(name.as_py())) for name in entries.names]
            return Filtered(np.array(passes, bool)[entries.codes[rows]], "holds an element that is not allowed")
        case HasFilter():
            return Filtered(~np.isnan(entries.properties[spec.property][rows]), f"{spec.property} is missing")
        case RangeFilter():
            low = -np.inf if spec.minimum is None else spec.minimum
            high = np.inf if spec.maximum is None else spec.maximum
            passes_range = _within(entries.properties[spec.property][rows], low, high)
            return Filtered(passes_range, f"{spec.property} is outside {low:g} to {high:g}")
        case SigmaFilter():
            return _filter_sigma(spec, entries.properties[spec.property][rows])


def _filter_sigma(spec: SigmaFilter, values: np.ndarray) -> Filtered:
    present = values[~np.isnan(values)]
    spread = float(np.std(present, ddof=1)) if len(present) > 1 else np.inf
    centre = float(np.mean(present)) if len(present) else 0.0
    low, high = centre - spec.n * spread, centre + spec.n * spread
    reason = f"{spec.property} is outside {low:.6g} to {high:.6g} (mean ± {spec.n:g} standard deviations)"
    return Filtered(_within(values, low, high), reason, (low, high) if np.isfinite(spread) else None)


def choose(keep: Keep, entries: Entries, rows: np.ndarray) -> Choice:
    """Choose among the rows that passed the filters; see `elemflow.curation.curate.curate`.

    Args:
        keep: The rule.
        entries: All entries.
        rows: Rows that passed the filters, ascending.
    """
    codes = entries.codes[rows]
    if keep.rule == "all":
        values = {name: column[rows] for name, column in entries.properties.items()}
        return Choice(rows, np.ones(len(rows), np.int64), values)
    # Stable sorts: equal values keep the order of the source; NaN comes last.
    if keep.rule == "structures":
        ordered = rows[np.lexsort((entries.properties[_decisive(keep)][rows], entries.types[rows], codes))]
        volumes = entries.properties[keep.volume][ordered] if keep.volume else np.zeros(len(ordered))
        starts, counts = distinct_structures(_groups(entries.codes[ordered], entries.types[ordered]), volumes)
    else:
        first = [entries.properties[_decisive(keep)][rows]] if keep.rule == "lowest" else []
        ordered = rows[np.lexsort([*first, codes])]
        starts = np.flatnonzero(_begins(entries.codes[ordered]))
        counts = np.diff(starts, append=len(ordered))
    chosen = ordered[starts]
    if keep.rule == "median":
        values = {name: pd.Series(v[rows]).groupby(codes).median().to_numpy() for name, v in entries.properties.items()}
    else:
        values = {name: v[chosen] for name, v in entries.properties.items()}
    return Choice(chosen, counts, values)


def _decisive(keep: Keep) -> str:
    """Return the property that decides among entries, which the rules `lowest` and `structures` have."""
    if keep.property is None:
        raise ValueError(f"the rule '{keep.rule}' needs a property")
    return keep.property


def _within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.isnan(values) | ((values >= low) & (values <= high))


def _begins(groups: np.ndarray) -> np.ndarray:
    """Return where a new group begins in sorted group numbers."""
    return np.concatenate([np.ones(min(1, len(groups)), bool), groups[1:] != groups[:-1]])


def _groups(codes: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Number the pairs of composition and structure type of sorted rows."""
    return np.cumsum(_begins(codes) | _begins(types))


def distinct_structures(groups: np.ndarray, volumes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows that are different structures, and how many rows each represents.

    In every group the first row stays and represents those of its volume; of the others the first stays in turn.

    Args:
        groups: Group number of each row, sorted; within a group the best row comes first.
        volumes: Volume per atom; rows without one are alike.
    """
    rest = np.arange(len(groups))
    leading: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    while len(rest):
        begins = _begins(groups[rest])
        leaders = rest[begins]
        mine = np.cumsum(begins) - 1
        own, theirs = volumes[rest], volumes[leaders][mine]
        same = (np.abs(own - theirs) <= SAME_VOLUME * np.abs(theirs)) | (np.isnan(own) & np.isnan(theirs))
        leading.append(leaders)
        counts.append(np.bincount(mine[same], minlength=len(leaders)))
        rest = rest[~same]
    positions = np.concatenate(leading)
    order = np.argsort(positions)
    return positions[order], np.concatenate(counts)[order]
