"""Part `ef`: the atomic fractions of 86 elements.

Jha et al., Sci. Rep. 8, 17593 (2018): the only input of ElemNet, and of IRNet, BNet and BRNet where no other is named.
"""

from collections.abc import Sequence

import numpy as np

from elemflow.chemistry.composition import ELEMENTS_86, SYMBOLS
from elemflow.chemistry.formula_arrays import Amounts, element_amounts

LABELS = ELEMENTS_86
UNITS = ("atomic fraction",) * len(LABELS)
PART = "ef"
SCALING = "none"
VERSION = "1"
CITATIONS = ("jha2018",)

_COLUMN = np.full(len(SYMBOLS) + 1, -1)
_COLUMN[[SYMBOLS.index(symbol) + 1 for symbol in LABELS]] = np.arange(len(LABELS))


def featurize(compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Compute the atomic fractions of canonical formulas; they sum to 1.

    Args:
        compositions: Canonical formulas.

    Returns:
        Float32 array (formulas, 86), and the reason by row for formulas with an element that has no column.
    """
    amounts = element_amounts(compositions)
    matrix, foreign = fractions(amounts, len(compositions))
    reasons = dict(amounts.reasons)
    for row in np.unique(amounts.rows[foreign]).tolist():
        symbols = [SYMBOLS[number - 1] for number in amounts.numbers[foreign & (amounts.rows == row)]]
        reasons[row] = f"{', '.join(symbols)} is not among the {len(LABELS)} elements of the elemental fractions"
    return matrix, reasons


def fractions(amounts: Amounts, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the fractions of `n` formulas, float32 (n, 86), and which entries have no column."""
    columns = _COLUMN[amounts.numbers]
    totals = np.bincount(amounts.rows, weights=amounts.values, minlength=n)
    matrix = np.zeros((n, len(LABELS)), dtype=np.float32)
    known = columns >= 0
    rows = amounts.rows[known]
    matrix[rows, columns[known]] = amounts.values[known] / totals[rows]
    return matrix, ~known
