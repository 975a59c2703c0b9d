"""Measure how intervals of ΔHd and P(stable) hold where test compounds are of another kind than the training set.

    python benchmarks/stability_extrapolation.py <materials.parquet> [<kind of test set>...]
    python benchmarks/stability_extrapolation.py networks <stability.parquet of random folds> <the same of others>

Trees that read the known hull, without a network, decide the test set of a split of each kind. Of the training set a
tenth is drawn at random for calibration, and the validation set, which is of the same kind as the test set, calibrates
as well; neither is known to the hull or to the trees. Intervals at 90 %:

* `random`: of one width, by the random calibration set.
* `grouped`: the same within groups of compounds with as many known compounds that have one element exchanged.
* `weighted`: weighted conformal (Tibshirani et al. 2019): calibration compounds count by how much more likely they are
  in the test set, by a classifier of the features.
* `same kind`: of one width, by the validation set.
* `same kind, grouped`: both.

`networks` holds the energies of a run in folds of another kind against intervals and P(stable) calibrated on random
folds: widths that follow how far energy and trees disagree, too.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from elemflow.chemistry.composition import amounts
from elemflow.core.parquet import read_frame
from elemflow.evaluation.conformal import conformal_quantile
from elemflow.splits.schemes.base import hash_order
from elemflow.splits.schemes.registry import read_split
from elemflow.stability.competition import Competition
from elemflow.stability.hull_features import LABELS, KnownHull, hull_features
from elemflow.stability.intervals import grouped_quantiles, label_limits
from elemflow.stability.metrics import Predictions, evaluate
from elemflow.stability.phases import Phases
from elemflow.stability.second_stage import Calibration, TreeModels

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


def networks(random: str, others: str) -> None:
    """Print what random calibration of a run's energies keeps in folds of another kind, and calibration by its own."""
    calibration, tested = (read_frame(Path(path)) for path in (random, others))
    true, predicted = (tested[name].to_numpy() for name in ("true_known", "energy"))
    errors, own = (np.abs(rows["energy"] - rows["true_known"]).to_numpy() for rows in (calibration, tested))
    disagreement, far = (np.abs(rows["energy"] - rows["hull"]).to_numpy() for rows in (calibration, tested))
    edges, mean, quantiles = grouped_quantiles(errors, disagreement)
    by_group = np.array(quantiles)[np.searchsorted(np.array(edges), far, side="left")] * (far + mean)
    for kind, half in (("one width", np.full(len(own), quantile(errors))), ("by disagreement", by_group)):
        print(f"random folds, {kind}: coverage {(own <= half).mean():.3f}, width {2 * half.mean():.3f} eV/atom")
    curve = Calibration.fit(calibration["energy"].to_numpy(), calibration["true_known"].to_numpy() <= 0)
    systems = tested["composition"].map(lambda formula: "-".join(sorted(amounts(formula)))).to_numpy()
    _, groups = np.unique(systems, return_inverse=True)
    given = Predictions(true, predicted, groups, tested["elements"].to_numpy(), curve(predicted))
    found = evaluate(given, 0)
    print(f"P(stable) by random folds: ECE {found.calibration_error:.3f}, stable {(true <= 0).mean():.3f}")


def main(materials: str, *kinds: str) -> None:
    """Print a line per test set and kind of interval."""
    phases = Phases.read(Path(materials), "formation_energy")
    competition, energies = Competition(phases.compositions), phases.energies
    formulas = list(phases.compositions.formulas)
    systems, counts = phases.compositions.systems(), phases.compositions.counts
    for name, (split, n) in CASES.items():
        if kinds and name not in kinds:
            continue
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
            values = {
                "stable": stable.mean(),
                "none exchanged": (test.groups == 0).mean(),
                "MAE": height.mae_decomposition,
                "F1": decision.f1,
                "FPR": decision.fpr,
                "AUC": chance.roc_auc,
                "ECE": chance.calibration_error,
                "sets: stable": may[stable].mean(),
                "unstable": may_not[~stable].mean() if (~stable).any() else None,
                "decided": (may ^ may_not).mean(),
            }
            text = ", ".join(f"{key} {'-' if value is None else f'{value:.3f}'}" for key, value in values.items())
            print(f"{name} {number}: n {len(rows)}, {text}")
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
                width = f"{2 * half[finite].mean():.3f} eV/atom" if finite.any() else "-"
                rest = "" if finite.all() else f", infinite {1 - finite.mean():.3f}"
                covered = f"coverage {inside.mean():.3f}, worst group {worst:.3f}"
                print(f"    {kind:20s} {covered}, width {width}{rest}", flush=True)


if __name__ == "__main__":
    networks(*sys.argv[2:]) if sys.argv[1] == "networks" else main(*sys.argv[1:])
