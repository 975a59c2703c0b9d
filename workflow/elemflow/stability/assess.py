"""Evaluate how well the predicted energies of a run decide which compounds are stable, in every setting.

Every number is of predictions out of fold: a compound is evaluated by the split that tested it. What a second model
learns are the training rows of that split, with labels from the hull of the training set and, where it reads energies,
with those of networks that saw neither the row nor the test fold. P(stable) of a predicted ΔHd is a falling function of
this one number, fitted on the predictions of the other folds.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.chemistry.anion_classes import class_of
from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import DataError
from elemflow.core.files import write_json, write_parquet
from elemflow.core.parquet import read_frame
from elemflow.stability import records
from elemflow.stability.competition import Competition
from elemflow.stability.deciders import (
    Fold,
    Surroundings,
    mean_energies,
    of_predicted_hull,
    second_stage,
    without_network,
)
from elemflow.stability.hull import above_hull, decompose
from elemflow.stability.intervals import FEWEST, interval_report, set_report
from elemflow.stability.metrics import Predictions, evaluate
from elemflow.stability.nested import NestedEnergies, lowest_energies
from elemflow.stability.phases import Phases
from elemflow.stability.records import CalibrationCurve, StabilityReport
from elemflow.stability.second_stage import Calibration

CALIBRATED = (records.ENERGY, records.ALL_NETWORKS, records.HULL, records.BLEND, records.SECOND_STAGE)
"""Columns of ΔHd with the known hull that get a P(stable)."""
CALIBRATED_ALL = (records.ALL_PREDICTED, "all_predicted_all_networks", records.TRAINED)
"""The same where every energy is predicted."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """Files of a run, and what they mean.

    Attributes:
        predictions: `predictions.parquet` of the run.
        materials: `materials.parquet` of its dataset.
        split: Split of the run.
        property: Formation energy per atom.
        members_per_split: How many successive members share a split.
        nested: Predictions of a run that left out every pair of the folds; None without one.
    """

    predictions: Path
    materials: Path
    split: Path
    property: str
    members_per_split: int = 1
    nested: Path | None = None


@dataclass
class Assessment:
    """All compounds of a dataset with what is true and what is predicted of each.

    Attributes:
        phases: The compounds with their reference energies.
        folds: The splits.
        missing: Why something is not evaluated.
        columns: What was found per tested compound, by name: one array per fold.
    """

    phases: Phases
    folds: list[Fold]
    missing: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @cached_property
    def competition(self) -> Competition:
        """The compounds against each other."""
        return Competition(self.phases.compositions)

    @cached_property
    def decomposition(self) -> np.ndarray:
        """ΔHd of each compound by the reference energies of all (phases,), eV/atom."""
        energies = self.phases.energies
        return above_hull(energies, decompose(self.competition, energies).hull_energy)

    @cached_property
    def chemistry(self) -> np.ndarray:
        """Class of anions of each compound (phases,)."""
        return np.array([class_of(formula) for formula in self.phases.compositions.formulas])

    def add(self, **columns: np.ndarray) -> None:
        """Add columns of one fold."""
        for name, values in columns.items():
            self.columns.setdefault(name, []).append(values)

    def column(self, name: str) -> np.ndarray | None:
        """Return a column over all folds; None if there is none."""
        return np.concatenate(self.columns[name]) if name in self.columns else None

    @cached_property
    def tested(self) -> np.ndarray:
        """Positions of the tested compounds, fold by fold."""
        return np.concatenate([fold.tested for fold in self.folds])


def assess_run(inputs: Inputs, table: Path, report: Path) -> None:
    """Evaluate a run.

    Args:
        inputs: Its files.
        table: Parquet to write: a row per split and tested compound, with true and predicted ΔHd of each setting.
        report: `stability.json` to write.

    Raises:
        DataError: The property is no energy per atom, or the files do not belong together.
    """
    phases = Phases.read(inputs.materials, inputs.property)
    found = Assessment(phases, list(read_folds(inputs, phases)))
    assess(found, NestedEnergies.read(inputs.nested, phases) if inputs.nested else None)
    write_parquet(table, _as_table(found))
    write_json(report, report_of(found).plain())


def assess(found: Assessment, nested: NestedEnergies | None) -> None:
    """Fill the columns of all compounds.

    Args:
        found: Compounds and folds.
        nested: Energies for second models; None without any.
    """
    if nested is None:
        found.missing[records.SECOND_STAGE] = "the protocol names no nested run (key `nested`)"
    for fold in found.folds:
        log.info("split %s: %s known, %s tested", fold.number, int(fold.known.sum()), len(fold.tested))
        _decide(found, fold, nested)
    _predict_every_energy(found)
    for name in (*CALIBRATED, *CALIBRATED_ALL):
        if name in found.columns:
            _calibrate(found, name, "true_all" if name in CALIBRATED_ALL else "true_known")


def read_folds(inputs: Inputs, phases: Phases) -> Iterator[Fold]:
    """Yield the folds of a run.

    Raises:
        DataError: A compound is in the training and in the test set.
    """
    positions = {formula: place for place, formula in enumerate(phases.compositions.formulas)}
    rows = read_frame(inputs.predictions, role="test")
    roles = read_frame(inputs.split)
    for frame in (rows, roles):
        places = frame["material_id"].map(lambda name: positions.get(composition_of(name), -1))
        frame["phase"] = places.to_numpy()
        frame["split"] = frame["member"] // inputs.members_per_split
    rows = rows[rows["phase"] >= 0]  # elements have no stability
    if rows.empty:
        raise DataError(f"{inputs.predictions}: none of its test materials is a compound of {inputs.materials}.")
    for number, tested in rows.groupby("split", sort=True):
        known = np.zeros(len(phases), dtype=bool)
        of_split = roles[(roles["split"] == number) & (roles["role"] != "test") & (roles["phase"] >= 0)]
        known[of_split["phase"].to_numpy()] = True
        energies = lowest_energies(tested, ["phase"])
        if known[energies.index.to_numpy()].any():
            first = phases.compositions.formulas[int(energies.index[known[energies.index.to_numpy()]][0])]
            raise DataError(
                f"{inputs.split}: '{first}' is in the training and in the test set of split {number}. Stability needs "
                "splits that are grouped by composition."
            )
        yield Fold(int(str(number)), known, energies.index.to_numpy(), energies.to_numpy())


def _decide(found: Assessment, fold: Fold, nested: NestedEnergies | None) -> None:
    """Predict the stability of the tested compounds of one fold, by the hull of its training set."""
    phases = found.phases
    around = Surroundings.of(found.competition, phases, fold)
    predicted = above_hull(fold.energies, around.tested_hull)
    columns = without_network(around)
    found.add(
        true_known=above_hull(phases.energies[fold.tested], around.tested_hull),
        true_all=found.decomposition[fold.tested],
        energy=predicted,
        blend=(predicted + columns["hull"]) / 2,
        **columns,
    )
    if nested is None:
        return
    views = nested.views(around.train, fold.tested, phases)
    energies = mean_energies(fold, views)
    found.add(
        energies_of_all_networks=energies,
        all_networks=above_hull(energies, around.tested_hull),
        **second_stage(found.competition, phases, fold, around, views),
        **of_predicted_hull(found.competition, fold, around, views),
    )


def _calibrate(found: Assessment, name: str, truth: str) -> None:
    """Add P(stable) for a column of predicted ΔHd, by the other folds; none where there are no others."""
    columns = list(zip(found.columns[name], found.columns[truth], strict=True))
    if len(columns) == 1:
        return
    for number, (own, _) in enumerate(columns):
        others = [each for place, each in enumerate(columns) if place != number]
        predicted, true = (np.concatenate(values) for values in zip(*others, strict=True))
        found.add(**{f"p_{name}": Calibration.fit(predicted, true <= 0)(own)})


def _predict_every_energy(found: Assessment) -> None:
    """Predict the stability of all compounds where every energy is predicted, if every compound is tested once."""
    counts = np.bincount(found.tested, minlength=len(found.phases))
    if not (counts == 1).all():
        found.missing[records.ALL_PREDICTED] = (
            f"{(counts == 0).sum():,} of {len(counts):,} compounds are not tested, {(counts > 1).sum():,} more than "
            "once; the setting needs a protocol that tests each once, such as k_fold"
        )
        return
    sources = {"all_predicted": np.concatenate([fold.energies for fold in found.folds])}
    of_all = found.column("energies_of_all_networks")
    if of_all is not None:
        sources["all_predicted_all_networks"] = of_all
    for name, tested in sources.items():
        energies = np.empty(len(found.phases))
        energies[found.tested] = tested
        predicted = above_hull(energies, decompose(found.competition, energies).hull_energy)
        for fold in found.folds:
            found.add(**{name: predicted[fold.tested]})


def _as_table(found: Assessment) -> pa.Table:
    """Return one row per split and tested compound."""
    rows = found.tested
    names = np.asarray(found.phases.compositions.formulas, dtype=object)
    splits = np.concatenate([np.full(len(fold.tested), fold.number) for fold in found.folds])
    columns = {
        "composition": pa.array(names[rows].tolist(), pa.string()),
        "split": pa.array(splits, pa.int16()),
        "elements": pa.array(found.phases.compositions.counts[rows], pa.int16()),
        "energy_true": found.phases.energies[rows],
        "energy_predicted": np.concatenate([fold.energies for fold in found.folds]),
    }
    order = np.lexsort((splits, rows))
    table = pa.table(columns | {name: np.concatenate(values) for name, values in found.columns.items()})
    return table.take(pa.array(order))


def report_of(found: Assessment) -> StabilityReport:
    """Return all metrics of an assessment."""
    truth, everything = (found.column(name) for name in ("true_known", "true_all"))
    assert truth is not None  # noqa: S101  every fold has both
    assert everything is not None  # noqa: S101
    settings = {
        records.KNOWN_HULL: _metrics(found, truth, records.COLUMNS),
        records.KNOWN_HULL_ALL_TRUE: _metrics(found, everything, records.COLUMNS),
    }
    if records.ALL_PREDICTED in found.columns:
        settings[records.ALL_PREDICTED] = _metrics(found, everything, records.COLUMNS_ALL_PREDICTED)
    fitted = Calibration.fit(np.concatenate(found.columns["energy"]), truth <= 0)
    curve = CalibrationCurve(decomposition=fitted.decomposition, probability=fitted.probability)
    return StabilityReport(
        settings=settings,
        calibration=curve,
        intervals=_intervals(found),
        sets=_sets(found),
        missing=found.missing,
    )


def _can_calibrate(found: Assessment) -> bool:
    return len(found.folds) > 1 and min(len(fold.tested) for fold in found.folds) >= FEWEST


def _intervals(found: Assessment) -> dict[str, records.Intervals]:
    """Return the intervals of ΔHd with the known hull, by decider; none where folds are too few or too small."""
    if not _can_calibrate(found):
        return {}
    disagreement = [
        np.abs(energy - hull) for energy, hull in zip(found.columns["energy"], found.columns["hull"], strict=True)
    ]
    return {
        name: interval_report(
            [np.abs(p - t) for p, t in zip(found.columns[name], found.columns["true_known"], strict=True)],
            disagreement,
        )
        for name in (records.ENERGY, records.BLEND, records.SECOND_STAGE)
        if name in found.columns
    }


def _sets(found: Assessment) -> dict[str, records.LabelSets]:
    """Return the sets of labels by P(stable) with the known hull, by decider; none as for `_intervals`."""
    if not _can_calibrate(found):
        return {}
    stable = [true <= 0 for true in found.columns["true_known"]]
    return {
        decider: set_report(found.columns[column], stable)
        for decider, (_, column) in records.COLUMNS.items()
        if column in found.columns
    }


def _metrics(
    found: Assessment, truth: np.ndarray, columns: Mapping[str, tuple[str | None, str | None]]
) -> dict[str, records.Metrics]:
    """Return the metrics of every decider.

    Args:
        found: All compounds.
        truth: True ΔHd (tested,), eV/atom.
        columns: Columns of ΔHd and P(stable) by decider.
    """
    errors = {
        records.ENERGY: np.concatenate([fold.energies for fold in found.folds]),
        records.ALL_NETWORKS: found.column("energies_of_all_networks"),
    }
    metrics = {}
    for decider, (name, probability) in columns.items():
        predicted = found.column(name) if name else None
        chances = found.column(probability) if probability else None
        if predicted is not None or chances is not None:
            metrics[decider] = evaluate(_predictions(found, truth, predicted, chances, errors.get(decider)))
    return metrics


def _predictions(
    found: Assessment,
    truth: np.ndarray,
    predicted: np.ndarray | None,
    probability: np.ndarray | None,
    energies: np.ndarray | None,
) -> Predictions:
    rows = found.tested
    return Predictions(
        truth=truth,
        predicted=predicted,
        systems=found.phases.compositions.systems()[rows],
        n_elements=found.phases.compositions.counts[rows],
        probability=probability,
        energy_error=None if energies is None else np.abs(energies - found.phases.energies[rows]),
        chemistry=found.chemistry[rows],
    )
