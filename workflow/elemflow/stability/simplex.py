"""Many small linear programs at once: the mixture of phases of lowest energy at each of many compositions.

The revised simplex method on all programs of a batch together: a step prices the phases of all unfinished programs in
one array operation. The elements are the first basis, so that there is always a feasible one. The phase with the lowest
reduced cost enters (Dantzig); a program that has taken many steps goes on by Bland's rule, which does not cycle. Every
solution is computed again from its basis and checked; what fails the check, by rounding, is solved by HiGHS.
"""

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-9
"""Reduced cost (eV/atom) and amount that count as zero."""
ACCEPTED = 1e-8
"""Reduced cost (eV/atom) and amount that a checked solution may be below zero."""
_SMALLEST_PIVOT = 1e-11
_DANTZIG_STEPS = 60
_MOST_STEPS = 1000


@dataclass(frozen=True)
class Programs:
    """Programs of k variables in the basis: min Σ x_j E_j with Σ x_j a_j = b and x ≥ 0, over phases and elements.

    Attributes:
        columns: Atomic fractions of each phase in the elements of its program (pairs, k).
        costs: Energy of each phase (pairs,), eV/atom; infinity for a phase that takes no part.
        starts: Where the phases of each program begin (m + 1,).
        right: Atomic fractions of each composition (m, k), all positive.
    """

    columns: np.ndarray
    costs: np.ndarray
    starts: np.ndarray
    right: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """Program of each phase (pairs,)."""
        return np.repeat(np.arange(len(self.right)), np.diff(self.starts))


@dataclass(frozen=True)
class Mixtures:
    """Mixtures of lowest energy.

    Attributes:
        energy: Their energy (m,), eV/atom.
        basis: Phases as positions among the pairs, or -1 - i for the i-th element of the program (m, k).
        amounts: Fraction of the atoms in each of them (m, k), 0 or more.
        potentials: Chemical potential of each element (m, k), eV/atom.
        fallbacks: How many programs HiGHS solved.
    """

    energy: np.ndarray
    basis: np.ndarray
    amounts: np.ndarray
    potentials: np.ndarray
    fallbacks: int


def solve(programs: Programs) -> Mixtures:
    """Solve all programs of a batch."""
    basis, unfinished = _iterate(programs)
    energy, amounts, potentials, good = _evaluate(programs, basis)
    good[unfinished] = False
    failed = np.flatnonzero(~good)
    for row in failed.tolist():
        energy[row], basis[row], amounts[row], potentials[row] = _by_highs(programs, row)
    return Mixtures(energy, basis, np.maximum(amounts, 0), potentials, len(failed))


class _Open:
    """The unfinished programs of a batch.

    Attributes:
        rows: Their positions in the batch (n,).
        pairs: Positions of their phases (p,).
        owners: Position in `rows` that each phase belongs to (p,).
        starts: Where the phases of each begin in `pairs` (n,).
        inverse: Inverse of the matrix of the basis (n, k, k).
        amounts: Amounts of the basis (n, k).
        costs: Energies of the basis (n, k).
        basis: Variables of the basis (n, k); see `Mixtures`.
    """

    def __init__(self, programs: Programs, rows: np.ndarray):
        n, k = len(rows), programs.right.shape[1]
        self._programs = programs
        self.inverse = np.broadcast_to(np.eye(k), (n, k, k)).copy()
        self.amounts = programs.right[rows].copy()
        self.costs = np.zeros((n, k))
        self.basis = np.broadcast_to(-1 - np.arange(k), (n, k)).copy()
        self._select_pairs(rows)

    def _select_pairs(self, rows: np.ndarray) -> None:
        self.rows = rows
        sizes = np.diff(self._programs.starts)[rows]
        self.starts = np.cumsum(sizes) - sizes
        self.owners = np.repeat(np.arange(len(rows)), sizes)
        self.pairs = np.arange(len(self.owners)) - (self.starts - self._programs.starts[rows])[self.owners]

    def keep(self, chosen: np.ndarray) -> None:
        """Keep some of the programs (n,), boolean."""
        self.inverse, self.amounts = self.inverse[chosen], self.amounts[chosen]
        self.costs, self.basis = self.costs[chosen], self.basis[chosen]
        self._select_pairs(self.rows[chosen])

    def enter(self, *, first: bool) -> np.ndarray:
        """Return the variable that enters the basis of each program (n,), `-1 - k` for a program at its minimum.

        Args:
            first: Whether the first variable that lowers the energy enters (Bland), not the one that does most.
        """
        potentials = np.einsum("ni,nij->nj", self.costs, self.inverse)
        columns = self._programs.columns[self.pairs]
        reduced = self._programs.costs[self.pairs] - np.einsum("pk,pk->p", columns, potentials[self.owners])
        if first:
            reduced, potentials = np.where(reduced < -TOLERANCE, -1.0, 0.0), np.where(potentials > TOLERANCE, 1.0, 0.0)
        lowest = np.minimum.reduceat(reduced, self.starts)
        hits = np.flatnonzero(reduced == lowest[self.owners])[::-1]
        entering = np.empty(len(self.rows), dtype=np.int64)
        entering[self.owners[hits]] = self.pairs[hits]
        highest = potentials.max(axis=1)
        entering = np.where(-highest <= lowest, -1 - potentials.argmax(axis=1), entering)
        done = np.minimum(lowest, -highest) >= -TOLERANCE
        return np.where(done, -1 - potentials.shape[1], entering)

    def pivot(self, entering: np.ndarray, *, first: bool) -> None:
        """Exchange a variable of each basis for the entering one (n,)."""
        n = len(self.basis)
        is_phase = entering >= 0
        column = np.where(is_phase[:, None], self._programs.columns[np.maximum(entering, 0)], 0.0)
        column[~is_phase, -1 - entering[~is_phase]] = 1.0
        direction = np.einsum("nij,nj->ni", self.inverse, column)
        usable = direction > _SMALLEST_PIVOT
        ratios = np.where(usable, self.amounts / np.where(usable, direction, 1.0), np.inf)
        if first:
            ratios = np.where(ratios <= ratios.min(axis=1, keepdims=True) + _SMALLEST_PIVOT, self.basis, np.inf)
        leaving, every = ratios.argmin(axis=1), np.arange(n)
        pivots = direction[every, leaving]
        length = np.maximum(self.amounts[every, leaving] / pivots, 0.0)
        self.amounts -= length[:, None] * direction
        self.amounts[every, leaving] = length
        row = self.inverse[every, leaving] / pivots[:, None]
        direction[every, leaving] = 0.0
        self.inverse -= direction[:, :, None] * row[:, None, :]
        self.inverse[every, leaving] = row
        self.basis[every, leaving] = entering
        self.costs[every, leaving] = np.where(is_phase, self._programs.costs[np.maximum(entering, 0)], 0.0)


def _iterate(programs: Programs) -> tuple[np.ndarray, np.ndarray]:
    """Return the last basis of each program (m, k), and the programs that did not come to an end."""
    m, k = programs.right.shape
    basis = np.broadcast_to(-1 - np.arange(k), (m, k)).copy()
    unfinished = _Open(programs, np.flatnonzero(np.diff(programs.starts) > 0))
    for step in range(_MOST_STEPS):
        if not len(unfinished.rows):
            break
        first = step >= _DANTZIG_STEPS
        entering = unfinished.enter(first=first)
        going_on = entering != -1 - k
        if not going_on.all():
            done = ~going_on
            basis[unfinished.rows[done]] = unfinished.basis[done]
            unfinished.keep(going_on)
        if len(unfinished.rows):
            unfinished.pivot(entering[going_on], first=first)
    return basis, unfinished.rows


def _evaluate(programs: Programs, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return energy, amounts and potentials of each basis, and whether it is the minimum within `ACCEPTED` (m,)."""
    m, k = basis.shape
    if not m:
        return np.empty(0), np.empty((0, k)), np.empty((0, k)), np.empty(0, dtype=bool)
    is_phase = basis >= 0
    if len(programs.costs):
        rows = np.where(is_phase[..., None], programs.columns[np.maximum(basis, 0)], 0.0)
        costs = np.where(is_phase, programs.costs[np.maximum(basis, 0)], 0.0)
    else:
        rows, costs = np.zeros((m, k, k)), np.zeros((m, k))
    program, place = np.nonzero(~is_phase)
    rows[program, place, -1 - basis[program, place]] = 1.0
    try:
        amounts = np.linalg.solve(rows.swapaxes(1, 2), programs.right[..., None])[..., 0]
        potentials = np.linalg.solve(rows, costs[..., None])[..., 0]
    except np.linalg.LinAlgError:
        amounts = potentials = np.full((m, k), np.nan)
    with np.errstate(invalid="ignore"):
        reduced = programs.costs - np.einsum("pk,pk->p", programs.columns, potentials[programs.owners])
        bad = ~(reduced >= -ACCEPTED)
        good = np.bincount(programs.owners, bad, minlength=m) == 0
        good &= (amounts >= -ACCEPTED).all(axis=1) & (potentials <= ACCEPTED).all(axis=1)
    return (costs * amounts).sum(axis=1), amounts, potentials, good


def _by_highs(programs: Programs, row: int) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return energy, basis, amounts and potentials of one program."""
    from scipy.optimize import linprog  # noqa: PLC0415  takes a second, and is hardly ever needed

    k = programs.right.shape[1]
    pairs = np.arange(programs.starts[row], programs.starts[row + 1])
    pairs = pairs[np.isfinite(programs.costs[pairs])]
    matrix = np.vstack([np.eye(k), programs.columns[pairs]]).T
    costs = np.concatenate([np.zeros(k), programs.costs[pairs]])
    found = linprog(costs, A_eq=matrix, b_eq=programs.right[row], bounds=(0, None), method="highs-ds")
    if found.status != 0:
        raise RuntimeError(f"no minimum was found: {found.message}")
    names = np.concatenate([-1 - np.arange(k), pairs])
    largest = np.argsort(-found.x, kind="stable")[:k]
    return float(found.fun), names[largest], found.x[largest], np.asarray(found.eqlin.marginals)
