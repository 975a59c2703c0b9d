"""Known compounds that differ from a composition by one exchanged element, at the same stoichiometry.

How far such compounds lie from the hull says much of how far a candidate does: their mean is the baseline without a
model. Their decomposition enthalpies do not depend on the energy of the candidate, since it has an element that they
lack.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from elemflow.chemistry.periodic_table import positions
from elemflow.stability.competition import Compositions

LABELS = (
    "substitutions", "substitution_mean", "substitution_weighted_mean", "substitution_lowest", "substitution_highest",
    "substitution_share_stable", "substitution_nearest", "substitution_nearest_likeness",
)  # fmt: skip
LOWEST = LABELS.index("substitution_lowest")
"""Column of the lowest ΔHd of such compounds."""
_SCALE = 1_000_000_000
"""Fractions are compared in steps of a billionth."""
_LENGTH = 2.0
"""Distance in groups and periods over which likeness falls by a factor e."""
_MOST_PAIRS = 4_000_000


@dataclass(frozen=True)
class _Holes:
    """Compositions with one element taken out, one entry per element of each.

    Attributes:
        rows: Composition (entries,).
        elements: Element taken out (entries,).
        keys: What remains, and the amount of the one taken out, as a hash (entries,).
    """

    rows: np.ndarray
    elements: np.ndarray
    keys: np.ndarray

    @classmethod
    def of(cls, compositions: Compositions, chosen: np.ndarray) -> "_Holes":
        """Return the entries of some compositions, given by their positions."""
        elements = compositions.elements[chosen].astype(np.uint64)
        amounts = np.rint(compositions.fractions[chosen] * _SCALE).astype(np.uint64)
        present = elements > 0
        parts = np.where(present, _mix(elements * np.uint64(_SCALE * 8) + amounts), np.uint64(0))
        holes = parts.sum(axis=1, keepdims=True, dtype=np.uint64) - parts + _mix(amounts)
        rows, places = np.nonzero(present)
        return cls(chosen[rows], elements[rows, places].astype(np.int64), holes[rows, places])


def _mix(values: np.ndarray) -> np.ndarray:
    """Return well mixed 64-bit numbers (splitmix64); the sum of those of a set names the set.

    Two of 300,000 different sets have one sum with a probability of 2e-9.
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@dataclass(frozen=True)
class Pairs:
    """Compositions with known compounds that differ from them by one exchanged element.

    Attributes:
        places: Composition, by its place among those asked for (pairs,).
        wanted_elements: Atomic number of its exchanged element (pairs,).
        known: Position of the known compound (pairs,).
        known_elements: Atomic number of the element in its place (pairs,).
    """

    places: np.ndarray
    wanted_elements: np.ndarray
    known: np.ndarray
    known_elements: np.ndarray


class KnownCompounds:
    """Looks up known compounds by their composition with one element taken out."""

    def __init__(self, phases: Compositions, chosen: np.ndarray):
        """Read the known compounds.

        Args:
            phases: All compositions.
            chosen: Positions of those that are known.
        """
        holes = _Holes.of(phases, chosen)
        order = np.argsort(holes.keys, kind="stable")
        self._keys, self._elements, self._rows = holes.keys[order], holes.elements[order], holes.rows[order]

    def pairs(self, compositions: Compositions, rows: np.ndarray) -> Iterator[Pairs]:
        """Yield all pairs of some compositions, given by ascending positions, in parts that fit into memory."""
        holes = _Holes.of(compositions, rows)
        first = np.searchsorted(self._keys, holes.keys, side="left")
        sizes = np.searchsorted(self._keys, holes.keys, side="right") - first
        places = np.searchsorted(rows, holes.rows) if len(rows) else np.empty(0, np.int64)
        ends = np.cumsum(sizes)
        start = 0
        while start < len(sizes):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + _MOST_PAIRS, side="right")), start + 1)
            counts = sizes[start:stop]
            entries = np.repeat(np.arange(start, stop), counts)
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            known = first[entries] + within
            others = self._elements[known] != holes.elements[entries]
            entries, known = entries[others], known[others]
            yield Pairs(places[entries], holes.elements[entries], self._rows[known], self._elements[known])
            start = stop


class Substitutions:
    """Means over the known compounds with one element exchanged."""

    def __init__(self, phases: Compositions, values: np.ndarray, chosen: np.ndarray):
        """Read the known compounds.

        Args:
            phases: Their compositions.
            values: Decomposition enthalpy of each (phases,), eV/atom.
            chosen: Positions of those to look up.
        """
        self._known, self._values = KnownCompounds(phases, chosen), values
        self._likeness = _likeness()

    def features(self, compositions: Compositions, rows: np.ndarray) -> np.ndarray:
        """Return the columns of `LABELS` for some compositions (rows, 8); NaN where no such compound is known."""
        sums = _Sums(len(rows))
        for pairs in self._known.pairs(compositions, rows):
            likeness = self._likeness[pairs.wanted_elements, pairs.known_elements]
            sums.add(pairs.places, self._values[pairs.known], likeness)
        return sums.columns()


class _Sums:
    """Sums over the pairs of each composition."""

    def __init__(self, n: int):
        self._n = n
        self._count, self._sum, self._weight, self._weighted, self._stable = (np.zeros(n) for _ in range(5))
        self._lowest, self._highest = np.full(n, np.inf), np.full(n, -np.inf)
        self._nearest, self._nearest_value = np.full(n, -np.inf), np.full(n, np.nan)

    def add(self, rows: np.ndarray, values: np.ndarray, likeness: np.ndarray) -> None:
        """Add pairs: their composition, the value of the known compound, the likeness of the elements."""
        self._count += np.bincount(rows, minlength=self._n)
        self._sum += np.bincount(rows, values, minlength=self._n)
        self._weight += np.bincount(rows, likeness, minlength=self._n)
        self._weighted += np.bincount(rows, likeness * values, minlength=self._n)
        self._stable += np.bincount(rows, values <= 0, minlength=self._n)
        np.minimum.at(self._lowest, rows, values)
        np.maximum.at(self._highest, rows, values)
        order = np.lexsort((values, -likeness, rows))
        firsts = order[np.flatnonzero(np.append(True, np.diff(rows[order]) > 0))] if len(order) else order
        better = firsts[likeness[firsts] > self._nearest[rows[firsts]]]
        self._nearest[rows[better]], self._nearest_value[rows[better]] = likeness[better], values[better]

    def columns(self) -> np.ndarray:
        """Return the columns of `LABELS`."""
        some = self._count > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            columns = (
                self._count, self._sum / self._count, self._weighted / self._weight, self._lowest, self._highest,
                self._stable / self._count, self._nearest_value, self._nearest,
            )  # fmt: skip
        found = np.where(some[:, None], np.column_stack(columns), np.nan)
        found[:, 0] = self._count
        return found


def _likeness() -> np.ndarray:
    """Return exp(-d / 2) of the distance d of two elements in groups and periods, by atomic numbers (119, 119)."""
    places = positions()
    distance = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    return np.exp(-distance / _LENGTH)
