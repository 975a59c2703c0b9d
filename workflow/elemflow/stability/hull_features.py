"""What the known hull around a composition says of its stability: inputs of models of the second stage.

A composition never sees its own energy, neither directly nor through the decomposition enthalpies of others: these are
read of compounds that it does not compete with. The means over pairs of elements (`exchanges`) leave out the pairs of a
known compound, though not what its energy does to other pairs; that of an unknown compound enters nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.composition_clusters import DESCRIPTORS, descriptors
from elemflow.stability import exchanges, substitutions
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.exchanges import Exchanges
from elemflow.stability.hull import SMALLEST_AMOUNT, Decomposition, above_hull, decompose
from elemflow.stability.substitutions import Substitutions

MOST_ELEMENTS = 94
"""Elements, by atomic number, whose fractions are features."""
LABELS = (
    "hull_energy", "hull_energy_of_subsystems", "depth_of_system", "elements", "competing_phases", "phases_of_system",
    "products", "largest_product", "entropy_of_products", "elements_among_products", "potential_lowest",
    "potential_mean", "potential_highest", "depth_of_products", "shallowest_product", "nearest_distance",
    "nearest_height", "lowest_height", "largest_fraction", "smallest_fraction", "entropy_of_composition",
    *substitutions.LABELS, *exchanges.LABELS, *DESCRIPTORS,
    *(f"fraction_{symbol}" for symbol in SYMBOLS[:MOST_ELEMENTS]),
)  # fmt: skip
SUBSTITUTION_MEAN = "substitution_weighted_mean"
"""The label of the prediction without a model."""


@dataclass(frozen=True)
class KnownHull:
    """The known phases and their hull.

    Attributes:
        phases: All phases.
        energies: Their formation energies (phases,), eV/atom.
        active: Those that are known (phases,), boolean.
        decomposition: ΔHd of each phase from the known ones (phases,), eV/atom; NaN for the others.
        height: The same from the phases with fewer elements alone, so that phases of its own system do not enter.
    """

    phases: Compositions
    energies: np.ndarray
    active: np.ndarray
    decomposition: np.ndarray
    height: np.ndarray

    @cached_property
    def lookups(self) -> tuple[Substitutions, Exchanges]:
        """What is known of compounds with one element exchanged."""
        chosen = np.flatnonzero(np.isfinite(self.decomposition))
        compounds = self.phases, self.decomposition, chosen
        return Substitutions(*compounds), Exchanges(*compounds)

    @classmethod
    def of(cls, competition: Competition, energies: np.ndarray, active: np.ndarray) -> "KnownHull":
        """Compute the decomposition enthalpies of the known phases.

        Args:
            competition: The phases against themselves.
            energies: Their formation energies (phases,), eV/atom.
            active: Which are known (phases,), boolean.
        """
        rows = np.flatnonzero(active & (competition.phases.counts > 1))
        values = np.full((2, len(energies)), np.nan)
        for place, subsystems in enumerate((False, True)):
            found = decompose(competition, energies, active=active, rows=rows, subsystems=subsystems)
            values[place, rows] = above_hull(energies[rows], found.hull_energy)
        return cls(competition.phases, energies, active, *values)


def hull_features(competition: Competition, known: KnownHull, rows: np.ndarray) -> tuple[np.ndarray, Decomposition]:
    """Return the columns of `LABELS` for some compositions, and their competing mixtures.

    Args:
        competition: Compositions against the phases of the hull.
        known: The known phases and their hull.
        rows: Positions of the compositions, ascending.

    Returns:
        Columns (rows, features), float64, NaN where there is none, and the decompositions.
    """
    whole = decompose(competition, known.energies, active=known.active, rows=rows)
    system = _SystemPhases(competition, known, rows)
    below = decompose(competition, known.energies, active=known.active, rows=rows, subsystems=True)
    targets = competition.targets
    fractions = targets.fractions[rows]
    present = targets.elements[rows] > 0
    substituted, exchanged = known.lookups
    columns = np.column_stack(
        (
            whole.hull_energy,
            below.hull_energy,
            below.hull_energy - whole.hull_energy,
            targets.counts[rows],
            whole.n_competing,
            system.count,
            *_products(whole),
            *_potentials(whole),
            *_depths(below, known),
            system.distance,
            system.nearest,
            system.lowest,
            fractions.max(axis=1),
            np.where(present, fractions, np.inf).min(axis=1),
            _entropy(fractions),
            substituted.features(targets, rows),
            exchanged.features(targets, rows, competition.own(known.decomposition, rows)),
            descriptors([targets.formulas[row] for row in rows.tolist()]),
            _fractions(targets, rows),
        )
    )
    return columns, whole


def _products(found: Decomposition) -> tuple[np.ndarray, ...]:
    """Return number, largest share and entropy of the products, and the share of elements among them, each (n,)."""
    amounts = np.where(found.amounts > SMALLEST_AMOUNT, found.amounts, 0.0)
    elements = np.where(found.products < 0, amounts, 0.0).sum(axis=1)
    return (amounts > 0).sum(axis=1), amounts.max(axis=1, initial=0.0), _entropy(amounts), elements


def _potentials(found: Decomposition) -> tuple[np.ndarray, ...]:
    """Return the lowest, mean and highest chemical potential of the elements, each (n,)."""
    values = found.potentials
    some = np.isfinite(values)
    mean = np.where(some, values, 0.0).sum(axis=1) / np.maximum(some.sum(axis=1), 1)
    return (
        np.where(some, values, np.inf).min(axis=1, initial=np.inf),
        mean,
        np.where(some, values, -np.inf).max(axis=1, initial=-np.inf),
    )


def _depths(below: Decomposition, known: KnownHull) -> tuple[np.ndarray, ...]:
    """Return the mean and the highest ΔHd of the products of smaller systems, which the composition is no rival of."""
    is_phase = (below.products >= 0) & (below.amounts > SMALLEST_AMOUNT)
    values = np.where(is_phase, known.decomposition[np.maximum(below.products, 0)], 0.0)
    values = np.where(np.isfinite(values), values, 0.0)
    mean = (values * below.amounts).sum(axis=1)
    highest = np.where(is_phase, values, -np.inf).max(axis=1, initial=-np.inf)
    return mean, np.where(np.isfinite(highest), highest, np.nan)


def _fractions(targets: Compositions, rows: np.ndarray) -> np.ndarray:
    """Return the fractions of the first elements (rows, `MOST_ELEMENTS`)."""
    found = np.zeros((len(rows), MOST_ELEMENTS + 1))
    for place in range(targets.elements.shape[1]):
        numbers = targets.elements[rows, place]
        numbers = np.where(numbers <= MOST_ELEMENTS, numbers, 0)
        found[np.arange(len(rows)), numbers] = targets.fractions[rows, place]
    return found[:, 1:]


def _entropy(shares: np.ndarray) -> np.ndarray:
    """Return -Σ x ln x over the last axis."""
    return -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)


class _SystemPhases:
    """Known phases with exactly the elements of each composition.

    Attributes:
        count: Number of them (n,).
        distance: Distance to the nearest, half the sum of the differences of the fractions (n,); NaN without one.
        nearest: Its height, see `KnownHull` (n,), eV/atom; NaN without one.
        lowest: The lowest height of them (n,), eV/atom; NaN without one.
    """

    def __init__(self, competition: Competition, known: KnownHull, rows: np.ndarray):
        n = len(rows)
        self.count, self.distance, self.lowest = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
        self.nearest = np.full(n, np.nan)
        places = np.full(len(competition.targets), -1)
        places[rows] = np.arange(n)
        for problems in competition.problems(rows):
            k = problems.elements.shape[1]
            phases = known.phases
            same = (phases.counts[problems.phases] == k) & known.active[problems.phases]
            if not same.any():  # compounds with more elements than any phase have fractions that the phases lack
                continue
            pairs, owners = problems.phases[same], problems.owners[same]
            target = places[problems.targets][owners]
            difference = np.abs(phases.fractions[pairs, :k] - problems.fractions[owners]).sum(axis=1) / 2
            self.count += np.bincount(target, minlength=n)
            order = np.lexsort((difference, target))
            firsts = order[np.flatnonzero(np.append(True, np.diff(target[order]) > 0))] if len(order) else order
            self.distance[target[firsts]] = difference[firsts]
            self.nearest[target[firsts]] = known.height[pairs[firsts]]
            np.fmin.at(self.lowest, target, known.height[pairs])
