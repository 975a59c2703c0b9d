"""Which entries become materials: filters, then one entry per composition or per structure or all, on plain arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from elemflow.chemistry.composition import amounts
from elemflow.curation.entries import Entries

SAME_VOLUME = 0.01
"""Relative difference of the volumes per atom up to which two entries may be the same structure."""


@dataclass(frozen=True)
class Step:
    """Which of the judged rows a filter keeps, why it drops the others, and the limits it computed."""

    keep: np.ndarray
    reason: str
    limits: tuple[float, float] | None = None


class Choice(NamedTuple):
    """The chosen rows, the entries behind each, and their properties."""

    rows: np.ndarray
    n_entries: np.ndarray
    properties: dict[str, np.ndarray]


def apply_filter(spec: Mapping[str, Any], entries: Entries, rows: np.ndarray) -> Step:
    """Judge rows of the entries by one filter of the config; see `elemflow.curation.curate.curate`."""
    kind = spec["kind"]
    if kind in {"min_elements", "elements"}:
        return _judge_compositions(spec, entries, rows)
    name = spec["property"]
    values = entries.properties[name][rows]
    if kind == "has":
        return Step(~np.isnan(values), f"{name} is missing")
    if kind == "range":
        low, high = _bound(spec.get("minimum"), -np.inf), _bound(spec.get("maximum"), np.inf)
        return Step(_within(values, low, high), f"{name} is outside {low:g} to {high:g}")
    present = values[~np.isnan(values)]
    spread = float(np.std(present, ddof=1)) if len(present) > 1 else np.inf
    centre = float(np.mean(present)) if len(present) else 0.0
    low, high = centre - spec["n"] * spread, centre + spec["n"] * spread
    reason = f"{name} is outside {low:.6g} to {high:.6g} (mean ± {spec['n']:g} standard deviations)"
    return Step(_within(values, low, high), reason, (low, high) if np.isfinite(spread) else None)


def choose(keep: Mapping[str, Any], entries: Entries, rows: np.ndarray) -> Choice:
    """Choose among the rows that passed the filters; see `elemflow.curation.curate.curate`.

    Args:
        keep: The rule.
        entries: All entries.
        rows: Rows that passed the filters, ascending.
    """
    codes = entries.codes[rows]
    if keep["rule"] == "all":
        values = {name: column[rows] for name, column in entries.properties.items()}
        return Choice(rows, np.ones(len(rows), np.int64), values)
    # Stable sorts: equal values keep the order of the source; NaN comes last.
    if keep["rule"] == "structures":
        ordered = rows[np.lexsort((entries.properties[keep["property"]][rows], entries.types[rows], codes))]
        volumes = entries.properties[keep["volume"]][ordered] if keep.get("volume") else np.zeros(len(ordered))
        starts, counts = _distinct(_groups(entries.codes[ordered], entries.types[ordered]), volumes)
    else:
        first = [entries.properties[keep["property"]][rows]] if keep["rule"] == "lowest" else []
        ordered = rows[np.lexsort([*first, codes])]
        starts = np.flatnonzero(_begins(entries.codes[ordered]))
        counts = np.diff(starts, append=len(ordered))
    chosen = ordered[starts]
    if keep["rule"] == "median":
        values = {name: pd.Series(v[rows]).groupby(codes).median().to_numpy() for name, v in entries.properties.items()}
    else:
        values = {name: v[chosen] for name, v in entries.properties.items()}
    return Choice(chosen, counts, values)


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.isnan(values) | ((values >= low) & (values <= high))


def _judge_compositions(spec: Mapping[str, Any], entries: Entries, rows: np.ndarray) -> Step:
    if spec["kind"] == "min_elements":
        fewest = spec["n"]
        reason = f"fewer than {fewest} elements"
        passes = np.fromiter((len(amounts(name.as_py())) >= fewest for name in entries.names), bool)
    else:
        allowed = frozenset(spec["allowed"])
        reason = "holds an element that is not allowed"
        passes = np.fromiter((allowed.issuperset(amounts(name.as_py())) for name in entries.names), bool)
    return Step(passes[entries.codes[rows]], reason)


def _begins(groups: np.ndarray) -> np.ndarray:
    """Return where a new group begins in sorted group numbers."""
    return np.concatenate([np.ones(min(1, len(groups)), bool), groups[1:] != groups[:-1]])


def _groups(codes: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Number the pairs of composition and structure type of sorted rows."""
    return np.cumsum(_begins(codes) | _begins(types))


def _distinct(groups: np.ndarray, volumes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows that are structures of their own, and how many rows each stands for.

    In every group the first row is kept and stands for those of its volume; of the others the first is kept in turn.

    Args:
        groups: Group number of each row, sorted; within a group the best row comes first.
        volumes: Volume per atom; rows without one are alike.
    """
    rest = np.arange(len(groups))
    kept: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    while len(rest):
        begins = _begins(groups[rest])
        leaders = rest[begins]
        mine = np.cumsum(begins) - 1
        own, leading = volumes[rest], volumes[leaders][mine]
        same = (np.abs(own - leading) <= SAME_VOLUME * np.abs(leading)) | (np.isnan(own) & np.isnan(leading))
        kept.append(leaders)
        counts.append(np.bincount(mine[same], minlength=len(leaders)))
        rest = rest[~same]
    positions = np.concatenate(kept)
    order = np.argsort(positions)
    return positions[order], np.concatenate(counts)[order]
