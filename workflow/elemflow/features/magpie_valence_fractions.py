"""Part `pa_frac`: `pa` with the fractions of s, p, d and f valence electrons in place of their mean numbers.

Ward et al., Phys. Rev. B 96, 024104 (2017), use this variant together with the structure attributes.
"""

from collections.abc import Sequence

import numpy as np

from elemflow.features import magpie

LABELS = tuple(
    label.replace("avg", "frac", 1) if label.endswith("valence electrons") else label for label in magpie.LABELS
)
UNITS = (*magpie.UNITS[: magpie.VALENCE.start], *("1" for _ in magpie.ORBITALS), *magpie.UNITS[magpie.VALENCE.stop :])
PART = "pa_frac"
SCALING = "unit_rows"
VERSION = "1"
CITATIONS = ("ward2016", "ward2017", "ward2018")

_TOTAL = magpie.LABELS.index("MagpieData mean NValence")


def featurize(compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Compute the Magpie attributes of canonical formulas, with fractions of valence electrons.

    Args:
        compositions: Canonical formulas.

    Returns:
        Float32 array (formulas, 145), and the reason by row for strings that are no composition.
    """
    matrix, reasons = attributes(compositions)
    return matrix.astype(np.float32), reasons


def attributes(compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Compute what `featurize` returns in float64."""
    matrix, reasons = magpie.attributes(compositions)
    total = matrix[:, _TOTAL, None]
    matrix[:, magpie.VALENCE] /= np.where(total, total, 1)
    return matrix, reasons
