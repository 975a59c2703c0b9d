"""Known phases: their energies, what is suspicious about them, and the file of a hull."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata, write_parquet
from elemflow.core.parquet import read_schema, read_table
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.hull import above_hull, decompose
from elemflow.stability.substitutions import LOWEST, Substitutions

LOWEST_ENERGY = -6.0
"""Formation energy in eV/atom below which hardly any compound lies; the lowest fluorides have -4.6."""
ELEMENT_ENERGY = 0.05
"""How far from 0 the formation energy of an element may be, eV/atom."""
_GROSS = 2.5
_FEWEST_ANALOGUES = 3
_SHOWN = 5
_PER_MILLE = 0.001

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Phases:
    """Compounds and their formation energies, one per composition.

    Attributes:
        compositions: Compositions of two and more elements.
        energies: Lowest formation energy of each (n,), eV/atom.
    """

    compositions: Compositions
    energies: np.ndarray

    @classmethod
    def of(cls, formulas: Sequence[str], energies: np.ndarray, where: str) -> "Phases":
        """Keep the lowest energy of each composition, sorted by formula; elements have the energy 0 and are left out.

        Args:
            formulas: Canonical formulas, repeated for polymorphs.
            energies: Their formation energies, eV/atom.
            where: Name of the data in messages.

        Raises:
            DataError: An energy is not finite, or no compound is left.
        """
        energies = np.asarray(energies, dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(energies))
        if len(bad):
            raise DataError(
                f"{where}: the energy of '{formulas[bad[0]]}' is {energies[bad[0]]}, and {len(bad)} in all are no "
                "number. Remove these rows, or give their energies."
            )
        names, groups = np.unique(np.asarray(formulas, dtype=object), return_inverse=True)
        lowest = np.full(len(names), np.inf)
        np.minimum.at(lowest, groups, energies)
        compositions = Compositions.of(names.tolist())
        _warn_of_units(compositions, lowest, where)
        compounds = np.flatnonzero(compositions.counts > 1)
        if not len(compounds):
            raise DataError(f"{where}: no compound of two elements or more, so there is no hull. Use a larger dataset.")
        return cls(Compositions.of(names[compounds].tolist()), lowest[compounds])

    @classmethod
    def read(cls, materials: Path, property_id: str) -> "Phases":
        """Read the energies of a curated dataset.

        Raises:
            DataError: The property is no energy per atom, or there is no compound.
        """
        field = read_schema(materials).field(property_id)
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        if unit != "eV/atom":
            raise DataError(
                f"{materials}: '{property_id}' is in '{unit}', and a hull needs formation energies in eV/atom. Choose "
                "another property, or convert the column and name 'unit: eV/atom'."
            )
        table = read_table(materials, ["composition", property_id])
        table = table.filter(table[property_id].is_valid())
        return cls.of(table["composition"].to_pylist(), table[property_id].to_numpy(), str(materials))

    def __len__(self) -> int:
        return len(self.energies)


def _warn_of_units(compositions: Compositions, energies: np.ndarray, where: str) -> None:
    """Log what shows that energies are no formation energies per atom."""
    low = np.flatnonzero(energies < LOWEST_ENERGY)
    if len(low) > _PER_MILLE * len(energies):
        log.warning(
            "%s: %s of %s energies are below %g eV/atom, the lowest is %.3g of '%s'. They may be per formula unit or "
            "total energies; a hull needs formation energies per atom.",
            where, len(low), len(energies), LOWEST_ENERGY, energies[low].min(),
            compositions.formulas[int(energies.argmin())],
        )  # fmt: skip
    elements = np.flatnonzero((compositions.counts == 1) & (np.abs(energies) > ELEMENT_ENERGY))
    if len(elements):
        log.warning(
            "%s: the element '%s' has the energy %.3g eV/atom, and %s in all are not 0. Formation energies refer to "
            "the elements; the hull takes these as 0.",
            where, compositions.formulas[elements[0]], energies[elements[0]], len(elements),
        )  # fmt: skip


@dataclass(frozen=True)
class Pull:
    """How far one compound pulls the hull down.

    Attributes:
        formula: The compound.
        energy: Its energy, eV/atom.
        below: How far it lies below the lowest of its analogues, which have one element exchanged, in ΔHd, eV/atom.
        moved: Number of other compounds whose competing mixture it lowers.
        furthest: The largest fall of one of these, eV/atom.
    """

    formula: str
    energy: float
    below: float
    moved: int
    furthest: float


def gross_entries(phases: Phases, competition: Competition | None = None) -> list[Pull]:
    """Return compounds whose energy is likely wrong, the furthest first, and what each does to the hull of others.

    These lie 2.5 eV/atom and more below each of at least three compounds with one element exchanged.
    """
    competition = competition or Competition(phases.compositions)
    values = above_hull(phases.energies, decompose(competition, phases.energies).hull_energy)
    everything = np.arange(len(phases))
    found = Substitutions(phases.compositions, values, everything).features(phases.compositions, everything)
    below = values - found[:, LOWEST]
    suspicious = np.flatnonzero((found[:, 0] >= _FEWEST_ANALOGUES) & (below < -_GROSS))
    suspicious = suspicious[np.argsort(below[suspicious])][:_SHOWN]
    return [_pull(phases, competition, int(row), float(below[row])) for row in suspicious]


def _pull(phases: Phases, competition: Competition, row: int, below: float) -> Pull:
    own = phases.compositions.elements[row]
    own = own[own > 0]
    inside = np.array([np.isin(own, others).all() for others in phases.compositions.elements])
    inside[row] = False
    rivals = np.flatnonzero(inside)
    without = np.arange(len(phases)) != row
    with_it = decompose(competition, phases.energies, rows=rivals).hull_energy
    fall = decompose(competition, phases.energies, active=without, rows=rivals).hull_energy - with_it
    moved = fall > 1e-9  # noqa: PLR2004  beyond rounding
    return Pull(
        phases.compositions.formulas[row], float(phases.energies[row]), -below, int(moved.sum()),
        float(fall.max(initial=0.0)),
    )  # fmt: skip


@dataclass(frozen=True)
class HullFile:
    """The known phases of a dataset with their decomposition enthalpies.

    Attributes:
        phases: Compounds and energies.
        decomposition: ΔHd of each from all others (n,), eV/atom.
        source: Dataset, property and version, as the file notes them.
    """

    phases: Phases
    decomposition: np.ndarray
    source: dict[str, str]

    def write(self, path: Path) -> None:
        """Write the file: Parquet with composition, energy and decomposition, and the source in its metadata."""
        table = pa.table(
            {
                "composition": pa.array(self.phases.compositions.formulas, pa.string()),
                "energy": self.phases.energies,
                "decomposition": self.decomposition,
            }
        )
        write_parquet(path, table, metadata={"hull": self.source})

    @classmethod
    def read(cls, path: Path) -> "HullFile":
        """Read a file that `write` wrote.

        Raises:
            DataError: It is no such file.
        """
        try:
            source = read_metadata(path)["hull"]
            table = read_table(path, ["composition", "energy", "decomposition"])
        except (OSError, KeyError, DataError) as error:
            raise DataError(
                f"{path}: no file of a hull ({error}). Build one with "
                "snakemake --cores 1 results/hulls/<dataset>/<property>.parquet."
            ) from error
        compositions = Compositions.of(table["composition"].to_pylist())
        return cls(Phases(compositions, table["energy"].to_numpy()), table["decomposition"].to_numpy(), dict(source))


def build_hull(materials: Path, property_id: str, source: dict[str, str], output: Path) -> None:
    """Write the hull of a curated dataset, and log entries that are likely wrong.

    Args:
        materials: Curated materials.
        property_id: Formation energy per atom.
        source: What the file notes of its data.
        output: File to write.
    """
    phases = Phases.read(materials, property_id)
    competition = Competition(phases.compositions)
    values = above_hull(phases.energies, decompose(competition, phases.energies).hull_energy)
    for pull in gross_entries(phases, competition):
        log.warning(
            "%s: '%s' at %.3g eV/atom lies %.3g eV/atom lower than every compound with one element exchanged; it pulls "
            "the hull of %s others down, by up to %.3g eV/atom. Check it.",
            materials, pull.formula, pull.energy, pull.below, pull.moved, pull.furthest,
        )  # fmt: skip
    HullFile(phases, values, source).write(output)
