"""Measure parts of the study of stability that its tables need more networks for.

    python benchmarks/bench_stability.py systems <materials.parquet>
    python benchmarks/bench_stability.py second_stage <materials.parquet> <split.parquet> <predictions.parquet> \\
        <nested predictions.parquet ...>

`systems` decides by the compounds with one element exchanged, without a model, in random folds and in folds of whole
chemical systems. `second_stage` decides the first fold by all deciders: of the split and of the predictions of
`stability_one_network` it reads member 0, and of `stability_nested` the four members that leave out the first fold. All
lie below `results`, and those of members that are done already below `results/checkpoints/<run>/member-<number>/`.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.splits.schemes.registry import read_split
from elemflow.stability.assess import Assessment, Inputs, _decide, _read_folds
from elemflow.stability.competition import Competition
from elemflow.stability.hull import decompose
from elemflow.stability.metrics import Metrics, Predictions, evaluate
from elemflow.stability.nested import NestedEnergies
from elemflow.stability.phases import Phases
from elemflow.stability.substitutions import LABELS, Substitutions

PROPERTY = "formation_energy"
SPLITS = ("k_fold", "leave_systems_out")
DECIDERS = ("energy", "hull", "hull_classifier", "blend", "second_stage", "second_stage_classifier")


def report(name: str, metrics: Metrics) -> None:
    """Print one line."""
    at_zero = metrics.decisions["0"]
    values = {
        "stable": metrics.prevalence,
        "MAE": metrics.mae_decomposition,
        "accuracy": at_zero.accuracy,
        "F1": at_zero.f1,
        "FPR": at_zero.fpr,
        "AUC": metrics.roc_auc,
        "AP": metrics.average_precision,
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


def second_stage(materials: str, split: str, predictions: str, *nested: str) -> None:
    """Decide the first fold by all deciders, with the hull of its training set."""
    phases = Phases.read(Path(materials), PROPERTY)
    joined = Path("nested_predictions.parquet")
    pd.concat([pd.read_parquet(path) for path in nested]).to_parquet(joined)
    energies = NestedEnergies.read(joined, phases)
    joined.unlink()
    folds = list(_read_folds(Inputs(Path(predictions), Path(materials), Path(split), PROPERTY), phases))
    assessment = Assessment(phases, folds[:1])
    tested = assessment.folds[0].tested
    _decide(assessment, assessment.folds[0], energies)
    chemistry = phases.compositions.systems()[tested], phases.compositions.counts[tested]
    truth = assessment.columns["true_known"][0]
    for name in DECIDERS:
        values = assessment.columns[name][0]
        probability = values if name.endswith("classifier") else None
        enthalpy = None if probability is not None else values
        report(name, evaluate(Predictions(truth, enthalpy, *chemistry, probability)))


if __name__ == "__main__":
    {"systems": systems, "second_stage": second_stage}[sys.argv[1]](*sys.argv[2:])
