"""Crystal structures: one compact binary form, and readers of the dicts that databases use.

The binary form is what the column `structure` of `materials.parquet` holds. It is read without pymatgen, so that a part
of a representation starts at once, and it holds nothing but numbers and symbols, so that reading it runs no code.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

COLUMN = "structure"
"""Column of `materials.parquet` with what `encode` returned."""

_HEADER = struct.Struct("<2sBIH")
_MAGIC, _VERSION = b"EF", 1
_FULL = 1e-6  # occupancies are given to a few decimals


class Crystal(NamedTuple):
    """A crystal structure.

    Attributes:
        lattice: Cell vectors as rows (3, 3), Å.
        species: Per site the element symbol; for a site that is shared or partly empty all occupancies, `Fe0.5Ni0.5`.
        coordinates: Fractional coordinates (sites, 3), in any cell.
    """

    lattice: np.ndarray
    species: tuple[str, ...]
    coordinates: np.ndarray


def make_crystal(lattice: Any, species: Sequence[str], coordinates: Any) -> Crystal:
    """Return a checked crystal.

    Raises:
        ValueError: The shapes do not fit, a number is not finite, or there are no sites.
    """
    cell, sites = _numbers(lattice, "lattice"), _numbers(coordinates, "coordinates")
    if not len(species):
        raise ValueError("the structure has no sites")
    if cell.shape != (3, 3) or sites.shape != (len(species), 3):
        raise ValueError(
            f"a lattice of 3 × 3 and {len(species)} × 3 coordinates are needed, not {cell.shape} and {sites.shape}"
        )
    if not (np.isfinite(cell).all() and np.isfinite(sites).all()):
        raise ValueError("the lattice or a coordinate is not a finite number")
    return Crystal(cell + 0.0, tuple(species), sites + 0.0)  # + 0.0 turns -0.0 into 0.0


def formula_of(species: Iterable[str]) -> str:
    """Return the formula of a cell.

    Args:
        species: Species of each site, as in `Crystal`.
    """
    counted = Counter(species).items()
    # Brackets around a single element would cost the fast path of the parser.
    return "".join(f"{name}{count}" if name.isalpha() else f"({name}){count}" for name, count in counted)


def formula_of_pymatgen(value: Mapping[str, Any]) -> str:
    """Return the formula of the cell of pymatgen's `Structure.as_dict()`; oxidation states are dropped."""
    held = _occupancies(item for site in value["sites"] for item in site["species"])
    return "".join(f"{symbol}{amount:g}" for symbol, amount in held.items())


def encode(crystal: Crystal) -> bytes:
    """Return the binary form of a crystal; equal crystals give equal bytes.

    Little-endian: magic, version, number of sites, length of the text; the distinct species as text; the index of each
    site's species; lattice and coordinates as float64. Repeated numbers are left to the compression of Parquet, which
    brings a structure of 8 sites to some 150 bytes.
    """
    names = list(dict.fromkeys(crystal.species))
    index = np.array([names.index(name) for name in crystal.species], dtype="<u2")
    text = "\0".join(names).encode()
    numbers = np.concatenate([crystal.lattice.ravel(), crystal.coordinates.ravel()]).astype("<f8")
    return _HEADER.pack(_MAGIC, _VERSION, len(index), len(text)) + text + index.tobytes() + numbers.tobytes()


def decode(data: bytes) -> Crystal:
    """Return the crystal that `encode` was given.

    Raises:
        ValueError: The bytes are not those of a crystal.
    """
    if len(data) < _HEADER.size:
        raise ValueError("not an encoded structure: too short")
    magic, version, sites, length = _HEADER.unpack_from(data)
    start = _HEADER.size + length
    if magic != _MAGIC or version != _VERSION or len(data) != start + 2 * sites + 8 * (9 + 3 * sites):
        raise ValueError(f"not an encoded structure of version {_VERSION}")
    names = data[_HEADER.size : start].decode().split("\0")
    index = np.frombuffer(data, "<u2", sites, start)
    numbers = np.frombuffer(data, "<f8", offset=start + 2 * sites)
    return Crystal(numbers[:9].reshape(3, 3), tuple(names[i] for i in index), numbers[9:].reshape(-1, 3))


def from_pymatgen(value: Mapping[str, Any]) -> Crystal:
    """Read what pymatgen's `Structure.as_dict()` returned; pymatgen itself is not needed.

    What has the occupancy 0 is dropped.

    Raises:
        ValueError: A key is missing or the numbers do not fit.
    """
    try:
        held = [(_occupancies(site["species"]), site["abc"]) for site in value["sites"]]
        sites = [(_species(occupancies), place) for occupancies, place in held if occupancies]
        return make_crystal(value["lattice"]["matrix"], [name for name, _ in sites], [place for _, place in sites])
    except (KeyError, TypeError) as error:
        raise ValueError(f"the pymatgen dict is incomplete: {error!r}") from None


def from_jarvis(value: Mapping[str, Any]) -> Crystal:
    """Read what JARVIS-tools' `Atoms.to_dict()` returned.

    Raises:
        ValueError: A key is missing or the numbers do not fit.
    """
    try:
        crystal = make_crystal(value["lattice_mat"], [str(name).strip() for name in value["elements"]], value["coords"])
        if not value.get("cartesian"):
            return crystal
        return crystal._replace(coordinates=np.linalg.solve(crystal.lattice.T, crystal.coordinates.T).T + 0.0)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the JARVIS dict is incomplete: {error!r}") from None
    except np.linalg.LinAlgError:
        raise ValueError("the cell has no volume") from None


def _numbers(values: Any, what: str) -> np.ndarray:
    """Return values as an array of float64; the messages of NumPy on rows of several lengths say nothing to users."""
    try:
        return np.array(values, dtype=np.float64)
    except (ValueError, TypeError) as error:
        detail = f": {error}" if str(error).startswith("could not convert") else ""
        raise ValueError(f"{what}: no numbers in rows of three{detail}") from None


def _occupancies(species: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return the sum of the occupancies of each element, whatever its oxidation states."""
    held: Counter[str] = Counter()
    for item in species:
        if item["occu"] < 0:
            raise ValueError(f"the occupancy {item['occu']:g} is negative")
        if item["occu"]:
            held[item["element"]] += item["occu"]
    return held


def _species(occupancies: Mapping[str, float]) -> str:
    if len(occupancies) == 1:
        ((symbol, occupancy),) = occupancies.items()
        if abs(occupancy - 1) < _FULL:
            return symbol
    return "".join(f"{symbol}{occupancy:g}" for symbol, occupancy in sorted(occupancies.items()))
