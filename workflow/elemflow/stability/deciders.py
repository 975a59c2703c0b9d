"""Predictions of ΔHd and P(stable) for the tested compounds of one fold, by every decider.

Second models learn from training compounds alone: their labels are decomposition enthalpies from the hull of the
training set, and their energies those of networks that saw neither the compound nor the test fold.
"""

from dataclasses import dataclass

import numpy as np

from elemflow.stability import residuals
from elemflow.stability.competition import Competition
from elemflow.stability.hull_features import LABELS, SUBSTITUTION_MEAN, KnownHull, hull_features
from elemflow.stability.nested import View
from elemflow.stability.phases import Phases
from elemflow.stability.second_stage import TreeModels

SECOND_LABELS = (*LABELS, "energy", "decomposition", *residuals.LABELS)
"""Features of the second stage."""


@dataclass(frozen=True)
class Fold:
    """One split of a run.

    Attributes:
        number: Its number.
        known: Which phases are in the training or validation set (phases,), boolean.
        tested: Positions of the tested phases, ascending.
        energies: Their predicted energies (tested,), eV/atom: the mean over the members.
    """

    number: int
    known: np.ndarray
    tested: np.ndarray
    energies: np.ndarray


@dataclass(frozen=True)
class Surroundings:
    """The hull of the training set around its own and the tested compounds of a fold.

    Attributes:
        train: Positions of the training phases, ascending.
        labels: Their ΔHd (train,), eV/atom.
        train_columns: Their features (train, features).
        train_hull: Energy of the mixture that each competes with (train,), eV/atom.
        tested_columns: Features of the tested phases (tested, features).
        tested_hull: Energy of the mixture that each competes with (tested,), eV/atom.
    """

    train: np.ndarray
    labels: np.ndarray
    train_columns: np.ndarray
    train_hull: np.ndarray
    tested_columns: np.ndarray
    tested_hull: np.ndarray

    @classmethod
    def of(cls, competition: Competition, phases: Phases, fold: Fold) -> "Surroundings":
        """Compute the features of a fold from the reference energies of its training set alone."""
        hull = KnownHull.of(competition, phases.energies, fold.known)
        train = np.flatnonzero(fold.known)
        own, mixtures = hull_features(competition, hull, train)
        tested, competing = hull_features(competition, hull, fold.tested)
        return cls(train, hull.decomposition[train], own, mixtures.hull_energy, tested, competing.hull_energy)


def without_network(around: Surroundings) -> dict[str, np.ndarray]:
    """Return what is predicted without an energy: by elements exchanged, and by trees of the hull."""
    mean = around.tested_columns[:, LABELS.index(SUBSTITUTION_MEAN)]
    decomposition, probability = TreeModels.fit(around.train_columns, around.labels).predict(around.tested_columns)
    return {
        "substitution": np.where(np.isnan(mean), float(np.mean(around.labels)), mean),
        "hull": decomposition,
        "hull_classifier": probability,
    }


def second_stage(
    competition: Competition, phases: Phases, fold: Fold, around: Surroundings, views: list[View]
) -> dict[str, np.ndarray]:
    """Return what trees predict that read the hull, the energy, and the errors of the network nearby.

    Each view is the model of one fold of the training set; it predicts the tested compounds as it predicts that fold,
    with the errors of that fold around them. The predictions of all views are averaged.
    """
    inputs, labels, asked = [], [], []
    for view in views:
        errors = phases.energies[view.rows] - view.energies
        places = np.searchsorted(around.train, view.rows)
        nearby = residuals.error_features(competition, view.rows, errors, view.rows)
        inputs.append(with_energy(around.train_columns[places], view.energies, around.train_hull[places], nearby))
        labels.append(around.labels[places])
        nearby = residuals.error_features(competition, view.rows, errors, fold.tested)
        asked.append(with_energy(around.tested_columns, view.tested, around.tested_hull, nearby))
    models = TreeModels.fit(np.concatenate(inputs), np.concatenate(labels))
    decomposition, probability = models.predict_mean(asked)
    return {"second_stage": decomposition, "second_stage_classifier": probability}


def with_energy(columns: np.ndarray, energies: np.ndarray, hull: np.ndarray, nearby: np.ndarray) -> np.ndarray:
    """Return the columns of `SECOND_LABELS` (rows, features).

    Args:
        columns: Features of the hull (rows, features).
        energies: Predicted energies (rows,), eV/atom.
        hull: Energies of the competing mixtures (rows,), eV/atom.
        nearby: Features of the errors of known compounds (rows, features).
    """
    return np.column_stack((columns, energies, energies - hull, nearby))


def mean_energies(fold: Fold, views: list[View]) -> np.ndarray:
    """Return the mean of the energies of the tested phases over the run and the views, half and half (tested,)."""
    return (fold.energies + np.mean([view.tested for view in views], axis=0)) / 2 if views else fold.energies


def of_predicted_hull(
    competition: Competition, fold: Fold, around: Surroundings, views: list[View]
) -> dict[str, np.ndarray]:
    """Return what trees predict that read a hull all of whose energies are predicted.

    The energies of the training phases are those of the views, so that none comes from a network that saw the phase or
    a tested one. The labels are those of the training set's hull.
    """
    energies = np.empty(len(competition.targets))
    for view in views:
        energies[view.rows] = view.energies
    energies[fold.tested] = mean_energies(fold, views)
    active = np.zeros(len(energies), dtype=bool)
    active[around.train] = active[fold.tested] = True
    hull = KnownHull.of(competition, energies, active)
    own, asked = (
        np.column_stack((columns, energies[rows], energies[rows] - mixtures.hull_energy))
        for rows in (around.train, fold.tested)
        for columns, mixtures in [hull_features(competition, hull, rows)]
    )
    decomposition, probability = TreeModels.fit(own, around.labels).predict(asked)
    return {"trained": decomposition, "trained_classifier": probability}
