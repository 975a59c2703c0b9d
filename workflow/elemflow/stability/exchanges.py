"""What the exchange of one element by another does to a value, learned from pairs of known compounds.

Two neighbours in the periodic table can be alike in one structure and not in another. How far the values of two
compounds differ that have one element exchanged is known for many pairs of elements from the data themselves: the mean
of these differences corrects the value of a known compound, and their variance says how much it counts.
"""

import numpy as np

from elemflow.stability.competition import Compositions
from elemflow.stability.substitutions import KnownCompounds, Pairs

LABELS = (
    "exchange_shifted_mean", "exchange_mean", "exchange_spread", "exchange_weight", "exchange_least_variance",
)  # fmt: skip
_LARGEST = 0.3
"""Differences are clipped to this, eV/atom, so that single compounds do not decide."""
_PRIOR_PAIRS = 3.0
"""As many pairs of mean 0 and `_PRIOR_VARIANCE` are added to those of two elements."""
_PRIOR_VARIANCE = 0.02
_LEAST_VARIANCE = 1e-4
_ELEMENTS = 128
"""More than the highest atomic number."""


class Exchanges:
    """Means over known compounds with one element exchanged, weighted and corrected by pairs of elements.

    Attributes:
        values: Value of each compound (phases,), eV/atom.
    """

    def __init__(self, phases: Compositions, values: np.ndarray, chosen: np.ndarray):
        """Learn from the known compounds.

        Args:
            phases: Their compositions.
            values: Value of each (phases,), eV/atom.
            chosen: Positions of those that are known, ascending.
        """
        self._known, self.values = KnownCompounds(phases, chosen), values
        size = _ELEMENTS * _ELEMENTS
        self._count, self._sum, self._squares = (np.zeros(size) for _ in range(3))
        for pairs in self._known.pairs(phases, chosen):
            keys = _keys(pairs)
            difference = np.clip(values[chosen[pairs.places]] - values[pairs.known], -_LARGEST, _LARGEST)
            self._count += np.bincount(keys, minlength=size)
            self._sum += np.bincount(keys, difference, minlength=size)
            self._squares += np.bincount(keys, difference**2, minlength=size)

    def features(self, compositions: Compositions, rows: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the columns of `LABELS` for some compositions (rows, 5); NaN where no such compound is known.

        Args:
            compositions: The compositions.
            rows: Positions of those wanted, ascending.
            own: Value of each that is among the known ones, NaN for the others (rows,). Its differences are taken out.
        """
        n = len(rows)
        moments = np.zeros((4, n))
        least = np.full(n, np.inf)
        for pairs in self._known.pairs(compositions, rows):
            value = self.values[pairs.known]
            shift, variance = self._statistics(pairs, own[pairs.places] - value)
            moved = value + shift
            for place, terms in enumerate((1.0, value, moved, moved**2)):
                moments[place] += np.bincount(pairs.places, terms / variance, minlength=n)
            np.minimum.at(least, pairs.places, variance)
        weight, plain, shifted, squares = moments
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = shifted / weight
            spread = np.sqrt(np.maximum(squares / weight - mean**2, 0))
            found = np.column_stack((mean, plain / weight, spread, weight, least))
        return np.where(weight[:, None] > 0, found, np.nan)

    def _statistics(self, pairs: Pairs, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of the differences of the elements of each pair, without the pair's own (pairs,)."""
        keys = _keys(pairs)
        counted = np.isfinite(own)
        own = np.where(counted, np.clip(own, -_LARGEST, _LARGEST), 0.0)
        count = self._count[keys] - counted + _PRIOR_PAIRS
        mean = (self._sum[keys] - own) / count
        variance = (self._squares[keys] - own**2 + _PRIOR_PAIRS * _PRIOR_VARIANCE) / count - mean**2
        return mean, np.maximum(variance, _LEAST_VARIANCE)


def _keys(pairs: Pairs) -> np.ndarray:
    return pairs.wanted_elements * _ELEMENTS + pairs.known_elements
