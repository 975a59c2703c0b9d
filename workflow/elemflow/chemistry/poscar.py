"""Crystal structures out of POSCAR and CONTCAR files of VASP.

Read here and not by pymatgen, which invents the elements of a file that names none.
"""

import re

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.crystal import Crystal, make_crystal

_SYMBOL = re.compile(r"([A-Z][a-z]?)(?:[_/].*)?")  # Fe, Fe_pv, Fe/0a1b2c
_HEAD = 5  # lines up to the cell
_AXES = 3


def from_poscar(text: str) -> Crystal:
    """Read a POSCAR with a line of element symbols, as VASP writes it since version 5.

    Raises:
        ValueError: It cannot be read, or names no elements; the message says why.
    """
    try:
        return _read(_lines(text))
    except ValueError as error:
        raise ValueError(f"the POSCAR cannot be read: {error}") from None


def _lines(text: str) -> list[str]:
    """Return the lines from the comment on, which may be empty: it stands above the scale."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    while len(lines) > 1 and not lines[0] and not _is_scale(lines[1]):
        lines = lines[1:]
    return lines


def _is_scale(line: str) -> bool:
    try:
        return len(_numbers(line, "the scale")) in {1, _AXES}
    except ValueError:
        return False


def _read(lines: list[str]) -> Crystal:
    if len(lines) < _HEAD + 2:
        raise ValueError(f"it has {len(lines)} lines")
    scale = _numbers(lines[1], "line 2, the scale")
    cell = np.array([_vector(lines[row], f"line {row + 1}, a cell vector") for row in range(2, _HEAD)])
    species = _species(lines[_HEAD], lines[_HEAD + 1], len(lines) - _HEAD - 2)
    start = _HEAD + 2
    if lines[start : start + 1] and lines[start][:1] in {"s", "S"}:  # selective dynamics
        start += 1
    mode = (lines[start] if start < len(lines) else "")[:1]
    rows = lines[start + 1 : start + 1 + len(species)]
    if len(rows) < len(species):
        raise ValueError(f"it has {len(rows)} coordinates for {len(species)} atoms; it is cut off")
    places = np.array([_vector(row, f"line {start + 2 + number}, an atom") for number, row in enumerate(rows)])
    factors = _factors(scale, cell)
    lattice = cell * factors
    if mode in {"c", "C", "k", "K"}:
        places = np.linalg.solve(lattice.T, (places * factors).T).T
    elif mode not in {"d", "D"}:
        raise ValueError(f"line {start + 1} says neither Direct nor Cartesian")
    return make_crystal(lattice, species, places)


def _factors(scale: list[float], cell: np.ndarray) -> np.ndarray:
    """Return the factors of the three Cartesian directions; a negative scale is the volume of the cell in Å³."""
    volume = abs(np.linalg.det(cell))
    if not volume > 0:
        raise ValueError("the cell has no volume")
    if len(scale) == _AXES and min(scale) > 0:
        return np.array(scale)
    if len(scale) != 1 or not scale[0]:
        raise ValueError("line 2 is neither one scale nor three")
    return np.full(_AXES, scale[0] if scale[0] > 0 else (-scale[0] / volume) ** (1 / _AXES))


def _species(symbols: str, counts: str, most: int) -> list[str]:
    """Return the element of each atom; there are `most` lines for them."""
    found = [_SYMBOL.fullmatch(word) for word in symbols.split()]
    if not symbols or not all(match and match[1] in SYMBOLS for match in found):
        raise ValueError(f"line 6, {symbols!r}, does not name the elements")
    names = [match[1] for match in found if match]
    if not all(word.isdecimal() for word in counts.split()) or len(counts.split()) != len(names):
        raise ValueError(f"line 7, {counts!r}, does not count the atoms of {len(names)} elements")
    numbers = [int(count) for count in counts.split()]
    if sum(numbers) > most:  # before a typing error fills the memory
        raise ValueError(f"line 7, {counts!r}, counts more atoms than the {most} lines below it; it is cut off")
    return [name for name, number in zip(names, numbers, strict=True) for _ in range(number)]


def _vector(line: str, what: str) -> list[float]:
    """Return the first three numbers of a line; flags and symbols may follow."""
    numbers = _numbers(" ".join(line.split()[:_AXES]), what)
    if len(numbers) != _AXES:
        raise ValueError(f"{what}, is {line!r}, not three numbers")
    return numbers


def _numbers(line: str, what: str) -> list[float]:
    try:
        return [float(word) for word in line.partition("!")[0].split()]
    except ValueError:
        raise ValueError(f"{what}, is {line!r}, not numbers") from None
