"""Structures of entries: read from what the source holds, and compared with the formula."""

from elemflow.chemistry.composition import SYMBOLS, amounts, canonical
from elemflow.chemistry.crystal import Crystal, formula_of
from elemflow.chemistry.crystal_properties import volume
from elemflow.chemistry.structure_text import READERS

OCCUPANCY_ERROR = 0.01
"""By how much fractions may differ between a disordered structure, whose occupancies are rounded, and its formula."""

_KNOWN = frozenset(SYMBOLS)


def read_crystal(text: str, form: str) -> Crystal:
    """Read the structure of an entry.

    Args:
        text: What the source holds.
        form: One of `elemflow.chemistry.structure_text.READERS`.

    Raises:
        ValueError: There is no structure, it cannot be read, or it has no volume; says which.
    """
    if not text.strip():
        raise ValueError("the structure is missing")
    crystal = READERS[form](text)
    if not volume(crystal) > 0:
        raise ValueError("the cell of the structure has no volume")
    return crystal


def check_composition(crystal: Crystal, composition: str) -> None:
    """Check that a structure has the composition that the entry's formula says.

    Raises:
        ValueError: It has another.
    """
    held = canonical(formula_of(crystal.species))
    ordered = _KNOWN.issuperset(crystal.species)
    if held != composition and (ordered or not _almost_equal(held, composition)):
        raise ValueError(f"the structure holds {held}, the formula says {composition}")


def _almost_equal(held: str, composition: str) -> bool:
    """Return whether the fractions of two compositions differ as little as rounded occupancies may."""
    fractions = []
    for form in (held, composition):
        found = amounts(form)
        fractions.append({symbol: amount / sum(found.values()) for symbol, amount in found.items()})
    ours, theirs = fractions
    return all(abs(ours.get(s, 0) - theirs.get(s, 0)) <= OCCUPANCY_ERROR for s in ours | theirs)
