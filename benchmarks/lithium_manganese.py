"""Find the stable ones among 13,659 quaternary candidates of Li, Mn, O and a transition metal, in training none.

    python benchmarks/lithium_manganese.py <git folder of CJBartel/TestStabilityML> \\
        results/datasets/critexam_ef/materials.parquet \\
        results/runs/critexam_ef/formation_energy/ef+pa/brnet_damped/stability_limnmo

The candidates, the 267 of them that the Materials Project has, the predictions of others, and what they took for stable
(`as published`) are read at COMMIT. With `known hull` a candidate competes with known compounds alone; `with rivals` it
also competes with the other candidates by their predicted energies. Trees learn from known compounds alone, none of
which has these elements.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from elemflow.chemistry.composition import canonical
from elemflow.inference.ensemble import Ensemble
from elemflow.inference.predictor import Predictor
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.hull import decompose
from elemflow.stability.hull_features import LABELS, SUBSTITUTION_MEAN, KnownHull, hull_features
from elemflow.stability.metrics import Predictions, Weighted
from elemflow.stability.phases import Phases
from elemflow.stability.second_stage import TreeModels

COMMIT = "4559c918da8edecea12f86774910b17cae3c7a09"
FOLDER = "mlstabilitytest"
PEERS = ("ElFrac", "Meredig", "Magpie", "AutoMat", "ElemNet", "Roost")
BEST = "Roost"
"""Others' model that is also held against its rivals."""
TOP = (10, 30, 100, 300, 1000)


class Case:
    """The candidates, what is known, and which candidates are stable."""

    def __init__(self, git: str, materials: str):
        self.git = git
        self.candidates = sorted(map(canonical, self.read("mp_data/data/smact_LiMnTMO.json")["smact"]))
        left_out = {canonical(name) for name in self.read("mp_data/data/mp_LiMnTMO.json")}
        phases = Phases.read(Path(materials), "formation_energy")
        truth = phases.energies - decompose(Competition(phases.compositions), phases.energies).hull_energy
        own = [place for place, name in enumerate(phases.compositions.formulas) if name in left_out]
        rest = np.setdiff1d(np.arange(len(phases)), own)
        self.known = Phases(Compositions.of([phases.compositions.formulas[row] for row in rest]), phases.energies[rest])
        names = [phases.compositions.formulas[row] for row in own]
        self.places = np.array([self.candidates.index(name) for name in names])
        self.truth = truth[own]
        self.stable = self.places[self.truth <= 0]
        self.targets = Compositions.of(self.candidates)
        self.competition = Competition(self.targets, self.known.compositions)
        self.names_of_stable = {self.candidates[place] for place in self.stable.tolist()}
        self.known_hull = decompose(self.competition, self.known.energies).hull_energy
        every = Compositions.of([*self.known.compositions.formulas, *self.candidates])
        self.rivals = Competition(every)

    def read(self, path: str) -> dict:
        """Return a file of others."""
        command = ["git", "-C", self.git, "show", f"{COMMIT}:{FOLDER}/{path}"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    def peer(self, model: str) -> np.ndarray:
        """Return the energies that others predict for the candidates (candidates,), eV/atom."""
        found = self.read(f"ml_data/Ef/smact/{model}/ml_input.json")
        by_formula = {canonical(name): float(energy) for name, energy in found.items()}
        return np.array([by_formula[name] for name in self.candidates])

    def with_rivals(self, energies: np.ndarray) -> np.ndarray:
        """Return ΔHd where the predicted candidates compete with each other as well (candidates,), eV/atom."""
        everything = np.concatenate((self.known.energies, energies))
        rows = np.arange(len(self.known), len(everything))
        return energies - decompose(self.rivals, everything, rows=rows).hull_energy

    def report(self, name: str, score: np.ndarray, decided: np.ndarray | None) -> None:
        """Print what a ranking finds, the most stable first.

        Args:
            name: What ranks.
            score: The lower the more stable (candidates,).
            decided: Whether each candidate is taken for stable (candidates,); None if nothing decides.
        """
        ranks = np.empty(len(score), dtype=np.int64)
        ranks[np.argsort(score, kind="stable")] = np.arange(len(score))
        found = {k: int((ranks[self.stable] < k).sum()) for k in TOP}
        own = score[self.places]
        area = Weighted(Predictions(self.truth, own, self.places, self.places)).areas(np.ones(len(own)))[0]
        text = f"{name:34s}"
        if decided is not None:
            text += f" taken for stable {int(decided.sum()):5d}, of the 9: {int(decided[self.stable].sum())};"
        print(text, "in the first", ", ".join(f"{k}: {n}" for k, n in found.items()), f"AUC of the 267 {area:.3f}")


def main(git: str, materials: str, run: str) -> None:
    """Print a line per model."""
    case = Case(git, materials)
    print(f"{len(case.candidates)} candidates, {len(case.places)} known, {len(case.stable)} stable")
    for model in PEERS:
        taken = {canonical(name) for name in case.read(f"ml_data/Ef/smact/{model}/ml_results.json")["pred_stable"]}
        print(f"{model}, as published: taken for stable {len(taken)}, of the 9: {len(taken & case.names_of_stable)}")
        values = case.peer(model) - case.known_hull
        case.report(f"{model}, known hull", values, values <= 0)
        if model == BEST:
            rivals = case.with_rivals(case.peer(model))
            case.report(f"{model}, with rivals", rivals, rivals <= 0)
    predictor = Predictor(run, applicability=False)
    batch = predictor.featurizer.batch(case.candidates)
    energies, _ = Ensemble(run).predict(batch.x)
    own = Competition(case.known.compositions)
    hull = KnownHull.of(own, case.known.energies, np.ones(len(case.known), dtype=bool))
    learned, _ = hull_features(own, hull, np.arange(len(case.known)))
    asked, mixtures = hull_features(case.competition, hull, np.arange(len(case.candidates)))
    trees, chances = TreeModels.fit(learned, hull.decomposition).predict(asked)
    above = energies - mixtures.hull_energy
    mean = asked[:, LABELS.index(SUBSTITUTION_MEAN)]
    mean = np.where(np.isnan(mean), hull.decomposition.mean(), mean)
    rivals = case.with_rivals(energies)
    case.report("ours, with rivals", rivals, rivals <= 0)
    case.report("ours, known hull", above, above <= 0)
    case.report("elements exchanged, no model", mean, mean <= 0)
    case.report("trees of the hull", trees, trees <= 0)
    case.report("trees of the hull, P(stable)", -chances, chances >= 0.5)
    case.report("mean of energy and trees", (above + trees) / 2, above + trees <= 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
