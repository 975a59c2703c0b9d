"""Crystal structures out of extended XYZ files, as ASE and OVITO write them."""

import re
from collections.abc import Mapping

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.crystal import Crystal, make_crystal

_KEY = re.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*)\}|(\S+))""")
_PROPERTIES = "species:S:1:pos:R:3"  # what a file without this key has
_CELL = 9
_WIDTH = 3
_TRUE = {"t", "true", "1"}


def from_extxyz(text: str) -> Crystal:
    """Read the only frame of an extended XYZ file.

    Raises:
        ValueError: It cannot be read, has several frames, or is not periodic; the message says why.
    """
    try:
        return _read(text.rstrip().splitlines())
    except ValueError as error:
        raise ValueError(f"the extxyz cannot be read: {error}") from None


def _read(lines: list[str]) -> Crystal:
    if len(lines) <= 1 or not lines[0].strip().isdecimal():
        raise ValueError("its first line is not the number of atoms")
    count, rows = int(lines[0]), [line.split() for line in lines[2:]]
    if len(rows) > count:
        raise ValueError(f"it has more lines than its {count} atoms need; keep one frame")
    if len(rows) < count:
        raise ValueError(f"it has {len(rows)} of its {count} atoms; it is cut off")
    keys = {match[1].lower(): next(filter(None, match.groups()[1:]), "") for match in _KEY.finditer(lines[1])}
    lattice = np.array(_numbers(keys.get("lattice", "").split(), "Lattice"))
    if len(lattice) != _CELL:
        raise ValueError("its second line has no Lattice of nine numbers")
    if not all(word.lower() in _TRUE for word in keys.get("pbc", "T").split()):
        raise ValueError(f"pbc is {keys['pbc']!r}: it is not periodic in every direction")
    columns = _columns(keys.get("properties", _PROPERTIES))
    species = [_element(row, columns) for row in rows]
    places = [_numbers(row[columns["pos"] : columns["pos"] + _WIDTH], "a position") for row in rows]
    if any(len(place) < _WIDTH for place in places):
        raise ValueError("an atom has fewer than three coordinates")
    cell = lattice.reshape(_WIDTH, _WIDTH)
    if not np.linalg.det(cell):
        raise ValueError("the cell has no volume")
    return make_crystal(cell, species, np.linalg.solve(cell.T, np.array(places).reshape(-1, _WIDTH).T).T)


def _columns(properties: str) -> Mapping[str, int]:
    """Return where the columns `species` and `pos` begin."""
    words = properties.split(":")
    starts, at = {}, 0
    for name, _, width in zip(words[::3], words[1::3], words[2::3], strict=False):
        starts[name] = at
        at += int(width) if width.isdecimal() else 1
    for name in ("species", "pos"):
        if name not in starts:
            raise ValueError(f"Properties has no {name!r}")
    return starts


def _element(row: list[str], columns: Mapping[str, int]) -> str:
    name = row[columns["species"]] if len(row) > columns["species"] else ""
    if name not in SYMBOLS:
        raise ValueError(f"{name!r} is not an element")
    return name


def _numbers(words: list[str], what: str) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        raise ValueError(f"{what} is {' '.join(words)!r}, not numbers") from None
