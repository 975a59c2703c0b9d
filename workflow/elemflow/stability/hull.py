"""Decomposition enthalpies: how far a compound lies above or below the convex hull of all other compounds.

ΔHd(c) = E(c) - min Σ x_j E_j over mixtures of the other phases of the chemical space of c and the elements, whose
formation energies are 0, that have the composition of c. A positive value is the energy above the hull; a negative one
says by how much the compound lies below the hull without it, so that it is stable.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.core.errors import DataError
from elemflow.stability.competition import Competition, Compositions, Problems
from elemflow.stability.simplex import TOLERANCE, Mixtures, Programs, solve

NO_PHASE = -1
"""What stands in `Decomposition.products` behind the last product."""
SMALLEST_AMOUNT = 1e-6
"""Fraction of the atoms from which a phase counts as a product."""


@dataclass(frozen=True)
class Decomposition:
    """The competing mixtures of compositions.

    Attributes:
        hull_energy: Energy of the competing mixture (n,), eV/atom.
        products: Its phases (n, most): the position of a phase, or -1 - Z for the element of atomic number Z.
        amounts: Fraction of the atoms in each (n, most); 0 where there is no product.
        potentials: Chemical potential of each element of the composition, by atomic number (n, most), eV/atom.
        n_competing: Number of phases that compete (n,).
        fallbacks: How many programs the simplex method left to HiGHS.
    """

    hull_energy: np.ndarray
    products: np.ndarray
    amounts: np.ndarray
    potentials: np.ndarray
    n_competing: np.ndarray
    fallbacks: int = 0

    def name_products(self, row: int, formulas: Sequence[str]) -> list[tuple[str, float]]:
        """Return formula and fraction of the atoms of each product of one composition, the largest first.

        Args:
            row: Position of the composition.
            formulas: Formulas of the phases.
        """
        found = [
            (SYMBOLS[-2 - product] if product < 0 else formulas[product], float(amount))
            for product, amount in zip(self.products[row].tolist(), self.amounts[row].tolist(), strict=True)
            if amount > SMALLEST_AMOUNT
        ]
        return sorted(found, key=lambda each: (-each[1], each[0]))


def above_hull(energies: np.ndarray, hull: np.ndarray) -> np.ndarray:
    """Return ΔHd (n,), eV/atom: 0 where a compound lies on the hull of the others within `TOLERANCE`.

    Rounding would otherwise decide whether a compound on a tie line is stable.

    Args:
        energies: Energies of compounds (n,), eV/atom.
        hull: Energies of the mixtures that they compete with (n,), eV/atom.
    """
    values = energies - hull
    return np.where(np.abs(values) <= TOLERANCE, 0.0, values)


def decompose(
    competition: Competition,
    energies: np.ndarray,
    *,
    active: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    subsystems: bool = False,
) -> Decomposition:
    """Find the competing mixture of each composition.

    Args:
        competition: Compositions and the phases that compete with them.
        energies: Formation energy of each phase (phases,), eV/atom.
        active: Which phases take part (phases,), boolean; all if None.
        rows: Positions of the compositions to decompose; all if None.
        subsystems: Whether phases with all elements of a composition take no part.

    Raises:
        DataError: An energy of a phase that takes part is not finite.
    """
    costs = _costs(competition.phases, energies, active)
    rows = np.arange(len(competition.targets)) if rows is None else np.asarray(rows)
    places = np.full(len(competition.targets), -1)
    places[rows] = np.arange(len(rows))
    width = competition.targets.elements.shape[1]
    found = Decomposition(
        np.zeros(len(rows)),
        np.full((len(rows), width), NO_PHASE),
        np.zeros((len(rows), width)),
        np.full((len(rows), width), np.nan),
        np.zeros(len(rows), dtype=np.int64),
    )
    fallbacks = 0
    for problems in competition.problems(rows):
        programs = _programs(problems, competition.phases, costs, subsystems=subsystems)
        solved = solve(programs)
        _store(found, places[problems.targets], problems, solved, programs)
        fallbacks += solved.fallbacks
    return Decomposition(
        found.hull_energy, found.products, found.amounts, found.potentials, found.n_competing, fallbacks
    )


def _costs(phases: Compositions, energies: np.ndarray, active: np.ndarray | None) -> np.ndarray:
    """Return the energies of the phases, infinity for those that take no part."""
    costs = np.asarray(energies, dtype=np.float64)
    costs = costs.copy() if active is None else np.where(active, costs, np.inf)
    bad = np.flatnonzero(np.isnan(costs) | np.isneginf(costs))
    if len(bad):
        raise DataError(
            f"the hull: the energy of '{phases.formulas[bad[0]]}' is {costs[bad[0]]}, and {len(bad)} in all are no "
            "number. Remove these compounds, or give their energies."
        )
    return costs


def _programs(problems: Problems, phases: Compositions, costs: np.ndarray, *, subsystems: bool) -> Programs:
    """Return the programs of compositions, with the fractions of each phase in the elements of its program."""
    elements = problems.elements[problems.owners]
    columns = np.zeros(elements.shape)
    for place in range(phases.elements.shape[1]):
        numbers = phases.elements[problems.phases, place]
        fits = (elements == numbers[:, None]) & (numbers > 0)[:, None]
        columns += np.where(fits, phases.fractions[problems.phases, place][:, None], 0.0)
    own = costs[problems.phases]
    if subsystems:
        own = np.where(phases.counts[problems.phases] < elements.shape[1], own, np.inf)
    return Programs(columns, own, problems.starts, problems.fractions)


def _store(found: Decomposition, places: np.ndarray, problems: Problems, solved: Mixtures, programs: Programs) -> None:
    k = solved.basis.shape[1]
    is_phase = solved.basis >= 0
    elements = np.take_along_axis(problems.elements.astype(np.int64), np.where(is_phase, 0, -1 - solved.basis), axis=1)
    phases = problems.phases[np.maximum(solved.basis, 0)] if len(problems.phases) else np.zeros_like(solved.basis)
    found.hull_energy[places] = solved.energy
    found.products[places, :k] = np.where(is_phase, phases, -1 - elements)
    found.amounts[places, :k] = solved.amounts
    found.potentials[places, :k] = solved.potentials
    takes_part = np.isfinite(programs.costs)
    found.n_competing[places] = np.bincount(problems.owners, takes_part, minlength=len(places))
