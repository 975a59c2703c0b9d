"""Numbers that follow from a crystal structure alone; the values of `properties.<id>.computed` of a dataset."""

import warnings
from collections.abc import Callable, Mapping
from functools import cache

from elemflow.chemistry.composition import parse_formula
from elemflow.chemistry.crystal import Crystal
from elemflow.chemistry.weights import atomic_masses

SYMPREC = 0.1
"""Distance in Å within which a symmetry is recognised; the value of the Materials Project."""

_DALTON = 1.66053906660
"""Mass of 1 u in 1e-24 g, which turns u/Å³ into g/cm³ (CODATA 2018)."""


def volume(crystal: Crystal) -> float:
    """Return the volume of the cell in Å³."""
    (a, b, c), (d, e, f), (g, h, i) = crystal.lattice.tolist()
    return abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def volume_per_atom(crystal: Crystal) -> float:
    """Return the volume per atom in Å³; sites that are partly empty count as much as they hold."""
    return volume(crystal) / sum(_contents(species)[0] for species in crystal.species)


def density(crystal: Crystal) -> float:
    """Return the mass density in g/cm³."""
    return sum(_contents(species)[1] for species in crystal.species) * _DALTON / volume(crystal)


def n_sites(crystal: Crystal) -> float:
    """Return the number of sites in the cell."""
    return float(len(crystal.species))


def spacegroup(crystal: Crystal) -> float:
    """Return the number of the space group that spglib finds within `SYMPREC`, NaN if it finds none."""
    import spglib  # noqa: PLC0415  only where symmetry is needed

    kinds = {species: kind for kind, species in enumerate(dict.fromkeys(crystal.species), start=1)}
    numbers = [kinds[species] for species in crystal.species]
    cell = (crystal.lattice.tolist(), crystal.coordinates.tolist(), numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = spglib.get_symmetry_dataset(cell, symprec=SYMPREC)
    return float(found.number) if found else float("nan")


COMPUTED: Mapping[str, Callable[[Crystal], float]] = {
    "volume_per_atom": volume_per_atom,
    "volume": volume,
    "density": density,
    "n_sites": n_sites,
    "spacegroup": spacegroup,
}


@cache
def _contents(species: str) -> tuple[float, float]:
    """Return the atoms and the mass in u of a site that holds `Fe` or `Fe0.5Ni0.5`."""
    found = parse_formula(species)
    return float(sum(found.values())), float(sum(atomic_masses()[symbol] * float(n) for symbol, n in found.items()))
