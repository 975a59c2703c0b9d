"""Part `pa`: 145 attributes of a composition, the Magpie set of Ward et al.

Ward et al., npj Comput. Mater. 2, 16028 (2016), as matminer computes them: Stoichiometry, ElementProperty (preset
`magpie`), ValenceOrbital (`avg`) and IonProperty (`fast`), in this order. The element data are matminer's own, read at
run time, with its default for elements without a tabulated value: the mean over the elements that have one.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.formula_arrays import element_amounts

NORMS = (0, 2, 3, 5, 7, 10)
PROPERTY_UNITS = {
    "Number": "1",
    "MendeleevNumber": "1",
    "AtomicWeight": "u",
    "MeltingT": "K",
    "Column": "1",
    "Row": "1",
    "CovalentRadius": "pm",
    "Electronegativity": "1",
    "NsValence": "electrons",
    "NpValence": "electrons",
    "NdValence": "electrons",
    "NfValence": "electrons",
    "NValence": "electrons",
    "NsUnfilled": "electrons",
    "NpUnfilled": "electrons",
    "NdUnfilled": "electrons",
    "NfUnfilled": "electrons",
    "NUnfilled": "electrons",
    "GSvolume_pa": "Å³/atom",
    "GSbandgap": "eV",
    "GSmagmom": "µB/atom",
    "SpaceGroupNumber": "1",
}
PROPERTIES = tuple(PROPERTY_UNITS)
"""The 22 tabulated properties of an element, in the order of the preset."""
ORBITALS = tuple("spdf")
STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")

_BEFORE_VALENCE = tuple(f"{p}-norm" for p in NORMS) + tuple(
    f"MagpieData {statistic} {name}" for name in PROPERTIES for statistic in STATISTICS
)
_AFTER_VALENCE = ("compound possible", "max ionic char", "avg ionic char")
VALENCE = slice(len(_BEFORE_VALENCE), len(_BEFORE_VALENCE) + len(ORBITALS))
"""Columns of the valence electrons."""

LABELS = (*_BEFORE_VALENCE, *(f"avg {orbital} valence electrons" for orbital in ORBITALS), *_AFTER_VALENCE)
UNITS = (
    *("1" for _ in NORMS),
    *(PROPERTY_UNITS[name] for name in PROPERTIES for _ in STATISTICS),
    *("electrons" for _ in ORBITALS),
    *("1" for _ in _AFTER_VALENCE),
)
PART = "pa"
SCALING = "unit_rows"
VERSION = "1"
CITATIONS = ("ward2016", "ward2018")


class ElementTable(NamedTuple):
    """Data of the elements, by atomic number (index 0 is unused).

    Attributes:
        properties: `PROPERTIES` from Magpie (119, 22).
        electronegativity: Pauling electronegativity from pymatgen (119,).
        oxidation_states: Common oxidation states from pymatgen.
    """

    properties: np.ndarray
    electronegativity: np.ndarray
    oxidation_states: tuple[tuple[int, ...], ...]


@cache
def element_table() -> ElementTable:
    """Read the element data from matminer, with its rule for missing values (`impute_nan`)."""
    from matminer.utils.data import MagpieData, PymatgenData  # noqa: PLC0415
    from pymatgen.core import Element  # noqa: PLC0415

    magpie, pymatgen = MagpieData(), PymatgenData()
    elements = [Element(symbol) for symbol in SYMBOLS]
    properties = [[magpie.get_elemental_property(element, name) for name in PROPERTIES] for element in elements]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)  # pymatgen names every noble gas; they get the mean
        electronegativity = [pymatgen.get_elemental_property(element, "X") for element in elements]
    states = [tuple(int(state) for state in pymatgen.get_oxidation_states(element)) for element in elements]
    return ElementTable(
        np.vstack([np.full(len(PROPERTIES), np.nan), np.asarray(properties, dtype=float)]),
        np.array([np.nan, *electronegativity], dtype=float),
        ((), *states),
    )


def featurize(compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Compute the Magpie attributes of canonical formulas.

    Args:
        compositions: Canonical formulas.

    Returns:
        Float32 array (formulas, 145), and the reason by row for strings that are no composition.
    """
    return attributes(compositions, np.float32)


def attributes(compositions: Sequence[str], dtype: npt.DTypeLike = np.float64) -> tuple[np.ndarray, dict[int, str]]:
    """Compute what `featurize` returns in float64, or round it to another type; rows with a reason are zero.

    Formulas with the same number of elements are computed together, so no value is padded.
    """
    rows, numbers, values, reasons = element_amounts(compositions)
    matrix = np.zeros((len(compositions), len(LABELS)), dtype)
    sizes = np.bincount(rows, minlength=len(compositions))
    first = np.cumsum(sizes) - sizes
    for size in np.unique(sizes[sizes > 0]).tolist():
        chosen = np.flatnonzero(sizes == size)
        entries = first[chosen, None] + np.arange(size)
        matrix[chosen] = _of_equal_size(numbers[entries], values[entries])
    return matrix, reasons


def _of_equal_size(numbers: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Return the attributes (n, 145) of formulas of k elements each, from atomic numbers and amounts (n, k)."""
    table = element_table()
    fractions = amounts / amounts.sum(axis=1, keepdims=True)
    statistics = _statistics(table.properties[numbers], fractions)
    means = statistics[:, :, STATISTICS.index("mean")]
    valence = means[:, [PROPERTIES.index(f"N{orbital}Valence") for orbital in ORBITALS]]
    return np.hstack(
        [
            _norms(fractions),
            statistics.reshape(len(numbers), -1),
            valence,
            _possible(numbers, amounts)[:, None],
            _ionic_character(table.electronegativity[numbers], fractions),
        ]
    )


def _norms(fractions: np.ndarray) -> np.ndarray:
    """Return the norms of the fractions (n, norms); the 0-norm is the number of elements."""
    norms = [(fractions**p).sum(axis=1) ** (1 / p) if p else np.count_nonzero(fractions, axis=1) for p in NORMS]
    return np.stack(norms, axis=1)


def _statistics(values: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return the `STATISTICS` (n, properties, 6) of element values (n, k, properties) weighted by fractions (n, k).

    The mode is the smallest value among the elements of the largest fraction, as in matminer's `PropertyStats`; an
    element counts as one of them within numpy's tolerance for closeness.
    """
    low, high = values.min(axis=1), values.max(axis=1)
    mean = np.einsum("nkp,nk->np", values, fractions)
    deviation = np.einsum("nkp,nk->np", np.abs(values - mean[:, None]), fractions)
    most = np.isclose(fractions, fractions.max(axis=1, keepdims=True))
    mode = np.where(most[:, :, None], values, np.inf).min(axis=1)
    return np.stack([low, high, high - low, mean, deviation, mode], axis=2)


def _ionic_character(electronegativity: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return the largest ionic character of two elements, and the mean over all pairs of atoms (n, 2)."""
    n, size = fractions.shape
    if size == 1:
        return np.zeros((n, 2))
    i, j = np.triu_indices(size, k=1)
    character = 1 - np.exp(-0.25 * (electronegativity[:, i] - electronegativity[:, j]) ** 2)
    return np.stack([character.max(axis=1), (character * fractions[:, i] * fractions[:, j]).sum(axis=1)], axis=1)


def _possible(numbers: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Return `compound_possible` of formulas of k elements each, from atomic numbers and amounts (n, k)."""
    if numbers.shape[1] == 1:
        return np.ones(len(numbers))
    # States are tried only where the lowest and the highest ones leave zero between them, a third of all formulas.
    lowest, highest = (np.einsum("nk,nk->n", states[numbers], amounts) for states in _extreme_states())
    rows = np.flatnonzero((lowest <= 0) & (highest >= 0))
    pairs = zip(numbers[rows].tolist(), amounts[rows].astype(np.int64).tolist(), strict=True)
    possible = np.zeros(len(numbers))
    possible[rows] = [compound_possible(elements, counts) for elements, counts in pairs]
    return possible


@cache
def _extreme_states() -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest oxidation state by atomic number (119,); NaN where there is none."""
    states = element_table().oxidation_states
    lowest, highest = ([extreme(own, default=np.nan) for own in states] for extreme in (min, max))
    return np.array(lowest), np.array(highest)


def compound_possible(numbers: Sequence[int], amounts: Sequence[int]) -> bool:
    """Return whether common oxidation states, one per element, add up to zero; true for a pure element.

    The sums that can be reached are the bits of one integer, so the search is exact and its cost grows with the
    amounts rather than with the number of combinations.

    Args:
        numbers: Atomic numbers.
        amounts: Atoms of each per formula unit.
    """
    if len(numbers) == 1:
        return True
    states = element_table().oxidation_states
    reached, zero = 1, 0
    for number, amount in zip(numbers, amounts, strict=True):
        own = states[number]
        if not own:
            return False
        lowest = min(own)
        zero -= lowest * amount
        sums = 0
        for state in own:
            sums |= reached << (state - lowest) * amount
        reached = sums
    return zero >= 0 and bool(reached >> zero & 1)
