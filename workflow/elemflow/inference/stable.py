"""Stability of new compounds: their predicted energies against the hull of known phases."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.inference.formulas import Batch
from elemflow.inference.predictor import Predictor
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.hull import Decomposition, decompose
from elemflow.stability.phases import HullFile
from elemflow.stability.records import StabilityReport
from elemflow.stability.second_stage import Calibration

DECOMPOSITION, PROBABILITY, PRODUCTS, COMPETING, KNOWN = (
    "decomposition", "p_stable", "products", "competing", "known_decomposition",
)  # fmt: skip
COLUMNS = (DECOMPOSITION, PROBABILITY, PRODUCTS, COMPETING, KNOWN)
MOST_COMPETING = 8
"""Competing phases of the same elements that are named."""


@dataclass(frozen=True)
class Stability:
    """Decides which compounds are stable.

    Attributes:
        predictor: What predicts formation energies.
        hull: The known phases.
        calibration: P(stable) by the predicted ΔHd; None where the run has none.
    """

    predictor: Predictor
    hull: HullFile
    calibration: Calibration | None

    @classmethod
    def of(cls, predictor: Predictor, hull: Path | None) -> "Stability":
        """Read hull and calibration.

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
        report = predictor.run / "stability.json" if predictor.run.is_dir() else None
        curve = StabilityReport.read(report).calibration if report and report.is_file() else None
        calibration = Calibration(curve.decomposition, curve.probability) if curve else None
        return cls(predictor, HullFile.read(hull or _default_hull(predictor)), calibration)

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
        values = energies - found.hull_energy
        chances = self.calibration(values) if self.calibration else np.full(len(values), np.nan)
        equal = competition.equal
        own = np.where(equal >= 0, self.hull.decomposition[np.maximum(equal, 0)], np.nan)
        names = known.compositions.formulas
        same = _same_elements(competition)
        return {
            DECOMPOSITION: list(values),
            PROBABILITY: [None if np.isnan(chance) else chance for chance in chances],
            PRODUCTS: [describe_products(found, row, names, formula) for row, formula in enumerate(compositions)],
            COMPETING: [", ".join(each) for each in same],
            KNOWN: [None if np.isnan(value) else value for value in own],
        }


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


def _default_hull(predictor: Predictor) -> Path:
    """Return the hull of the dataset of a run.

    Raises:
        DataError: It is not built, or the run is an exported file.
    """
    if predictor.run.is_file():
        raise DataError(f"{predictor.run}: an exported file knows no hull. Name one (--hull).")
    results, (dataset, property_id) = predictor.run.absolute().parents[5], predictor.run.absolute().parts[-5:-3]
    path = results / f"hulls/{dataset}/{property_id}.parquet"
    if not path.is_file():
        raise DataError(
            f"{path}: no hull of the dataset. Build it (snakemake --cores 1 {path}), or name another (--hull)."
        )
    return path
