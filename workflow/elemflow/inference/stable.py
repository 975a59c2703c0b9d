"""Stability of new compounds: their predicted energies against the hull of known phases."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.inference.formulas import Batch, Featurizer
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.hull import Decomposition, above_hull, decompose
from elemflow.stability.intervals import half_widths
from elemflow.stability.phases import HullFile
from elemflow.stability.records import ENERGY, SECOND_STAGE, Intervals, StabilityReport
from elemflow.stability.second_stage import Calibration
from elemflow.stability.trees import SUFFIX, FittedTrees

DECOMPOSITION, ESTIMATE, LOWER, UPPER, PROBABILITY, PRODUCTS, COMPETING, KNOWN = (
    "decomposition", "estimate", "estimate_lower", "estimate_upper", "p_stable", "products", "competing",
    "known_decomposition",
)  # fmt: skip
COLUMNS = (DECOMPOSITION, ESTIMATE, LOWER, UPPER, PROBABILITY, PRODUCTS, COMPETING, KNOWN)
MOST_COMPETING = 8
"""Competing phases of the same elements that are named."""


class Energies(Protocol):
    """What predicts formation energies: a run, an exported file or a base.

    Attributes:
        run: Folder of the run, or the file.
        notes: What to say about it.
    """

    run: Path
    notes: list[str]

    @property
    def property_id(self) -> str:
        """Id of the property."""

    @property
    def unit(self) -> str:
        """Unit of the property."""

    @property
    def featurizer(self) -> Featurizer:
        """What turns formulas into features."""

    def schema(self, labels: Sequence[str]) -> pa.Schema:
        """Return the columns of the predictions; `y_pred` among them, and `reason` last."""

    def table(self, batch: Batch, schema: pa.Schema) -> pa.Table:
        """Return the predictions of a batch; null in rows that have a reason."""


@dataclass(frozen=True)
class Chances:
    """What gives ΔHd and P(stable) beyond energy and hull.

    Attributes:
        trees: Trees of the hull, with the energies of a run or without; None where none are fitted.
        calibration: P(stable) by the predicted ΔHd; None where the run has none, or trees give it.
        intervals: Intervals around the estimate; None where there are none.
        hull_trees: Trees of the hull alone, whose disagreement with the energy widens intervals.
        notes: What is missing, with the command that makes it.
    """

    trees: FittedTrees | None = None
    calibration: Calibration | None = None
    intervals: Intervals | None = None
    hull_trees: FittedTrees | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of_run(cls, run: Path, hull: HullFile, hull_path: Path) -> "Chances":
        """Read what a run has.

        Args:
            run: Folder of the run.
            hull: The hull.
            hull_path: Its file.
        """
        table, trees, report = (run / f"stability.{ending}" for ending in ("parquet", "trees", "json"))
        found = StabilityReport.read(report) if report.is_file() else None
        intervals = found.intervals if found else {}
        of_hull = hull_path.with_suffix(SUFFIX)
        hull_trees = FittedTrees.read(of_hull, hull) if of_hull.is_file() else None
        notes = [] if hull_trees or not intervals else [f"no intervals of ΔHd: {_to_build(of_hull)}"]
        if trees.is_file():
            try:
                second = FittedTrees.read(trees, hull, table)
                return cls(second, None, intervals.get(SECOND_STAGE), hull_trees, notes)
            except DataError as error:
                notes.append(str(error))
        curve = found.calibration if found else None
        calibration = Calibration(curve.decomposition, curve.probability) if curve else None
        notes.append(
            f"P(stable) is {'that of the energy alone' if curve else 'missing'}: no second stage. {_to_build(trees)}"
        )
        return cls(None, calibration, intervals.get(ENERGY), hull_trees, notes)

    @classmethod
    def of_hull(cls, hull: HullFile, hull_path: Path) -> "Chances":
        """Read what a hull has, for energies of unknown error."""
        path = hull_path.with_suffix(SUFFIX)
        if not path.is_file():
            return cls(notes=[f"no P(stable): no trees of the hull. {_to_build(path)}"])
        trees = FittedTrees.read(path, hull)
        return cls(
            trees, notes=["P(stable) and estimate are those of the known hull alone and read no predicted energy"]
        )

    def columns(
        self, compositions: Compositions, energies: np.ndarray, decomposition: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return estimate of ΔHd with its interval, and P(stable); NaN where there is none.

        Args:
            compositions: New compounds.
            energies: Their predicted energies (rows,), eV/atom.
            decomposition: The same above the hull (rows,), eV/atom.
        """
        near: tuple[Competition, np.ndarray, Decomposition] | None = None
        if self.trees:
            near = _near(self.trees, compositions)
            estimate, chances = self.trees.predict_near(*near, energies)
        else:
            estimate = decomposition
            chances = self.calibration(decomposition) if self.calibration else np.full(len(energies), np.nan)
        half = np.full(len(energies), np.nan)
        if self.intervals and self.hull_trees:
            known, _ = self.hull_trees.predict_near(*(near or _near(self.hull_trees, compositions)), energies)
            half = half_widths(self.intervals, np.abs(decomposition - known))
        return {ESTIMATE: estimate, LOWER: estimate - half, UPPER: estimate + half, PROBABILITY: chances}


def _near(trees: FittedTrees, compositions: Compositions) -> tuple[Competition, np.ndarray, Decomposition]:
    """Return compounds against the known phases, their features and decompositions."""
    competition = Competition(compositions, trees.around.hull.phases.compositions)
    return competition, *trees.around.features(competition)


def _to_build(path: Path) -> str:
    return f"Build it: snakemake --cores 1 {path}"


@dataclass(frozen=True)
class Stability:
    """Decides which compounds are stable.

    Attributes:
        predictor: What predicts formation energies.
        hull: The known phases.
        chances: What gives P(stable).
    """

    predictor: Energies
    hull: HullFile
    chances: Chances

    @classmethod
    def of(cls, predictor: Energies, hull: Path | None) -> "Stability":
        """Read hull, trees and calibration.

        Args:
            predictor: Predictor of a formation energy per atom.
            hull: File of the hull; None is that of the run's dataset.

        Raises:
            DataError: The run predicts something else, or there is no hull.
        """
        if predictor.unit != "eV/atom":
            raise DataError(
                f"{predictor.run}: predicts '{predictor.property_id}' in {predictor.unit}, and stability follows from "
                "formation energies in eV/atom. Name a run that predicts these."
            )
        path = hull or _default_hull(predictor)
        known = HullFile.read(path)
        is_run = predictor.run.is_dir()
        chances = Chances.of_run(predictor.run, known, path) if is_run else Chances.of_hull(known, path)
        return cls(predictor, known, chances)

    @property
    def notes(self) -> list[str]:
        """What to say of predictor and hull."""
        return [*self.predictor.notes, *self.chances.notes]

    def schema(self, labels: Sequence[str]) -> pa.Schema:
        """Return the columns of predictions with those of stability; `reason` among the labels comes last."""
        schema = self.predictor.schema(labels)
        unit = {"unit": "eV/atom"}
        place = len(schema) - ("reason" in schema.names)
        for name in COLUMNS:
            is_text = name in (PRODUCTS, COMPETING)
            field = pa.field(name, pa.string()) if is_text else pa.field(
                name, pa.float64(), metadata=None if name == PROBABILITY else unit
            )  # fmt: skip
            schema = schema.insert(place, field)
            place += 1
        return schema

    def table(self, batch: Batch, schema: pa.Schema) -> pa.Table:
        """Return the predictions of a batch; null in rows that have a reason.

        Args:
            batch: The compounds.
            schema: What `schema` returned.
        """
        labels = [*batch.labels, *(["reason"] if "reason" in schema.names else [])]
        table = self.predictor.table(batch, self.predictor.schema(labels))
        rows = [row for row in batch.predicted_rows if len(amounts(str(batch.labels["composition"][row]))) > 1]
        energies = np.array([table["y_pred"][row].as_py() for row in rows], dtype=np.float64)
        found = self._decide([str(batch.labels["composition"][row]) for row in rows], energies)
        for name, values in found.items():
            column: list[object] = [None] * table.num_rows
            for row, value in zip(rows, values, strict=True):
                column[row] = value
            table = table.append_column(schema.field(name), pa.array(column, schema.field(name).type))
        return table.select(schema.names).cast(schema)

    def _decide(self, compositions: Sequence[str], energies: np.ndarray) -> dict[str, list[object]]:
        """Return the columns of stability of some compounds."""
        known = self.hull.phases
        competition = Competition(Compositions.of(compositions), known.compositions)
        found = decompose(competition, known.energies)
        values = above_hull(energies, found.hull_energy)
        further = self.chances.columns(competition.targets, energies, values) if len(values) else {}
        equal = competition.equal
        own = np.where(equal >= 0, self.hull.decomposition[np.maximum(equal, 0)], np.nan)
        names = known.compositions.formulas
        same = _same_elements(competition)
        return {
            DECOMPOSITION: list(values),
            **{name: _with_gaps(further.get(name, values)) for name in (ESTIMATE, LOWER, UPPER, PROBABILITY)},
            PRODUCTS: [describe_products(found, row, names, formula) for row, formula in enumerate(compositions)],
            COMPETING: [", ".join(each) for each in same],
            KNOWN: _with_gaps(own),
        }


def _with_gaps(values: np.ndarray) -> list[object]:
    return [None if np.isnan(value) else value for value in values]


def describe_products(found: Decomposition, row: int, names: Sequence[str], formula: str) -> str:
    """Return the products of the decomposition of one formula unit, such as `Li2O + MnO2`.

    Args:
        found: The decompositions.
        row: Position of the compound.
        names: Formulas of the phases.
        formula: Formula of the compound.
    """
    atoms = sum(amounts(formula).values())
    parts = []
    for name, share in found.name_products(row, names):
        number = share * atoms / sum(amounts(name).values())
        text = f"{number:.3g}"
        parts.append(name if text == "1" else f"{text} {name}")
    return " + ".join(parts)


def _same_elements(competition: Competition) -> list[list[str]]:
    """Return the known phases with exactly the elements of each compound, without itself, up to `MOST_COMPETING`."""
    found: list[list[str]] = [[] for _ in range(len(competition.targets))]
    phases = competition.phases
    for problems in competition.problems():
        whole = phases.counts[problems.phases] == problems.elements.shape[1]
        for target, phase in zip(
            problems.targets[problems.owners[whole]].tolist(), problems.phases[whole].tolist(), strict=True
        ):
            found[target].append(phases.formulas[phase])
    return [each if len(each) <= MOST_COMPETING else [*each[:MOST_COMPETING], "…"] for each in found]


def _default_hull(predictor: Energies) -> Path:
    """Return the hull of the dataset of a run.

    Raises:
        DataError: It is not built, or the run is a file.
    """
    if predictor.run.is_file():
        raise DataError(f"{predictor.run}: a file of a model knows no hull. Name one (--hull).")
    results, (dataset, property_id) = predictor.run.absolute().parents[5], predictor.run.absolute().parts[-5:-3]
    path = results / f"hulls/{dataset}/{property_id}.parquet"
    if not path.is_file():
        raise DataError(
            f"{path}: no hull of the dataset. Build it (snakemake --cores 1 {path}), or name another (--hull)."
        )
    return path
