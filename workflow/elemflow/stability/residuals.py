"""What the errors of predicted energies of known compounds say of the error for a composition near them.

A network errs alike on alike compounds. The errors of known compounds are those of the model that predicts the
composition, and of compounds that this model did not see, so that they are as large as its error.
"""

import numpy as np

from elemflow.stability import exchanges
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.exchanges import Exchanges
from elemflow.stability.substitutions import LABELS as SUBSTITUTIONS
from elemflow.stability.substitutions import Substitutions

_SHOWN = (0, 1, 2, 6, 7)
"""Columns of the substitutions that are kept: number, means, and the nearest with its likeness."""
LABELS = (
    *(f"error_{SUBSTITUTIONS[column]}" for column in _SHOWN), "error_of_system", "error_compounds_of_system",
)  # fmt: skip
WIDE_LABELS = (*(f"all_{label}" for label in LABELS), *(f"all_error_{label}" for label in exchanges.LABELS))


def error_features(competition: Competition, rows: np.ndarray, errors: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the columns of `LABELS` for some compositions; their own errors take no part.

    Args:
        competition: Compositions against the phases.
        rows: Positions of the phases whose error is known, ascending.
        errors: True minus predicted energy of each (rows,), eV/atom.
        wanted: Positions of the compositions, ascending.

    Returns:
        Columns (wanted, features), NaN where no such compound is known.
    """
    phases, targets = competition.phases, competition.targets
    values = np.full(len(phases), np.nan)
    values[rows] = errors
    substituted = Substitutions(phases, values, rows).features(targets, wanted)[:, _SHOWN]
    sums, counts = _of_systems(phases.systems()[rows], errors, targets.systems()[wanted])
    own = competition.own(values, wanted)
    sums, counts = sums - np.nan_to_num(own), counts - np.isfinite(own)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(counts > 0, sums / counts, np.nan)
    return np.column_stack((substituted, mean, counts))


def exchanges_of_errors(phases: Compositions, rows: np.ndarray, errors: np.ndarray) -> Exchanges:
    """Return what an exchange of elements does to the errors of known compounds; arguments as of `error_features`."""
    values = np.full(len(phases), np.nan)
    values[rows] = errors
    return Exchanges(phases, values, rows)


def wide_error_features(
    competition: Competition,
    rows: np.ndarray,
    errors: np.ndarray,
    wanted: np.ndarray,
    exchanged: Exchanges | None = None,
) -> np.ndarray:
    """Return the columns of `WIDE_LABELS` for some compositions: of the errors of all known compounds.

    Args:
        competition: Compositions against the phases.
        rows: Positions of the phases whose error is known, ascending.
        errors: True minus predicted energy of each (rows,), eV/atom, by any network that did not see the phase.
        wanted: Positions of the compositions, ascending.
        exchanged: What `exchanges_of_errors` returned; None to compute it.
    """
    exchanged = exchanged or exchanges_of_errors(competition.phases, rows, errors)
    own = competition.own(exchanged.values, wanted)
    near = error_features(competition, rows, errors, wanted)
    return np.column_stack((near, exchanged.features(competition.targets, wanted, own)))


def _of_systems(systems: np.ndarray, errors: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sum and number of the errors in the chemical system of each composition, each (wanted,)."""
    if not len(systems):
        return np.zeros(len(wanted)), np.zeros(len(wanted))
    names, inverse = np.unique(systems, return_inverse=True)
    places = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    some = names[places] == wanted
    sums, counts = np.bincount(inverse, errors), np.bincount(inverse)
    return np.where(some, sums[places], 0.0), np.where(some, counts[places], 0)
