"""Predictions of ΔHd and P(stable) for the tested compounds of one fold, by every decider.

Second models learn from training compounds alone: their labels are decomposition enthalpies from the hull of the
training set, and their energies those of networks that saw neither the compound nor the test fold.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from elemflow.stability import residuals
from elemflow.stability.competition import Competition
from elemflow.stability.hull_features import LABELS, SUBSTITUTION_MEAN, KnownHull, hull_features
from elemflow.stability.nested import View
from elemflow.stability.phases import Phases
from elemflow.stability.second_stage import TreeModels

SECOND_LABELS = (*LABELS, "energy", "decomposition", *residuals.LABELS, *residuals.WIDE_LABELS)
"""Features of the second stage."""
ESTIMATE = SECOND_LABELS.index("decomposition")
"""Column of the first estimate of ΔHd: the predicted energy above the hull."""


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

    Each view is the model of one fold of the training set. A tested compound is predicted once per view, with the
    errors of that fold around it, and the predictions are averaged; its energy is the mean of all models. The errors of
    all training phases, each by the model that did not see it, are features as well.
    """
    energies = mean_energies(fold, views)
    everywhere = WideErrors.of(competition, phases, views)
    wide, wide_tested = everywhere.features(around.train), everywhere.features(fold.tested)
    inputs, labels, asked = [], [], []
    for view in views:
        errors = phases.energies[view.rows] - view.energies
        places = np.searchsorted(around.train, view.rows)
        nearby = np.column_stack((residuals.error_features(competition, view.rows, errors, view.rows), wide[places]))
        inputs.append(with_energy(around.train_columns[places], view.energies, around.train_hull[places], nearby))
        labels.append(around.labels[places])
        nearby = np.column_stack((residuals.error_features(competition, view.rows, errors, fold.tested), wide_tested))
        asked.append(with_energy(around.tested_columns, energies, around.tested_hull, nearby))
    models = TreeModels.fit(np.concatenate(inputs), np.concatenate(labels), ESTIMATE)
    decomposition, probability = models.predict_mean(asked)
    return {"second_stage": decomposition, "second_stage_classifier": probability}


@dataclass(frozen=True)
class WideErrors:
    """Errors of the energies of known phases, each by a model that did not see it.

    Attributes:
        competition: Compositions against the phases.
        rows: Positions of the phases, ascending.
        errors: True minus predicted energy of each (rows,), eV/atom.
    """

    competition: Competition
    rows: np.ndarray
    errors: np.ndarray

    @classmethod
    def of(cls, competition: Competition, phases: Phases, views: list[View]) -> Self:
        """Return the errors of all views; the mean where a phase is in several."""
        rows, inverse = np.unique(np.concatenate([view.rows for view in views]), return_inverse=True)
        energies = np.bincount(inverse, np.concatenate([view.energies for view in views])) / np.bincount(inverse)
        return cls(competition, rows, phases.energies[rows] - energies)

    def features(self, wanted: np.ndarray) -> np.ndarray:
        """Return the columns of `residuals.WIDE_LABELS` for some compositions, given by ascending positions."""
        return residuals.wide_error_features(self.competition, self.rows, self.errors, wanted)


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
    a tested one; those of the tested phases are of the run alone, whose networks have seen more than the views. The
    labels are those of the training set's hull. Two models are averaged: one learns from the training phases among
    themselves, whose predicted hull is as dense as that of the labels, and one with the tested phases among their
    rivals, which are what a tested phase meets.

    Raises:
        DataError: No view predicts a training phase.
    """
    energies = np.full(len(competition.targets), np.nan)  # the hull refuses a phase that no view predicts
    for view in views:
        energies[view.rows] = view.energies
    energies[fold.tested] = fold.energies
    active = np.zeros(len(energies), dtype=bool)
    active[around.train] = True
    among_themselves = KnownHull.of(competition, energies, active)
    everything = KnownHull.of(competition, energies, active | np.isin(np.arange(len(active)), fold.tested))
    asked = _predicted_columns(competition, everything, fold.tested)
    found = []
    for hull in (among_themselves, everything):
        own = _predicted_columns(competition, hull, around.train)
        models = TreeModels.fit(own, around.labels, own.shape[1] - 1)  # the last column is the predicted ΔHd
        found.append(models.predict(asked))
    decomposition, probability = np.mean(found, axis=0)
    return {"trained": decomposition, "trained_classifier": probability}


def _predicted_columns(competition: Competition, hull: KnownHull, rows: np.ndarray) -> np.ndarray:
    """Return the features of some compounds by a hull of predicted energies, their own energy and ΔHd last."""
    columns, mixtures = hull_features(competition, hull, rows)
    return np.column_stack((columns, hull.energies[rows], hull.energies[rows] - mixtures.hull_energy))
