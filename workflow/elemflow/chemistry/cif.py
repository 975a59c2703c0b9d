"""Crystal structures out of CIF text; pymatgen reads, and everything that it would pass over in silence is checked.

pymatgen counts an unknown occupancy as 0, keeps sites that hold nothing, drops sites of unknown elements, and says "no
structures" whatever is wrong.
"""

import math
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.crystal import Crystal, from_pymatgen

LARGEST_OCCUPANCY = 1.05
"""Occupancies of one site that sum up to at most this are rounded ones of a full site, and are divided by their sum."""

_LENGTHS = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
_PLACES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_OCCUPANCY, _LABEL, _TYPE = "_atom_site_occupancy", "_atom_site_label", "_atom_site_type_symbol"
_SPACE_GROUP = (
    "_symmetry_space_group_name",
    "_space_group_name",
    "_symmetry_int_tables_number",
    "_space_group_it_number",
)
_P1 = {"P1", "1"}
_WITHOUT_SYMMETRY = "Defaulting to P1"
"""What pymatgen notes where it takes the sites for all of the cell, whatever the space group."""
CLOSEST = 0.5
"""Distance in Å below which no two atoms lie; those of a hydrogen molecule are 0.74 Å apart."""
LONGEST_NUMBER = 100
"""Most characters of a number: its pattern takes a time that grows with the square of the length."""
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?:\([0-9.]*\)?)?")  # 0.25(1), 0.25(1
_UNKNOWN = {".", "?"}
_BLOCK = re.compile(r"^\s*data_", re.MULTILINE)
_SITE_KEY = re.compile(r"^[ \t]*(_atom_site_\w+)[ \t]+(\S.*)\n?", re.MULTILINE)
_SECTION = re.compile(r"No structure parsed for section \d+ in CIF\.\s*")
_SHOWN = 40  # characters of a text that is no CIF
_FULL_CIRCLE = 180
_PARSER_FAILURES = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, ArithmeticError)


def from_cif(text: str) -> Crystal:
    """Read the first structure of a CIF; oxidation states and labels are dropped.

    An occupancy that is not given (`.`, `?`) is 1, sites of occupancy 0 are dropped, and occupancies of one site that
    sum up to more than 1 by rounding are divided by their sum.

    Raises:
        ValueError: There is no structure, or it cannot be read; the message says why.
    """
    try:
        return _read(text)
    except ValueError as error:
        raise ValueError(f"the CIF cannot be read: {error}") from None


def _read(text: str) -> Crystal:
    from pymatgen.io.cif import CifParser  # noqa: PLC0415  slow to import

    if not _BLOCK.search(text):
        raise ValueError(_no_cif(text.strip()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parser = CifParser.from_str(_with_loop(text))
        except _PARSER_FAILURES:
            raise ValueError("it is cut off, or the values of a loop_ do not fill whole rows") from None
        blocks = parser._cif.data  # type: ignore[attr-defined]  # noqa: SLF001  there is no public access
        name = next((name for name, block in blocks.items() if _PLACES[0] in block.data), None)
        if name is None:
            raise ValueError(f"it has no atoms ({_PLACES[0]})")
        block = blocks[name]
        blocks.clear()
        blocks[name] = block
        _check_cell(block.data)
        _drop_empty_sites(block)
        _check_sites(block.data)
        try:
            structures = parser.parse_structures(primitive=False, check_occu=False, on_error="ignore")
        except (*_PARSER_FAILURES, RuntimeError) as error:
            if absent := [key for key in _ANGLES if key not in block.data]:
                raise ValueError(f"it has no cell ({absent[0]})") from None
            raise ValueError(_reason(parser.warnings, error)) from None  # type: ignore[attr-defined]
        _check_symmetry(block.data, parser.warnings)  # type: ignore[attr-defined]
    structure = _with_full_sites(structures[0].as_dict())
    _check_distances(structure)
    return from_pymatgen(structure)


def _with_loop(text: str) -> str:
    """Return a CIF whose only site stands outside a loop, where pymatgen reads its letters as sites, with a loop."""
    found = _SITE_KEY.findall(text)
    if not found:
        return text
    keys, values = zip(*found, strict=True)
    return "\n".join([_SITE_KEY.sub("", text), "loop_", *keys, " ".join(values), ""])


def _no_cif(text: str) -> str:
    """Return what a text is that has no block of a CIF."""
    if not text:
        return "it is empty"
    if text[0] in "{[":
        return "it is JSON; the format is 'pymatgen' or 'jarvis'"
    if "\n" not in text:
        return f"{text[:_SHOWN]!r} is one line, perhaps the name of a file; the column holds the text of CIFs"
    return f"it has no line that starts with data_; it starts with {text.splitlines()[0][:_SHOWN]!r}"


def _reason(notes: list[str], error: Exception) -> str:
    """Return why pymatgen found no structure: what it noted on the way, or the error itself."""
    failures = [_SECTION.sub("", note) for note in notes if _SECTION.match(note)]
    return " ".join((failures[-1] if failures else str(error) or type(error).__name__).split())


def _check_cell(data: Mapping[str, Any]) -> None:
    """Raise if the cell is incomplete, or its angles are those of no cell."""
    missing = [key for key in (*_LENGTHS, *_ANGLES) if key not in data]
    if set(_LENGTHS) & set(missing):
        raise ValueError(f"it has no cell ({missing[0]})")
    lengths = [_number(str(data[key]), key) for key in _LENGTHS]
    if min(lengths) <= 0:
        raise ValueError(f"a cell with the lengths {_listed(lengths)} Å has no volume")
    if missing:  # pymatgen takes them from the crystal system
        return
    angles = [_number(str(data[key]), key) for key in _ANGLES]
    a, b, c = (math.cos(math.radians(angle)) for angle in angles)
    if not all(0 < angle < _FULL_CIRCLE for angle in angles) or 1 + 2 * a * b * c - a * a - b * b - c * c <= 0:
        raise ValueError(f"there is no cell with the angles {_listed(angles)}°")


def _drop_empty_sites(block: Any) -> None:
    """Set occupancies that are not given to 1 and drop the sites of occupancy 0, in place.

    Args:
        block: pymatgen's `CifBlock`.
    """
    given = block.data.get(_OCCUPANCY)
    if not isinstance(given, list):
        return
    labels = block.data.get(_LABEL, [])
    sites = dict(enumerate(labels)) if len(labels) == len(given) else {}
    occupancies = [
        1.0 if text in _UNKNOWN else _number(text, f"{_OCCUPANCY} of {sites.get(row, row)}")
        for row, text in enumerate(given)
    ]
    if min(occupancies) < 0:
        raise ValueError(f"the occupancy {min(occupancies):g} is negative")
    if not any(occupancies):
        raise ValueError("every site has the occupancy 0")
    block.data[_OCCUPANCY] = ["1" if text in _UNKNOWN else text for text in given]
    keys: list[str] = next((keys for keys in block.loops if _OCCUPANCY in keys), [])
    for key in keys:
        values = block.data[key]
        block.data[key] = [value for value, held in zip(values, occupancies, strict=True) if held > 0]


def _check_sites(data: Mapping[str, Any]) -> None:
    """Raise if a site has no element or no place; pymatgen would drop the first and read the place `.` as 0."""
    if _LABEL not in data and _TYPE not in data:
        raise ValueError(f"its sites have no elements ({_LABEL}, {_TYPE})")
    labels = data[_LABEL if _LABEL in data else _TYPE]
    for key in _PLACES:
        values = data.get(key, [])
        if len(values) != len(labels):
            raise ValueError(f"{key} has {len(values)} values for {len(labels)} sites")
        for label, value in zip(labels, values, strict=True):
            _number(value, f"{key} of {label}")
    for symbol in data[_TYPE if _TYPE in data else _LABEL]:
        if not _names_element(symbol):
            raise ValueError(f"the site {symbol!r} names no element")


def _check_symmetry(data: Mapping[str, Any], notes: list[str]) -> None:
    """Raise if the symmetry operations are unknown, so that the sites are a part of those of the cell.

    Args:
        data: Values of the block by key.
        notes: What pymatgen noted on the way.
    """
    if not any(_WITHOUT_SYMMETRY in note for note in notes):
        return
    given = [str(value).strip() for key, value in data.items() if key.lower().startswith(_SPACE_GROUP)]
    group = next((text for text in given if text not in _UNKNOWN and text.upper().replace(" ", "") not in _P1), None)
    if group is not None:
        raise ValueError(
            f"the space group {group!r} is unknown and there are no symmetry operations (_symmetry_equiv_pos_as_xyz), "
            "so that the sites may be a part of those of the cell; add operations or the number of the group "
            "(_symmetry_Int_Tables_number), or write 'P 1' if all sites are listed"
        )


def _names_element(symbol: str) -> bool:
    """Return whether a label or symbol begins with an element, as pymatgen reads it: Fe3+, O1, Wat."""
    return symbol[:2].title() in SYMBOLS or symbol[:1].upper() in {*SYMBOLS, "D", "T"} or symbol[:3].title() == "Wat"


def _number(text: str, what: str) -> float:
    """Return a number without its uncertainty in brackets.

    Raises:
        ValueError: It is none, or is not given.
    """
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"{what} has {len(text):,} characters, which are no number")
    found = _NUMBER.fullmatch(text.strip())
    if found:
        return float(found[1])
    if text.strip() in _UNKNOWN:
        raise ValueError(f"{what} is not given ({text.strip()!r})")
    comma = "; write a decimal point" if re.fullmatch(r"[+-]?[0-9]*,[0-9()]+", text.strip()) else ""
    raise ValueError(f"{what} is {text!r}, which is no number{comma}")


def _with_full_sites(structure: dict[str, Any]) -> dict[str, Any]:
    """Return pymatgen's dict of a structure with the occupancies of no site above 1.

    Raises:
        ValueError: Those of a site sum up to more than rounding explains.
    """
    for site in structure["sites"]:
        total = sum(item["occu"] for item in site["species"])
        if total > LARGEST_OCCUPANCY:
            held = Counter({item["element"]: item["occu"] for item in site["species"]})
            listed = ", ".join(f"{symbol} {occupancy:g}" for symbol, occupancy in held.items())
            raise ValueError(f"the occupancies of the site at {_listed(site['abc'])} sum up to {total:g} ({listed})")
        if total > 1:
            site["species"] = [item | {"occu": item["occu"] / total} for item in site["species"]]
    return structure


def _check_distances(structure: dict[str, Any]) -> None:
    """Raise if atoms lie on one another, as the images of a special position do whose coordinates are rounded.

    Args:
        structure: pymatgen's dict.

    Raises:
        ValueError: Two sites that hold more than one atom together are nearer than `CLOSEST`.
    """
    sites = structure["sites"]
    places = np.array([site["abc"] for site in sites], dtype=np.float64)
    held = np.array([sum(item["occu"] for item in site["species"]) for site in sites])
    difference = places[:, None] - places
    difference -= np.rint(difference)
    distance = np.linalg.norm(difference @ np.array(structure["lattice"]["matrix"]), axis=2)
    pairs = np.argwhere(np.triu((distance < CLOSEST) & (held[:, None] + held > LARGEST_OCCUPANCY), k=1))
    if len(pairs):
        first, second = pairs[0].tolist()
        symbols = [sites[place]["species"][0]["element"] for place in (first, second)]
        raise ValueError(
            f"atoms of {' and '.join(symbols)} are {distance[first, second]:.2g} Å apart, at "
            f"{_listed(sites[first]['abc'])}; coordinates of a special position may be rounded, as 0.333 for 1/3"
        )


def _listed(numbers: list[float]) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers)
