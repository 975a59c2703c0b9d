"""Group and period of the elements."""

import numpy as np

_NOBLE_GASES = (0, 2, 10, 18, 36, 54, 86, 118)
_F_BLOCK = 3
"""Group of the lanthanides and actinides."""
_LONG, _LONGEST = 18, 32
_N_F_BLOCK = 14


def period_of(number: int) -> int:
    """Return the period of an atomic number, 1 to 7."""
    return int(np.searchsorted(_NOBLE_GASES, number))


def group_of(number: int) -> int:
    """Return the group of an atomic number, 1 to 18; lanthanides and actinides are in group 3."""
    period = period_of(number)
    first, last = _NOBLE_GASES[period - 1], _NOBLE_GASES[period]
    place, length = number - first, last - first
    if number == last:
        return _LONG
    if place <= 2:  # noqa: PLR2004  s block
        return place
    if length < _LONG:
        return place + _LONG - length
    if length == _LONG:
        return place
    return max(place - _N_F_BLOCK, _F_BLOCK)


def positions() -> np.ndarray:
    """Return group and period of atomic numbers 0 to 118 as numbers (119, 2); near elements are alike.

    Elements of the f block lie between groups 3 and 4; 0 stands for no element.
    """
    found = np.zeros((_NOBLE_GASES[-1] + 1, 2))
    for number in range(1, len(found)):
        period, group = period_of(number), float(group_of(number))
        place = number - _NOBLE_GASES[period - 1]
        if _NOBLE_GASES[period] - _NOBLE_GASES[period - 1] == _LONGEST and _F_BLOCK <= place <= _F_BLOCK + _N_F_BLOCK:
            group = _F_BLOCK + (place - _F_BLOCK) / (_N_F_BLOCK + 1)
        found[number] = group, period
    return found
