"""Part `ef`: the atomic fractions of 86 elements.

Jha et al., Sci. Rep. 8, 17593 (2018): the only input of ElemNet, and of IRNet, BNet and BRNet where no other is named.
"""

from collections.abc import Sequence

import numpy as np

from elemflow.composition import ELEMENTS_86, amounts

LABELS = ELEMENTS_86
UNITS = ("atomic fraction",) * len(LABELS)
VERSION = "1"
CITATIONS = ("elemnet2018",)

_COLUMN = {symbol: column for column, symbol in enumerate(LABELS)}


def featurize(compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Compute the atomic fractions of canonical formulas; they sum to 1.

    Args:
        compositions: Canonical formulas.

    Returns:
        Float32 array (formulas, 86), and the reason by row for formulas with an element that has no column.
    """
    rows: list[int] = []
    columns: list[int] = []
    counts: list[int] = []
    reasons: dict[int, str] = {}
    for row, composition in enumerate(compositions):
        found = amounts(composition)
        if foreign := [symbol for symbol in found if symbol not in _COLUMN]:
            reasons[row] = f"{', '.join(foreign)} is not among the {len(LABELS)} elements of the elemental fractions"
            continue
        rows += [row] * len(found)
        columns += [_COLUMN[symbol] for symbol in found]
        counts += found.values()
    matrix = np.zeros((len(compositions), len(LABELS)))
    matrix[rows, columns] = counts
    totals = matrix.sum(axis=1, keepdims=True)
    return (matrix / np.where(totals, totals, 1)).astype(np.float32), reasons
