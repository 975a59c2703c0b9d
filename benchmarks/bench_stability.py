"""Measure parts of the study of stability that its tables need more networks for.

    python benchmarks/bench_stability.py systems <materials.parquet>
    python benchmarks/bench_stability.py nested <materials.parquet> <predictions.parquet of stability_nested>
    python benchmarks/bench_stability.py points <stability.parquet>
    python benchmarks/bench_stability.py base <hull.parquet>

`systems` decides by the compounds with one element exchanged, without a model, in random folds and in folds of whole
chemical systems. `nested` decides all folds by the networks of the nested run alone: the energy of a compound is the
mean of the four that left out its fold. `points` holds the classifiers of a run at thresholds of P(stable) that the
other folds choose: the lowest with a false positive rate of `FPR` there, and the one with the best F1. `base` compares
the energies of the base that ships with those of a hull.
"""

import sys
from pathlib import Path
from time import process_time

import numpy as np

from elemflow.base.energies import BaseEnergies, Difference
from elemflow.core.parquet import read_frame
from elemflow.splits.schemes.base import TEST, TRAIN
from elemflow.splits.schemes.registry import read_split
from elemflow.stability.assess import Assessment, assess, report_of
from elemflow.stability.competition import Competition
from elemflow.stability.deciders import Fold
from elemflow.stability.hull import decompose
from elemflow.stability.metrics import Metrics, Predictions, evaluate
from elemflow.stability.nested import NestedEnergies
from elemflow.stability.phases import HullFile, Phases
from elemflow.stability.substitutions import LABELS, Substitutions

PROPERTY = "formation_energy"
SPLITS = ("k_fold", "leave_systems_out")
FPR = 0.13
CLASSIFIERS = {"second_stage_classifier": "true_known", "trained_classifier": "true_all"}
"""Columns of P(stable), and of the true ΔHd."""


def report(name: str, metrics: Metrics) -> None:
    """Print one line."""
    at_zero = metrics.decisions["0"]
    values = {
        "stable": metrics.prevalence,
        "MAE": metrics.mae_decomposition,
        "MAE E": metrics.mae_energy,
        "accuracy": at_zero.accuracy,
        "F1": at_zero.f1,
        "precision": at_zero.precision,
        "recall": at_zero.recall,
        "FPR": at_zero.fpr,
        "AUC": metrics.roc_auc,
        "AP": metrics.average_precision,
        "P@1000": metrics.precision_at["1000"],
        "ECE": metrics.calibration_error,
    }
    texts = [f"{key} {value:.4f}" for key, value in values.items() if value is not None]
    intervals = [f"{key} {low:.3f} to {high:.3f}" for key, (low, high) in metrics.intervals.items() if "mae" not in key]
    print(name, ", ".join(texts), "95 %:", ", ".join(intervals), flush=True)


def systems(materials: str) -> None:
    """Decide without a model in random folds and in folds of whole chemical systems."""
    phases = Phases.read(Path(materials), PROPERTY)
    competition, energies = Competition(phases.compositions), phases.energies
    for scheme in SPLITS:
        truth, predicted = np.empty(len(energies)), np.empty(len(energies))
        split = read_split({"scheme": scheme, "folds": 5, "seed": 2020, "validation": 0})
        for roles in split.splits(list(phases.compositions.formulas)):
            train, test = np.flatnonzero(roles == 0), np.flatnonzero(roles == 2)
            enthalpies = energies - decompose(competition, energies, active=roles == 0).hull_energy
            known = np.full(len(energies), np.nan)
            known[train] = enthalpies[train]
            features = Substitutions(phases.compositions, known, train).features(phases.compositions, test)
            mean = features[:, LABELS.index("substitution_weighted_mean")]
            predicted[test] = np.where(np.isnan(mean), known[train].mean(), mean)
            truth[test] = enthalpies[test]
        report(
            scheme, evaluate(Predictions(truth, predicted, phases.compositions.systems(), phases.compositions.counts))
        )


def nested(materials: str, predictions: str) -> None:
    """Decide all folds by the networks of the nested run alone, in all settings."""
    phases = Phases.read(Path(materials), PROPERTY)
    energies = NestedEnergies.read(Path(predictions), phases)
    split = read_split({"scheme": "k_fold", "folds": 5, "seed": 2020, "validation": 0})
    folds = []
    for number, roles in enumerate(split.splits(list(phases.compositions.formulas))):
        train, tested = np.flatnonzero(roles == TRAIN), np.flatnonzero(roles == TEST)
        views = energies.views(train, tested, phases)
        folds.append(Fold(number, roles == TRAIN, tested, np.mean([view.tested for view in views], axis=0)))
    found = Assessment(phases, folds)
    assess(found, energies)
    whole = report_of(found)
    for setting, deciders in whole.settings.items():
        print(setting)
        for name, metrics in deciders.items():
            report(f"  {name}", metrics)
    for name, intervals in whole.intervals.items():
        for kind, each in intervals.kinds.items():
            print(f"intervals of {name}, {kind}: coverage {each.coverage:.3f}, width {each.width:.3f} eV/atom")
    for name, sets in whole.sets.items():
        print(f"sets of {name}: {sets.coverage_stable:.3f}, {sets.coverage_unstable:.3f}, decided {sets.decided:.3f}")
    print(f"{process_time():.0f} CPU seconds")


def points(table: str) -> None:
    """Print decisions at 0.5 and at thresholds that the other folds choose, of all folds and without the first."""
    rows = read_frame(Path(table))
    folds = rows["split"].to_numpy()
    for name, truth in CLASSIFIERS.items():
        chances, stable = rows[name].to_numpy(), rows[truth].to_numpy() <= 0
        chosen = {"0.5": np.full(len(rows), 0.5), f"FPR {FPR}": np.empty(len(rows)), "best F1": np.empty(len(rows))}
        for fold in np.unique(folds):
            own = folds == fold
            unstable = np.sort(chances[~own & ~stable])
            chosen[f"FPR {FPR}"][own] = unstable[int(np.ceil((1 - FPR) * len(unstable)))]
            candidates = np.linspace(0.2, 0.7, 101)
            scores = [decision(chances[~own] >= each, stable[~own])["F1"] for each in candidates]
            chosen["best F1"][own] = candidates[int(np.argmax(scores))]
        for rule, threshold in chosen.items():
            for label, part in (("all folds", folds >= 0), ("without fold 0", folds > 0)):
                values = decision(chances[part] >= threshold[part], stable[part])
                text = ", ".join(f"{key} {value:.4f}" for key, value in values.items())
                print(f"{name} at {rule} ({threshold.min():.3f} to {threshold.max():.3f}), {label}: {text}")


def decision(predicted: np.ndarray, stable: np.ndarray) -> dict[str, float]:
    """Return F1, precision, recall and false positive rate."""
    hits = float((predicted & stable).sum())
    return {
        "F1": 2 * hits / (predicted.sum() + stable.sum()),
        "precision": hits / predicted.sum(),
        "recall": hits / stable.sum(),
        "FPR": float((predicted & ~stable).sum() / (~stable).sum()),
    }


def base(hull: str) -> None:
    """Compare the energies of the base that ships with those of all phases of a hull."""
    found = Difference.of(BaseEnergies(), HullFile.read(Path(hull)).phases)
    assert found is not None
    print(found.describe().replace("these", "all"))


if __name__ == "__main__":
    {"systems": systems, "nested": nested, "points": points, "base": base}[sys.argv[1]](*sys.argv[2:])
