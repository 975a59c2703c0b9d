"""Fine-tuning on a user's table: cross-validation against extra trees and a network from scratch, then the predictor.

All methods share the folds, which keep a composition together; no model sees a test row of its fold in any step, the
standardisation of the target and the choice of the head included.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elemflow.base.predictor import FEWEST
from elemflow.base.table import Measured
from elemflow.chemistry.composition import SYMBOLS, amounts
from elemflow.config.base import NetworkShape, Stack, Transform
from elemflow.core.errors import DataError
from elemflow.core.progress import Step
from elemflow.estimators.build import fit_estimator, make_estimator
from elemflow.multitask.file import BaseFacts, BaseFile, HeadFacts, halved
from elemflow.multitask.finetune import SCRATCH, Start, fine_tune, schedule_of, train_rows
from elemflow.multitask.from_run import knows_seen
from elemflow.multitask.network import Weights, initial_weights, predict
from elemflow.multitask.seen import Seen
from elemflow.multitask.train import Standard
from elemflow.multitask.transforms import from_target
from elemflow.splits.schemes.base import random_folds

FOLDS = 5
TREES = {"n_estimators": 300}
MEMBERS = 3
"""Networks of an ensemble; each starts from another network of the base, as far as there are some."""
QUARTER = NetworkShape(
    stacks=(
        Stack(width=256, layers=4, branches=(2, 2)),
        Stack(width=128, layers=3),
        Stack(width=64, layers=3),
        Stack(width=32, layers=3),
    )
)
"""Trunk of the network from scratch: BRNet at a quarter of its width."""
METHODS = {"base": "base, fine-tuned", "trees": "extra trees", "scratch": "network from scratch", "constant": "median"}

Notify = Callable[[], None]
"""Is called after each of the `steps`."""


def _nobody() -> None:
    """Do nothing: nobody waits."""


class Rows(NamedTuple):
    """Rows that can be learned from.

    Attributes:
        compositions: Canonical compositions (rows,).
        x: Unscaled features, float32 (rows, features).
        y: What is learned (rows,).
    """

    compositions: list[str]
    x: np.ndarray
    y: np.ndarray

    def take(self, chosen: np.ndarray) -> "Rows":
        """Return some of the rows."""
        places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Rows([self.compositions[place] for place in places], self.x[places], self.y[places])


class Ensemble(NamedTuple):
    """Networks that were fine-tuned alike.

    Attributes:
        weights: Weights of each, with one head.
        center, scale: Standardisation of the target.
        starts: What each started from.
    """

    weights: list[Weights]
    center: float
    scale: float
    starts: list[Start]

    def predict(self, base: BaseFile, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and spread of the predictions of unscaled features, each (rows,)."""
        scaled = base.scaling.apply(x)
        found = np.stack([predict(each, scaled, base.facts.network)[:, 0] for each in self.weights]).astype(np.float64)
        targets = found * self.scale + self.center
        return targets.mean(axis=0), np.std(targets, axis=0, ddof=1)


@dataclass(frozen=True)
class Comparison:
    """Predictions of every row by models that have not seen it.

    Attributes:
        folds: Number of the fold in which a row is tested (rows,).
        predictions: Predicted targets by method, each (rows,).
        spread: Spread of the fine-tuned networks (rows,).
        seen: Whether the base was pre-trained on the composition (rows,).
        heads: For each head of the base, on how many of the compositions it was trained.
        complete: Whether `seen` is known of all rows; if not, the base may have seen others too.
    """

    folds: np.ndarray
    predictions: Mapping[str, np.ndarray]
    spread: np.ndarray
    seen: np.ndarray
    heads: Mapping[str, int]
    complete: bool = True


def featurize(base: BaseFile, measured: Measured) -> tuple[Rows, list[tuple[str, str]]]:
    """Return the rows with features, and of those without the formula as the table writes it and the reason."""
    blocks, lost = [], dict[int, str]()
    for part in base.parts():
        x, reasons = part.featurize(measured.compositions)
        blocks.append(x)
        lost |= reasons
    kept = np.setdiff1d(np.arange(len(measured.compositions)), list(lost))
    rows = Rows(measured.compositions, np.concatenate(blocks, axis=1), measured.y).take(kept)
    return rows, [(measured.formulas[place], lost[place]) for place in sorted(lost)]


def steps(methods: Sequence[str], folds: int = FOLDS) -> list[Step]:
    """Return the steps of `compare` and of the final `fit_ensemble`, as they are notified."""
    found = [
        Step(f"fold {fold + 1} of {folds}", METHODS[method], method)
        for fold in range(folds)
        for method in methods
        for _ in range(MEMBERS if method == "base" else 1)
    ]
    more = folds / (folds - 1)
    final = (f"network {number + 1} of {MEMBERS}" for number in range(MEMBERS))
    return [*found, *(Step("predictor from all rows", detail, "base", more) for detail in final)]


def fit_ensemble(base: BaseFile, rows: Rows, seed: int, members: int = MEMBERS, notify: Notify = _nobody) -> Ensemble:
    """Fine-tune an ensemble on rows; `notify` is called after each network.

    Raises:
        DataError: The targets do not vary.
        TrainingError: A training diverged.
    """
    center, scale = float(np.median(rows.y)), float(np.std(rows.y))
    if not scale > 0:
        raise DataError(f"all {len(rows.y)} training values are equal; there is nothing to learn.")
    x, y = base.scaling.apply(rows.x), (rows.y - center) / scale
    weights, starts = [], []
    for member in range(members):
        pretrained = base.weights[member % len(base.weights)]
        tuned, start = fine_tune(pretrained, base.facts.network, x, y, seed + member)
        weights.append(tuned)
        starts.append(start)
        notify()
    return Ensemble(weights, center, scale, starts)


def compare(
    base: BaseFile, rows: Rows, *, seed: int, methods: Sequence[str], folds: int = FOLDS, notify: Notify = _nobody
) -> Comparison:
    """Predict every row by models that were trained on the other folds.

    Args:
        base: What is fine-tuned.
        rows: All rows.
        seed: Seed of folds and trainings.
        methods: Keys of `METHODS`.
        folds: Number of folds.
        notify: Is called after each network and other model.
    """
    number = random_folds(rows.compositions, folds, f"finetune/{seed}")
    predictions = {method: np.empty(len(rows.y)) for method in methods}
    spread = np.zeros(len(rows.y))
    for fold, (train, test) in enumerate(_folds(number, folds)):
        for method in methods:
            predictions[method][test], found = fit_and_predict(
                method, base, rows.take(train), rows.x[test], seed + 100 * fold, notify
            )
            if found is not None:
                spread[test] = found
    masks = base.seen.masks(rows.compositions)
    bits = (np.left_shift(np.uint64(1), np.uint64(place)) for place in range(len(base.heads)))
    counts = {name: int(np.sum(masks & bit > 0)) for name, bit in zip(base.heads, bits, strict=True)}
    return Comparison(number, predictions, spread, masks > 0, counts, knows_seen(base))


def _folds(number: np.ndarray, folds: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for fold in range(folds):
        test = number == fold
        if test.any():
            yield ~test, test


def fit_and_predict(
    method: str, base: BaseFile, train: Rows, x: np.ndarray, seed: int, notify: Notify = _nobody
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the predictions of a method for test rows, and their spread if it has one."""
    if method == "base":
        return fit_ensemble(base, train, seed, notify=notify).predict(base, x)
    match method:
        case "trees":
            trees = make_estimator("extra_trees", TREES, seed, 1)
            fit_estimator(trees, train.x, train.y, 1)
            found = np.asarray(trees.predict(x))
        case "scratch":
            found = _scratch(base, train, x, seed)
        case _:
            found = np.full(len(x), np.median(train.y))
    notify()
    return found, None


def _scratch(base: BaseFile, train: Rows, x: np.ndarray, seed: int) -> np.ndarray:
    """Return the predictions of one network without pre-training."""
    center, scale = float(np.median(train.y)), float(np.std(train.y)) or 1.0
    started = initial_weights(QUARTER, x.shape[1], 1, seed)
    schedule = schedule_of(len(train.y), SCRATCH)
    y = (train.y - center) / scale
    trained = train_rows(started, QUARTER, base.scaling.apply(train.x), y, schedule, seed)
    return predict(trained, base.scaling.apply(x), QUARTER)[:, 0].astype(np.float64) * scale + center


def as_file(
    base: BaseFile, ensemble: Ensemble, rows: Rows, compared: Comparison, head: HeadFacts, name: str
) -> BaseFile:
    """Return a predictor of the property, in the form of a base with one head.

    Args:
        base: What was fine-tuned.
        ensemble: Fine-tuned on all rows.
        rows: All rows.
        compared: Errors of the folds, which calibrate the intervals.
        head: What it predicts.
        name: Id of the property.
    """
    errors = np.abs(compared.predictions["base"] - rows.y)
    order = np.random.default_rng(0).permutation(len(errors))
    columns = np.stack([errors, compared.spread, compared.predictions["base"]])
    calibration = columns[:, order].astype(np.float32)
    facts = BaseFacts(
        name=name,
        title=f"{head.title}, fine-tuned from {base.facts.name}",
        representation=base.facts.representation,
        feature_versions=base.facts.feature_versions,
        network=base.facts.network,
        heads=(head.but(id=name),),
        networks=len(ensemble.weights),
    )
    standard = Standard(np.array([ensemble.center]), np.array([ensemble.scale]), np.array([len(rows.y)]))
    halves = [{key: halved(key, value).astype(np.float32) for key, value in each.items()} for each in ensemble.weights]
    seen = Seen.of_all(rows.compositions)
    return BaseFile(facts, halves, base.scaling, standard, _elements(base, rows), seen, {name: calibration})


def _elements(base: BaseFile, rows: Rows) -> np.ndarray:
    """Return the elements that the base knows, in which those that the table lacks are rare (1, elements)."""
    known = base.elements.max(axis=0)
    present = {symbol for composition in rows.compositions for symbol in amounts(composition)}
    absent = np.array([symbol not in present for symbol in SYMBOLS])
    return np.where(absent, np.minimum(known, FEWEST - 1), np.maximum(known, FEWEST))[None].astype(np.uint8)


def unknown_elements(base: BaseFile, rows: Rows) -> list[str]:
    """Return the elements of some rows that no composition of the base has."""
    alone = base.elements.max(axis=0)
    present = {symbol for composition in rows.compositions for symbol in amounts(composition)}
    return sorted(symbol for symbol in present if not alone[SYMBOLS.index(symbol)])


def nearest_of(ensemble: Ensemble) -> tuple[int, float]:
    """Return the head that most members started from, and its squared correlation with the training values."""
    heads = [start.head for start in ensemble.starts if start.head is not None]
    head = max(sorted(set(heads)), key=heads.count)
    return head, next(start.correlation for start in ensemble.starts if start.head == head)


def times_of_head(base: BaseFile, rows: Rows, place: int, transform: Transform) -> float:
    """Return how many times as much the values vary as the predictions of a head for them, both in their unit."""
    scaled = base.scaling.apply(rows.x)
    found = predict(base.weights[0], scaled, base.facts.network)[:, place].astype(np.float64)
    targets = found * base.standard.scale[place] + base.standard.center[place]
    own = np.std(from_target(targets, base.facts.heads[place].transform))
    return float(np.std(from_target(rows.y, transform)) / own) if own > 0 else float("nan")
