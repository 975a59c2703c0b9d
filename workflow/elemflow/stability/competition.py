"""Which known phases compete with a composition: those whose elements are all among its own.

Compositions of one chemical system have the same competitors, so that these are found once per system, by a look-up of
every subset of its elements.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from elemflow.chemistry.formula_arrays import element_amounts
from elemflow.core.errors import DataError

_MOST_SUBSETS_OF = 9
"""Elements of a system up to which its subsets are looked up; above, all systems are searched for subsets."""


@dataclass(frozen=True)
class Compositions:
    """Compositions as arrays, sorted by atomic number within each.

    Attributes:
        formulas: Canonical formulas (n,).
        elements: Atomic numbers (n, most), int16, 0 where there are fewer elements.
        fractions: Atomic fractions (n, most), 0 where there are fewer elements.
        counts: Number of elements of each (n,).
    """

    formulas: Sequence[str]
    elements: np.ndarray
    fractions: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, formulas: Sequence[str]) -> "Compositions":
        """Read canonical formulas.

        Raises:
            DataError: A formula has no elements or a symbol that is no element.
        """
        if not len(formulas):
            return cls((), np.zeros((0, 1), np.int16), np.zeros((0, 1)), np.zeros(0, np.int64))
        found = element_amounts(formulas)
        if found.reasons:
            row, reason = next(iter(found.reasons.items()))
            raise DataError(f"composition {row + 1}: {reason}. Remove it, or correct its formula.")
        order = np.lexsort((found.numbers, found.rows))
        rows, numbers, values = found.rows[order], found.numbers[order], found.values[order]
        counts = np.bincount(rows, minlength=len(formulas))
        starts = np.cumsum(counts) - counts
        places = np.arange(len(rows)) - starts[rows]
        shape = (len(formulas), int(counts.max()))
        elements, fractions = np.zeros(shape, np.int16), np.zeros(shape)
        elements[rows, places] = numbers
        fractions[rows, places] = values / np.add.reduceat(values, starts)[rows]
        return cls(tuple(formulas), elements, fractions, counts)

    def __len__(self) -> int:
        return len(self.formulas)

    def systems(self) -> np.ndarray:
        """Return the chemical system of each composition as a byte string that sorts and compares (n,)."""
        return _keys(self.elements)


@dataclass(frozen=True)
class Problems:
    """Compositions of one number of elements and the phases that each competes with.

    Attributes:
        targets: Positions of the compositions (m,).
        elements: Atomic numbers of each (m, k).
        fractions: Its atomic fractions (m, k).
        phases: Positions of the competing phases of all compositions, one after the other (pairs,).
        starts: Where those of each composition begin (m + 1,).
    """

    targets: np.ndarray
    elements: np.ndarray
    fractions: np.ndarray
    phases: np.ndarray
    starts: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """Composition, as a row of `targets`, that each pair belongs to (pairs,)."""
        return np.repeat(np.arange(len(self.targets)), np.diff(self.starts))


class Competition:
    """The phases that compete with each of some compositions.

    Attributes:
        targets: The compositions.
        phases: The known phases; elements among them are left out, since every element is there with energy 0.
    """

    def __init__(self, targets: Compositions, phases: Compositions | None = None):
        """Find the systems of the phases.

        Args:
            targets: Compositions to decompose.
            phases: Distinct compositions of the known phases; the targets themselves if None.
        """
        self.targets = targets
        self.phases = targets if phases is None else phases
        compounds = np.flatnonzero(self.phases.counts > 1)
        keys = self.phases.systems()[compounds]
        order = np.argsort(keys, kind="stable")
        self._members = compounds[order]
        self._keys, first = np.unique(keys[order], return_index=True)
        self._first = np.append(first, len(order))
        self._equal = self._equal_phases()

    def _equal_phases(self) -> np.ndarray:
        """Return the phase that has the composition of each target, -1 if none has (targets,)."""
        if self.phases is self.targets:
            return np.arange(len(self.targets))
        positions = {formula: place for place, formula in enumerate(self.phases.formulas)}
        return np.array([positions.get(formula, -1) for formula in self.targets.formulas], dtype=np.int64)

    @property
    def equal(self) -> np.ndarray:
        """Position of the phase with the same composition, -1 where none is known (targets,)."""
        return self._equal

    def own(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the value of the phase with the same composition (rows,); NaN where none is known.

        Args:
            values: Value of each phase (phases,).
            rows: Positions of the targets.
        """
        equal = self._equal[rows]
        return np.where(equal >= 0, values[equal], np.nan)

    def problems(self, rows: np.ndarray | None = None, most_pairs: int = 400_000) -> Iterator[Problems]:
        """Yield the compositions with their competitors, in batches of one number of elements.

        A composition does not compete with itself.

        Args:
            rows: Positions of the targets; all if None.
            most_pairs: About how many pairs a batch has at most.
        """
        rows = np.arange(len(self.targets)) if rows is None else np.asarray(rows)
        counts = self.targets.counts[rows]
        for k in np.unique(counts).tolist():
            chosen = rows[counts == k]
            systems, inverse = np.unique(self.targets.elements[chosen, :k], axis=0, return_inverse=True)
            found, starts = self._competitors(systems)
            sizes = np.diff(starts)[inverse.ravel()]
            order = np.argsort(inverse.ravel(), kind="stable")
            for batch in _batches(sizes[order], most_pairs):
                places = order[batch]
                yield self._problems(chosen[places], inverse.ravel()[places], k, found, starts)

    def _problems(
        self, targets: np.ndarray, systems: np.ndarray, k: int, found: np.ndarray, starts: np.ndarray
    ) -> Problems:
        sizes = np.diff(starts)[systems]
        owners = np.repeat(np.arange(len(targets)), sizes)
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        phases = found[starts[systems][owners] + within]
        others = phases != self._equal[targets][owners]
        left = np.bincount(owners[others], minlength=len(targets))
        return Problems(
            targets,
            self.targets.elements[targets, :k],
            self.targets.fractions[targets, :k],
            phases[others],
            np.append(0, np.cumsum(left)),
        )

    def _competitors(self, systems: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the phases within each system (n, k), one after the other, and where those of each begin (n + 1,)."""
        k = systems.shape[1]
        owners, groups = self._by_subsets(systems) if k <= _MOST_SUBSETS_OF else self._by_search(systems)
        order = np.argsort(owners, kind="stable")
        owners, groups = owners[order], groups[order]
        sizes = self._first[groups + 1] - self._first[groups]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        phases = self._members[np.repeat(self._first[groups], sizes) + within]
        counts = np.bincount(owners, sizes, minlength=len(systems)).astype(np.int64)
        return phases, np.append(0, np.cumsum(counts))

    def _by_subsets(self, systems: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        owners, groups = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for size in range(2, systems.shape[1] + 1) if len(self._keys) else ():
            for subset in combinations(range(systems.shape[1]), size):
                keys = _keys(systems[:, subset])
                place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
                known = np.flatnonzero(self._keys[place] == keys)
                owners.append(known)
                groups.append(place[known])
        return np.concatenate(owners), np.concatenate(groups)

    def _by_search(self, systems: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        elements = self.phases.elements[self._members[self._first[:-1]]]
        owners, groups = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for row, system in enumerate(systems):
            inside = np.flatnonzero(np.isin(elements, np.append(system, 0)).all(axis=1))
            owners.append(np.full(len(inside), row))
            groups.append(inside)
        return np.concatenate(owners), np.concatenate(groups)


def _keys(elements: np.ndarray) -> np.ndarray:
    """Return sets of elements (n, k), padded with 0 behind, as byte strings (n,)."""
    numbers = np.ascontiguousarray(elements.astype(np.uint8))
    return numbers.view(f"S{numbers.shape[1]}").ravel()


def _batches(sizes: np.ndarray, most: int) -> Iterator[slice]:
    """Yield successive slices whose sizes sum to about `most`; one row at least."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + most, side="right")), first + 1)
        yield slice(first, last)
        first = last
