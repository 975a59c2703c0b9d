"""Trees for new compounds: fitted on all known phases, with what they need to know of the known phases around one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from elemflow.core.errors import DataError
from elemflow.core.parquet import read_table
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.deciders import ESTIMATE, SECOND_LABELS, with_energy
from elemflow.stability.exchanges import Exchanges
from elemflow.stability.hull import Decomposition, above_hull, decompose
from elemflow.stability.hull_features import LABELS, KnownHull, hull_features
from elemflow.stability.phases import HullFile
from elemflow.stability.residuals import error_features, exchanges_of_errors, wide_error_features
from elemflow.stability.second_stage import TreeModels

SUFFIX = ".trees"
"""Ending of the file of trees of a hull, in place of that of the hull."""
SAME_ENERGY = 1e-9
"""Largest difference of energies that are taken for equal, eV/atom."""


@dataclass(frozen=True)
class KnownErrors:
    """Errors of predicted energies of known phases by networks that did not see them.

    Attributes:
        folds: Positions of the phases, ascending, and true minus predicted energy in eV/atom, by fold.
    """

    folds: tuple[tuple[np.ndarray, np.ndarray], ...]

    @cached_property
    def everywhere(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions and errors of the phases of all folds."""
        rows, errors = (np.concatenate(values) for values in zip(*self.folds, strict=True))
        order = np.argsort(rows, kind="stable")
        return rows[order], errors[order]

    @classmethod
    def read(cls, table: Path, hull: HullFile) -> Self:
        """Read `stability.parquet` of a run.

        Raises:
            DataError: Its compounds are not those of the hull.
        """
        found = read_table(table, ["composition", "split", "energy_true", "energy_predicted"]).to_pydict()
        positions = {formula: place for place, formula in enumerate(hull.phases.compositions.formulas)}
        rows = np.array([positions.get(formula, -1) for formula in found["composition"]])
        energies = np.array(found["energy_true"], dtype=float)
        # A missing energy is not close to any.
        if (rows < 0).any() or not np.allclose(hull.phases.energies[rows], energies, rtol=0, atol=SAME_ENERGY):
            raise DataError(f"{table}: its compounds or energies are not those of the hull. Build both again.")
        errors, splits = energies - np.array(found["energy_predicted"]), np.array(found["split"])
        folds = []
        for number in np.unique(splits).tolist():
            own = np.flatnonzero(splits == number)
            own = own[np.argsort(rows[own], kind="stable")]
            folds.append((rows[own], errors[own]))
        return cls(tuple(folds))


class Neighbourhood:
    """The known phases of a hull, to compute features of new compounds."""

    def __init__(self, hull: HullFile):
        self.hull = hull
        self._phases = hull.phases.compositions

    @cached_property
    def own(self) -> Competition:
        """The known phases against themselves."""
        return Competition(self._phases)

    @cached_property
    def _systems(self) -> np.ndarray:
        return self._phases.systems()

    @cached_property
    def _known(self) -> KnownHull:
        """The known phases; the heights of those that nothing was near to are NaN."""
        energies = self.hull.phases.energies
        active = np.ones(len(energies), dtype=bool)
        return KnownHull(self._phases, energies, active, self.hull.decomposition, np.full(len(energies), np.nan))

    def features(self, competition: Competition) -> tuple[np.ndarray, Decomposition]:
        """Return the columns of `hull_features.LABELS` of all targets, and their decompositions."""
        known = self._known
        same_system = np.isin(self._systems, np.unique(competition.targets.systems()))
        near = np.flatnonzero(same_system & np.isnan(known.height))
        below = decompose(self.own, known.energies, rows=near, subsystems=True)
        known.height[near] = above_hull(known.energies[near], below.hull_energy)
        return hull_features(competition, known, np.arange(len(competition.targets)))


def fit_hull_trees(hull: Path, output: Path) -> None:
    """Fit trees that read the known hull alone, on all phases of a hull.

    Args:
        hull: File of the hull.
        output: File to write.
    """
    known = HullFile.read(hull)
    around = Neighbourhood(known)
    columns, _ = around.features(around.own)
    TreeModels.fit(columns, known.decomposition).write(output, _about(known, LABELS))


def fit_second_stage(hull: Path, table: Path, output: Path) -> None:
    """Fit trees that read the known hull and the energies of a run, on all phases of a hull.

    Args:
        hull: File of the hull of the run's dataset.
        table: `stability.parquet` of the run: energies by networks that did not see the compound.
        output: File to write.
    """
    known = HullFile.read(hull)
    errors = KnownErrors.read(table, known)
    around = Neighbourhood(known)
    columns, mixtures = around.features(around.own)
    inputs, labels = [], []
    wide = wide_error_features(around.own, *errors.everywhere, np.arange(len(known.phases)))
    for rows, own in errors.folds:
        energies = known.phases.energies[rows] - own
        nearby = np.column_stack((error_features(around.own, rows, own, rows), wide[rows]))
        inputs.append(with_energy(columns[rows], energies, mixtures.hull_energy[rows], nearby))
        labels.append(known.decomposition[rows])
    models = TreeModels.fit(np.concatenate(inputs), np.concatenate(labels), ESTIMATE)
    models.write(output, _about(known, SECOND_LABELS))


def _about(hull: HullFile, labels: Sequence[str]) -> dict[str, Any]:
    return {"hull": hull.source, "phases": len(hull.phases), "labels": list(labels)}


@dataclass(frozen=True)
class FittedTrees:
    """Trees of a hull, or of a hull and the energies of a run.

    Attributes:
        models: The trees.
        around: The known phases.
        errors: Errors of the run's energies; None for trees that read no energy.
    """

    models: TreeModels
    around: Neighbourhood
    errors: KnownErrors | None

    @classmethod
    def read(cls, path: Path, hull: HullFile, table: Path | None = None) -> Self:
        """Read a file that `fit_hull_trees` or `fit_second_stage` wrote.

        Args:
            path: The file.
            hull: The hull that it was fitted on.
            table: `stability.parquet` of the run; None for trees of a hull alone.

        Raises:
            DataError: The file is damaged, or was fitted on another hull or on other features.
        """
        models, about = TreeModels.read(path)
        labels = LABELS if table is None else SECOND_LABELS
        if about.get("labels") != list(labels) or about.get("phases") != len(hull.phases):
            raise DataError(f"{path}: fitted on another hull, or by another version. Build it again.")
        return cls(models, Neighbourhood(hull), KnownErrors.read(table, hull) if table else None)

    @cached_property
    def _exchanged(self) -> Exchanges:
        """What an exchange of elements does to the errors."""
        assert self.errors is not None  # noqa: S101  asked for by trees that read an energy alone
        return exchanges_of_errors(self.around.hull.phases.compositions, *self.errors.everywhere)

    def predict(self, targets: Compositions, energies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ΔHd in eV/atom and P(stable) of new compounds, each (targets,).

        Args:
            targets: Their compositions.
            energies: Their predicted energies (targets,), eV/atom; not read by trees of a hull alone.
        """
        competition = Competition(targets, self.around.hull.phases.compositions)
        return self.predict_near(competition, *self.around.features(competition), energies)

    def predict_near(
        self, competition: Competition, columns: np.ndarray, mixtures: Decomposition, energies: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same where features are known already.

        Args:
            competition: The compounds against the known phases.
            columns: Their features, see `Neighbourhood.features`.
            mixtures: Their decompositions.
            energies: Their predicted energies (targets,), eV/atom.
        """
        if self.errors is None:
            return self.models.predict(columns)
        everything = np.arange(len(competition.targets))
        wide = wide_error_features(competition, *self.errors.everywhere, everything, self._exchanged)
        near = (error_features(competition, *fold, everything) for fold in self.errors.folds)
        return self.models.predict_mean(
            [with_energy(columns, energies, mixtures.hull_energy, np.column_stack((own, wide))) for own in near]
        )
