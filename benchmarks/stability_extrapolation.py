"""Measure how intervals of ΔHd and P(stable) hold where test compounds are of another kind than the training set.

    python benchmarks/stability_extrapolation.py <materials.parquet>

Trees that read the known hull, without a network, decide the test set of a split of each kind. Of the training set a
tenth is drawn at random for calibration, and the validation set, which is of the same kind as the test set, calibrates
as well; neither is known to the hull or to the trees. Intervals at 90 %:

* `random`: of one width, by the random calibration set.
* `grouped`: the same within groups of compounds with as many known compounds that have one element exchanged.
* `weighted`: weighted conformal (Tibshirani et al. 2019): calibration compounds count by how much more likely they are
  in the test set, by a classifier of the features.
* `same kind`: of one width, by the validation set.
* `same kind, grouped`: both.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from elemflow.evaluation.conformal import conformal_quantile
from elemflow.splits.schemes.base import hash_order
from elemflow.splits.schemes.registry import read_split
from elemflow.stability.competition import Competition
from elemflow.stability.hull_features import LABELS, KnownHull, hull_features
from elemflow.stability.intervals import label_limits
from elemflow.stability.metrics import Predictions, evaluate
from elemflow.stability.phases import Phases
from elemflow.stability.second_stage import TreeModels

LEVEL = 0.9
TRAIN, VALIDATION, TEST = range(3)
COUNT = LABELS.index("substitutions")
EDGES = (0.5, 2.5, 8.5)
FOLDS: dict[str, Any] = {"folds": 5, "seed": 2020, "validation": 0.1}
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "random": ({"scheme": "k_fold", **FOLDS}, 1),
    "chemical systems": ({"scheme": "leave_systems_out", **FOLDS}, 1),
    "clusters": ({"scheme": "leave_clusters_out", **FOLDS}, 2),
    "elements F, Mn": ({"scheme": "leave_elements_out", "elements": ["F", "Mn"], "seed": 2020}, 2),
    "group 1": ({"scheme": "leave_groups_out", "numbers": [1], "seed": 2020}, 1),
    "highest energies": ({"scheme": "highest_values", "seed": 2020}, 1),
    "lowest energies": ({"scheme": "highest_values", "end": "lowest", "seed": 2020}, 1),
}
"""Split and how many of its test sets, by kind."""


@dataclass
class Rows:
    """Compounds of one role: features, true and predicted ΔHd, P(stable), how many known have one element exchanged."""

    columns: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    chances: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Absolute errors of ΔHd."""
        return np.abs(self.predicted - self.truth)

    @property
    def groups(self) -> np.ndarray:
        """Group by the number of known compounds with one element exchanged."""
        return np.searchsorted(EDGES, self.columns[:, COUNT])


def decide(competition: Competition, energies: np.ndarray, roles: np.ndarray, drawn: np.ndarray) -> list[Rows]:
    """Return the random calibration set, the validation set and the test set, decided by trees of the others."""
    known = (roles == TRAIN) & ~drawn
    hull = KnownHull.of(competition, energies, known)
    train = np.flatnonzero(known)
    inputs, _ = hull_features(competition, hull, train)
    models = TreeModels.fit(inputs, hull.decomposition[train])
    found = []
    for rows in (np.flatnonzero(drawn), np.flatnonzero(roles == VALIDATION), np.flatnonzero(roles == TEST)):
        columns, mixtures = hull_features(competition, hull, rows)
        found.append(Rows(columns, energies[rows] - mixtures.hull_energy, *models.predict(columns)))
    return found


def quantile(errors: np.ndarray) -> float:
    """Return the half-width that `LEVEL` of as many errors and one more keep within."""
    return conformal_quantile(errors, LEVEL, len(errors))


def grouped(calibration: Rows, test: Rows) -> np.ndarray:
    """Return half-widths by group; that of all compounds where a group is too small."""
    half = np.full(len(test.truth), quantile(calibration.errors))
    for group in range(len(EDGES) + 1):
        own = calibration.errors[calibration.groups == group]
        if len(own) >= 100:
            half[test.groups == group] = quantile(own)
    return half


def weighted(calibration: Rows, test: Rows) -> np.ndarray:
    """Return half-widths where calibration compounds count by their likelihood in the test set."""
    inputs = np.concatenate((calibration.columns, test.columns))
    is_test = np.repeat((0.0, 1.0), (len(calibration.truth), len(test.truth)))
    settings = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 100, "learning_rate": 0.1,
                "verbosity": -1, "num_threads": 1, "seed": 1, "deterministic": True}  # fmt: skip
    model = lightgbm.train(settings, lightgbm.Dataset(inputs, is_test), num_boost_round=50)
    chances = np.clip(model.predict(inputs, num_threads=1), 1e-3, 1 - 1e-3)
    ratio = chances / (1 - chances)
    own = ratio[: len(calibration.truth)]
    order = np.argsort(calibration.errors)
    sums = np.cumsum(own[order])
    half = np.empty(len(test.truth))
    for row, weight in enumerate(ratio[len(calibration.truth) :].tolist()):
        place = np.searchsorted(sums, LEVEL * (sums[-1] + weight))
        half[row] = calibration.errors[order[place]] if place < len(order) else np.inf
    return half


def main(materials: str) -> None:
    """Print a line per test set and kind of interval."""
    phases = Phases.read(Path(materials), "formation_energy")
    competition, energies = Competition(phases.compositions), phases.energies
    formulas = list(phases.compositions.formulas)
    systems, counts = phases.compositions.systems(), phases.compositions.counts
    for name, (split, n) in CASES.items():
        for number, roles in enumerate(read_split(split).splits(formulas, energies)):
            if number == n:
                break
            drawn = np.zeros(len(roles), dtype=bool)
            train = np.flatnonzero(roles == TRAIN)
            order = hash_order([formulas[row] for row in train.tolist()], "calibration")
            drawn[train[order[: len(train) // 10]]] = True
            calibration, same, test = decide(competition, energies, roles, drawn)
            rows = np.flatnonzero(roles == TEST)
            own = systems[rows], counts[rows]
            height = evaluate(Predictions(test.truth, test.predicted, *own), 0)
            chance = evaluate(Predictions(test.truth, None, *own, test.chances), 0)
            decision = chance.decisions["0"]
            lowest, highest = label_limits(calibration.chances, calibration.truth <= 0)
            may, may_not, stable = test.chances >= lowest, test.chances <= highest, test.truth <= 0
            print(
                f"{name} {number}: n {len(rows)}, stable {stable.mean():.3f}, none exchanged "
                f"{(test.groups == 0).mean():.3f}, MAE {height.mae_decomposition:.4f}, F1 {decision.f1:.3f}, FPR "
                f"{decision.fpr:.3f}, AUC {chance.roc_auc:.3f}, ECE {chance.calibration_error:.3f}, sets: stable "
                f"{may[stable].mean():.3f}, unstable {may_not[~stable].mean():.3f}, "
                f"decided {(may ^ may_not).mean():.3f}"
            )
            for kind, half in (
                ("random", np.full(len(rows), quantile(calibration.errors))),
                ("grouped", grouped(calibration, test)),
                ("weighted", weighted(calibration, test)),
                ("same kind", np.full(len(rows), quantile(same.errors))),
                ("same kind, grouped", grouped(same, test)),
            ):
                inside = test.errors <= half
                worst = min(inside[test.groups == g].mean() for g in np.unique(test.groups))
                finite = np.isfinite(half)
                print(
                    f"    {kind:20s} coverage {inside.mean():.3f}, worst group {worst:.3f}, width "
                    f"{2 * half[finite].mean():.3f} eV/atom" + (f", infinite {1 - finite.mean():.3f}"
                    if not finite.all() else ""), flush=True,
                )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
