"""Recompute the values of others in the settings of stability, for resources/published/published_stability.csv.

    python benchmarks/peers_of_stability.py <git folder of CJBartel/TestStabilityML>
    results/datasets/critexam_ef/materials.parquet \\
        results/splits/critexam_ef/formation_energy/stability_one_network.parquet > peers.csv

Their predictions of formation energies are read at COMMIT. With the known hull each compound is held against the hull
of our training folds; which compounds their models were trained on is not published.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.chemistry.composition import canonical
from elemflow.stability.competition import Competition
from elemflow.stability.hull import decompose
from elemflow.stability.metrics import Predictions, evaluate
from elemflow.stability.phases import Phases
from elemflow.stability.records import ALL_PREDICTED, KNOWN_HULL, KNOWN_HULL_ALL_TRUE, Metrics

COMMIT = "4559c918da8edecea12f86774910b17cae3c7a09"
MODELS = ("ElFrac", "Meredig", "Magpie", "AutoMat", "ElemNet", "Roost", "CGCNN")
NOTES = {"CGCNN": "reads the relaxed structure"}


def flat(metrics: Metrics) -> dict[str, float | None]:
    """Return the values of one line."""
    return {
        "n": metrics.n,
        "mae_energy": metrics.mae_energy,
        "mae_decomposition": metrics.mae_decomposition,
        **metrics.decisions["0"].plain(),
        "roc_auc": metrics.roc_auc,
        "average_precision": metrics.average_precision,
        "precision_at_1000": metrics.precision_at["1000"],
        "discovery_acceleration": metrics.discovery_acceleration,
    }


def read_energies(folder: str, model: str, phases: Phases) -> np.ndarray:
    """Return the predicted energy of each phase, eV/atom."""
    path = f"{COMMIT}:mlstabilitytest/ml_data/Ef/allMP/{model}/ml_input.json"
    text = subprocess.run(["git", "-C", folder, "show", path], capture_output=True, check=True).stdout
    by_formula = {canonical(formula): float(energy) for formula, energy in json.loads(text).items()}
    return np.array([by_formula[formula] for formula in phases.compositions.formulas])


def main(folder: str, materials: str, split: str) -> None:
    """Write the lines."""
    phases = Phases.read(Path(materials), "formation_energy")
    competition, reference = Competition(phases.compositions), phases.energies
    systems, counts = phases.compositions.systems(), phases.compositions.counts
    truth = reference - decompose(competition, reference).hull_energy
    tested = pd.read_parquet(split).query("role == 'test'").set_index("material_id")["member"]
    fold = tested.loc[list(phases.compositions.formulas)].to_numpy()
    known_hull = np.empty(len(phases))
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        known_hull[rows] = decompose(competition, reference, active=fold != number, rows=rows).hull_energy
    lines = []
    for model in MODELS:
        energies = read_energies(folder, model, phases)
        own = energies - decompose(competition, energies).hull_energy
        known = energies - known_hull
        for setting, true, predicted in (
            (ALL_PREDICTED, truth, own), (KNOWN_HULL, reference - known_hull, known), (KNOWN_HULL_ALL_TRUE, truth,
            known),
        ):  # fmt: skip
            given = Predictions(true, predicted, systems, counts, energy_error=np.abs(energies - reference))
            values = {name: "" if x is None else f"{x:.6g}" for name, x in flat(evaluate(given, 0)).items()}
            lines.append({"setting": setting, "model": model, "note": NOTES.get(model, ""), **values})
    order = (ALL_PREDICTED, KNOWN_HULL, KNOWN_HULL_ALL_TRUE)
    writer = csv.DictWriter(sys.stdout, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(lines, key=lambda line: order.index(line["setting"])))


if __name__ == "__main__":
    main(*sys.argv[1:])
