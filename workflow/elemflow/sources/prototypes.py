"""Source `prototypes`: hypothetical compounds, every choice of elements on the sites of a crystal structure prototype.

The candidates of a combinatorial search as in Jha et al., KDD (2019), section 4.3, and Ward et al., Phys. Rev. B 96,
024104 (2017). Cell volumes are estimates: the shape of the prototype does not change and its bonds are stretched to
lengths known from other crystals (Chu et al., Comput. Mater. Sci. 146, 184 (2018), as `DLSVolumePredictor` of
pymatgen).
"""

import csv
import importlib.metadata
import itertools
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pandas as pd
from pydantic import Field

from elemflow.chemistry.composition import SYMBOLS, canonical
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.files import atomic_path
from elemflow.sources.options import Names, SourceOptions
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import Layout, read_table

if TYPE_CHECKING:
    from pymatgen.core import Structure

COLUMNS = ("entry_id", "formula", "prototype", "volume_per_atom", "structure")
_FILE = "prototypes.csv"


class Prototype(NamedTuple):
    """A crystal structure type.

    Attributes:
        spacegroup: Symbol of the space group.
        cell: Lengths a, b, c of the cell; only their ratios count, since the volume is estimated.
        sites: Letter of the element and fractional coordinates of one atom of each orbit.
        alike: Whether an exchange of A and B gives the same crystal.
    """

    spacegroup: str
    cell: tuple[float, float, float]
    sites: tuple[tuple[str, tuple[float, float, float]], ...]
    alike: bool


PROTOTYPES = {
    "B2": Prototype("Pm-3m", (1, 1, 1), (("A", (0, 0, 0)), ("B", (0.5, 0.5, 0.5))), alike=True),
    # CuAu: c/a is 0.926 in the cell of four atoms, which has √2 times the edge of this one.
    "L1_0": Prototype("P4/mmm", (1, 1, 1.31), (("A", (0, 0, 0)), ("B", (0.5, 0.5, 0.5))), alike=True),
    # GdFeO3: Marezio, Remeika, Dernier, Acta Cryst. B 26, 2008 (1970), in the setting Pnma.
    "GdFeO3": Prototype(
        "Pnma",
        (5.611, 7.669, 5.349),
        (
            ("A", (0.0626, 0.25, 0.9844)),
            ("B", (0, 0, 0.5)),
            ("X", (0.4669, 0.25, 0.1009)),
            ("X", (0.3016, 0.0506, 0.6957)),
        ),
        alike=False,
    ),
}
"""Prototypes by name; GdFeO3 is the orthorhombically distorted perovskite."""


def _sites(schema: dict[str, Any]) -> None:
    """Name the sites in the JSON schema; only perovskites have the third."""
    elements = schema.pop("additionalProperties")
    described = {"A": "Elements of the first site.", "B": "Elements of the second site.",
                 "X": "Elements of the third site, the anions of a perovskite."}  # fmt: skip
    schema.pop("propertyNames")
    schema |= {"additionalProperties": False, "required": ["A", "B"]}
    schema["properties"] = {site: {"description": text, **elements} for site, text in described.items()}


class Options(SourceOptions):
    """A crystal structure prototype and the elements on its sites."""

    prototype: Literal["B2", "L1_0", "GdFeO3"] = Field(
        description="Crystal structure whose sites are filled: B2 (CsCl), L1_0 (CuAu), or GdFeO3, the distorted "
        "perovskite."
    )
    sites: dict[Literal["A", "B", "X"], Names] = Field(
        description="Elements on each site, A, B and, for the anions of a perovskite, X; a candidate has as many "
        "elements as there are sites.",
        json_schema_extra=_sites,
    )

    @property
    def is_local(self) -> bool:
        """True: the data are computed."""
        return True


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Write every candidate: `entry_id`, `formula`, `prototype`, `volume_per_atom` (Å³) and `structure` (JARVIS JSON).

    Candidates are written one by one, in the order of the lists. See `elemflow.sources.retrieve`.

    Raises:
        ConfigError: The prototype has other sites than those named, or a symbol is no element or cannot be placed.
    """
    name = options.prototype
    _check(options)
    with atomic_path(folder / _FILE) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for chosen, structure in _candidates(name, {str(letter): symbols for letter, symbols in options.sites.items()}):
            atoms = {
                "lattice_mat": [[round(float(x), 6) for x in row] for row in structure.lattice.matrix],
                "coords": [[round(float(x), 6) for x in site.frac_coords] for site in structure],
                "elements": [site.specie.symbol for site in structure],
                "cartesian": False,
            }
            formula = canonical(structure.composition.formula.replace(" ", ""))
            volume = round(structure.volume / len(structure), 4)
            writer.writerow(("-".join((name, *chosen)), formula, name, volume, json.dumps(atoms)))
    version = importlib.metadata.version("pymatgen")
    return [FileRecord.of(folder / _FILE, url=f"computed, volumes by pymatgen {version}: DLSVolumePredictor")]


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:  # noqa: ARG001 - all is in the file
    """Yield the candidates; see `elemflow.sources.retrieve`."""
    return read_table(folder / _FILE, Layout("csv"))


def _check(options: Options) -> None:
    name, sites = options.prototype, options.sites
    letters = sorted({letter for letter, _ in PROTOTYPES[name].sites})
    if sorted(sites) != letters:
        raise ConfigError(f"source.sites: {name} has the sites {', '.join(letters)}; found {', '.join(sorted(sites))}.")
    for letter, symbols in sites.items():
        if unknown := [symbol for symbol in symbols if symbol not in SYMBOLS]:
            hint = nearest(unknown[0], SYMBOLS)
            raise ConfigError(f"source.sites.{letter}: '{unknown[0]}' is not the symbol of an element.{hint}")


def _candidates(name: str, sites: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[str, ...], "Structure"]]:
    """Yield the elements of the sites in alphabetical order of their letters, and the scaled structure."""
    from pymatgen.core import Element, Lattice, Structure  # noqa: PLC0415 - seconds and 300 MB
    from pymatgen.core.structure_prediction.volume_predictor import DLSVolumePredictor  # noqa: PLC0415

    prototype, letters = PROTOTYPES[name], sorted(sites)
    for letter in letters:
        if lost := [symbol for symbol in sites[letter] if not Element(symbol).atomic_radius]:
            raise ConfigError(
                f"source.sites.{letter}: no atomic radius of {lost[0]} is known, so it has no volume here."
            )
    # In the template each letter is an element of its own, so that the symmetry operations distinguish them.
    stand_in = dict(zip(letters, ("H", "He", "Li"), strict=False))
    template = Structure.from_spacegroup(
        prototype.spacegroup,
        Lattice.orthorhombic(*prototype.cell),
        [stand_in[letter] for letter, _ in prototype.sites],
        [place for _, place in prototype.sites],
    )
    # Bonds are looked for within some Å, so that the first guess must not be far too large; the result is free of it.
    template.scale_lattice(20 * len(template))
    predictor = DLSVolumePredictor(min_scaling=None, max_scaling=None)
    seen: set[frozenset[str]] = set()
    for chosen in itertools.product(*(dict.fromkeys(sites[letter]) for letter in letters)):
        if len(set(chosen)) < len(chosen) or (prototype.alike and frozenset(chosen) in seen):
            continue
        seen |= {frozenset(chosen)} if prototype.alike else set()
        structure = template.copy()
        structure.replace_species({stand_in[letter]: symbol for letter, symbol in zip(letters, chosen, strict=True)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an element without its own bond length takes its atomic radius
            structure.scale_lattice(predictor.predict(structure))
        yield chosen, structure
