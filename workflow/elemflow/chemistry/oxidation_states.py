"""Electronegativities and common oxidation states of the elements, and the neutral formulas that follow from them."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from elemflow.chemistry.composition import canonical
from elemflow.core.errors import DataError, nearest

ELEMENTS: dict[str, tuple[float, tuple[int, ...]]] = {
    "H": (2.2, (-1, 1)), "Li": (0.98, (1,)), "Be": (1.57, (2,)), "B": (2.04, (3,)),
    "C": (2.55, (-4, -3, -2, -1, 0, 1, 2, 3, 4)), "N": (3.04, (-3, 3, 5)), "O": (3.44, (-2,)), "F": (3.98, (-1,)),
    "Na": (0.93, (1,)), "Mg": (1.31, (2,)), "Al": (1.61, (3,)), "Si": (1.9, (-4, 4)), "P": (2.19, (-3, 3, 5)),
    "S": (2.58, (-2, 2, 4, 6)), "Cl": (3.16, (-1, 1, 3, 5, 7)), "K": (0.82, (1,)), "Ca": (1, (2,)),
    "Sc": (1.36, (3,)), "Ti": (1.54, (4,)), "V": (1.63, (5,)), "Cr": (1.66, (3, 6)), "Mn": (1.55, (2, 4, 7)),
    "Fe": (1.83, (2, 3)), "Co": (1.88, (2, 3)), "Ni": (1.91, (2,)), "Cu": (1.9, (2,)), "Zn": (1.65, (2,)),
    "Ga": (1.81, (3,)), "Ge": (2.01, (-4, 2, 4)), "As": (2.18, (-3, 3, 5)), "Se": (2.55, (-2, 2, 4, 6)),
    "Br": (2.96, (-1, 1, 3, 5)), "Kr": (3, (2,)), "Rb": (0.82, (1,)), "Sr": (0.95, (2,)), "Y": (1.22, (3,)),
    "Zr": (1.33, (4,)), "Nb": (1.6, (5,)), "Mo": (2.16, (4, 6)), "Tc": (1.9, (4, 7)), "Ru": (2.2, (3, 4)),
    "Rh": (2.28, (3,)), "Pd": (2.2, (2, 4)), "Ag": (1.93, (1,)), "Cd": (1.69, (2,)), "In": (1.78, (3,)),
    "Sn": (1.96, (-4, 2, 4)), "Sb": (2.05, (-3, 3, 5)), "Te": (2.1, (-2, 2, 4, 6)), "I": (2.66, (-1, 1, 3, 5, 7)),
    "Xe": (2.6, (2, 4, 6)), "Cs": (0.79, (1,)), "Ba": (0.89, (2,)), "La": (1.1, (3,)), "Ce": (1.12, (3, 4)),
    "Pr": (1.13, (3,)), "Nd": (1.14, (3,)), "Pm": (1.13, (3,)), "Sm": (1.17, (3,)), "Eu": (1.2, (2, 3)),
    "Gd": (1.2, (3,)), "Tb": (1.1, (3,)), "Dy": (1.22, (3,)), "Ho": (1.23, (3,)), "Er": (1.24, (3,)),
    "Tm": (1.25, (3,)), "Yb": (1.1, (3,)), "Lu": (1.27, (3,)), "Hf": (1.3, (4,)), "Ta": (1.5, (5,)),
    "W": (2.36, (4, 6)), "Re": (1.9, (4, 7)), "Os": (2.2, (4,)), "Ir": (2.2, (3, 4)), "Pt": (2.28, (2, 4)),
    "Au": (2.54, (3,)), "Hg": (2, (1, 2)), "Tl": (1.62, (1, 3)), "Pb": (2.33, (2, 4)), "Bi": (2.02, (3,)),
    "Po": (2, (-2, 2, 4)), "At": (2.2, (-1, 1)), "Fr": (0.7, (1,)), "Ra": (0.9, (2,)), "Ac": (1.1, (3,)),
    "Th": (1.3, (4,)), "Pa": (1.5, (5,)), "U": (1.38, (6,)), "Np": (1.36, (5,)), "Pu": (1.28, (4,)),
    "Am": (1.3, (3,)), "Cm": (1.3, (3,)), "Bk": (1.3, (3,)), "Cf": (1.3, (3,)), "Es": (1.3, (3,)),
    "Fm": (1.3, (3,)), "Md": (1.3, (3,)), "No": (1.3, (3,)), "Lr": (1.3, (3,)),
}  # fmt: skip
"""Pauling electronegativity and common oxidation states, as pymatgen 2026.10.24 lists them; the others have none."""

ALL_STATES: Mapping[str, tuple[int, ...]] = {name: states for name, (_, states) in ELEMENTS.items()}
MOST_ELEMENTS = 6


def neutral_formulas(elements: Sequence[str], most_atoms: int) -> Iterator[str]:
    """Yield the charge-neutral formulas of a chemical system, with every element of it, by number of atoms.

    Each element has one of its common oxidation states, positive ones lower electronegativities than negative ones; so
    mixed valence, as in Fe3O4, is left out unless the mean is a state.

    Args:
        elements: Symbols of two to `MOST_ELEMENTS` elements.
        most_atoms: Most atoms of a formula unit.

    Yields:
        Canonical formulas, each once.

    Raises:
        DataError: An element is unknown or has no common oxidation state, or there are too few or too many.
    """
    names = sorted(set(elements))
    for name in names:
        if name not in ELEMENTS:
            raise DataError(f"'{name}' is no element with a common oxidation state.{nearest(name, ELEMENTS)}")
    if not 2 <= len(names) <= MOST_ELEMENTS:  # noqa: PLR2004  a compound
        raise DataError(f"a system of {len(names)} elements ({', '.join(names)}). Give two to {MOST_ELEMENTS}.")
    states = list(_allowed_states(names))
    for atoms in range(len(names), most_atoms + 1):
        for numbers in _compositions(atoms, len(names)):
            if math.gcd(*numbers) == 1 and any(_is_neutral(numbers, each) for each in states):
                yield canonical("".join(f"{name}{number}" for name, number in zip(names, numbers, strict=True)))


def is_neutral(found: Mapping[str, int], states: Mapping[str, tuple[int, ...]] = ALL_STATES) -> bool:
    """Return whether a composition of two to `MOST_ELEMENTS` elements is charge-neutral as in `neutral_formulas`.

    Args:
        found: Amount of each element.
        states: Oxidation states that an element may have.
    """
    if not 2 <= len(found) <= MOST_ELEMENTS or not found.keys() <= states.keys():  # noqa: PLR2004  a compound
        return False
    return any(_is_neutral([*found.values()], each) for each in _allowed_states([*found], states))


def _allowed_states(
    names: Sequence[str], of_elements: Mapping[str, tuple[int, ...]] = ALL_STATES
) -> Iterator[tuple[int, ...]]:
    """Yield one oxidation state per element where cations are less electronegative than anions."""
    for states in itertools.product(*(of_elements[name] for name in names)):
        cations = [ELEMENTS[name][0] for name, state in zip(names, states, strict=True) if state > 0]
        anions = [ELEMENTS[name][0] for name, state in zip(names, states, strict=True) if state < 0]
        if cations and anions and max(cations) < min(anions) and 0 not in states:
            yield states


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield the ordered sums of positive integers."""
    if parts == 1:
        yield (total,)
        return
    for first in range(1, total - parts + 2):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def _is_neutral(numbers: Sequence[int], states: Sequence[int]) -> bool:
    return sum(number * state for number, state in zip(numbers, states, strict=True)) == 0
