"""Energies of training compounds by models that saw neither the compound nor the test fold of a second model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import DataError
from elemflow.core.parquet import read_frame
from elemflow.stability.phases import Phases


@dataclass(frozen=True)
class View:
    """What one model says that saw neither the tested phases of a split nor some of its training phases.

    Attributes:
        rows: Positions of these training phases, ascending (n,).
        energies: Their predicted energies (n,), eV/atom.
        tested: Predicted energies of the tested phases (tested,), eV/atom.
    """

    rows: np.ndarray
    energies: np.ndarray
    tested: np.ndarray


def lowest_energies(rows: pd.DataFrame, keys: list[str]) -> "pd.Series[float]":
    """Return the predicted energy of each group: of each of its materials the mean, of its polymorphs the lowest.

    Args:
        rows: Predictions with `material_id` and `y_pred` in eV/atom.
        keys: Columns that make the groups.
    """
    each = rows.groupby([*keys, "material_id"], sort=True)["y_pred"].mean()
    return each.groupby(level=keys, sort=True).min()


@dataclass(frozen=True)
class NestedEnergies:
    """Predictions of a run with the split scheme `k_fold_pairs`.

    Attributes:
        members: Positions of the tested phases, ascending, and their predicted energies in eV/atom, by member.
        where: The file.
    """

    members: dict[int, tuple[np.ndarray, np.ndarray]]
    where: str

    @classmethod
    def read(cls, predictions: Path, phases: Phases) -> "NestedEnergies":
        """Read `predictions.parquet` of the run."""
        positions = {formula: place for place, formula in enumerate(phases.compositions.formulas)}
        rows = read_frame(predictions, role="test")
        rows["phase"] = rows["material_id"].map(lambda name: positions.get(composition_of(name), -1)).to_numpy()
        rows = lowest_energies(rows[rows["phase"] >= 0], ["member", "phase"]).reset_index()
        groups = rows.groupby("member", sort=True)
        return cls(
            {int(str(member)): (own["phase"].to_numpy(), own["y_pred"].to_numpy()) for member, own in groups},
            str(predictions),
        )

    def views(self, train: np.ndarray, tested: np.ndarray, phases: Phases) -> list[View]:
        """Return what each member says that left out all tested phases; every training phase is in one view at least.

        Args:
            train: Positions of the training phases, ascending.
            tested: Positions of the tested phases, ascending.
            phases: The phases, for messages.

        Raises:
            DataError: There is no such member for a phase, so that the two runs have different folds.
        """
        found = []
        for left_out, values in self.members.values():
            if np.isin(tested, left_out).all():
                own = np.isin(left_out, train)
                found.append(View(left_out[own], values[own], values[np.searchsorted(left_out, tested)]))
        seen = np.isin(train, np.concatenate([view.rows for view in found])) if found else np.zeros(len(train), bool)
        missing = train[~seen]
        if len(missing):
            raise DataError(
                f"{self.where}: no member left out '{phases.compositions.formulas[missing[0]]}' together with the "
                f"test set of a split, and {len(missing):,} in all lack one. The nested run needs `k_fold_pairs` with "
                "the folds and the seed of the run."
            )
        return found
