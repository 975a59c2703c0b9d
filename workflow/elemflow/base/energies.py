"""Formation energies of a base for decisions on stability, and how they differ from those of a hull."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.base.predictor import BasePredictor
from elemflow.chemistry.composition import SYMBOLS
from elemflow.core.errors import DataError
from elemflow.inference.formulas import Batch, Featurizer
from elemflow.stability.phases import Phases

PROPERTY = "mp_formation_energy"
"""Head of the base that ships whose energies a hull of the Materials Project is compared with."""
MOST_COMPARED = 2000
"""Known phases whose energies are compared at most."""
SHIFTED = 0.05
"""Mean difference of the phases with an element from which it is named, eV/atom."""
_FEWEST = 3


class BaseEnergies:
    """One head of a base as a predictor of formation energies.

    Args:
        path: The file; None is the base that ships.
        property_id: Id of the head; None is `PROPERTY`, or the only head in eV/atom.

    Attributes:
        run: The file.
        notes: Which head predicts.

    Raises:
        DataError: The file is damaged, or has no such head.
    """

    def __init__(self, path: Path | None = None, property_id: str | None = None):
        whole = BasePredictor(path)
        name = property_id or _default(whole)
        self._predictor = BasePredictor(path, [name])
        if len(self._predictor.heads) != 1:
            ids = [self._predictor.base.heads[place] for place in self._predictor.heads]
            raise DataError(f"{whole.path}: '{name}' is a group. Name one property (--property): {', '.join(ids)}.")
        self._head = self._predictor.base.facts.heads[self._predictor.heads[0]]
        self.run = self._predictor.path
        self.notes = [f"energies: {self._head.title} of {self._predictor.base.facts.name}"]

    @property
    def property_id(self) -> str:
        """Id of the head."""
        return self._head.id

    @property
    def unit(self) -> str:
        """Unit of the head."""
        return self._head.unit

    @property
    def featurizer(self) -> Featurizer:
        """What turns formulas into features."""
        return self._predictor.featurizer

    @cached_property
    def _names(self) -> dict[str, str]:
        own = self._head.id
        return {"y_pred": own, "lower": f"{own}_lower", "upper": f"{own}_upper", "flag": f"{own}_flag"}

    def schema(self, labels: Sequence[str]) -> pa.Schema:
        """Return the columns of the predictions: energy, its interval and the flag; `reason` among the labels last."""
        found = self._predictor.schema(labels)
        fields = [found.field(name) for name in labels if name != "reason"]
        fields += [found.field(old).with_name(new) for new, old in self._names.items()]
        fields += [pa.field("unseen_elements", pa.string())]
        fields += [found.field("reason")] if "reason" in labels else []
        return pa.schema(fields, metadata=(found.metadata or {}) | {b"property": self._head.id.encode()})

    def table(self, batch: Batch, schema: pa.Schema) -> pa.Table:
        """Return the predictions of a batch; null in rows that have a reason."""
        whole = self._predictor.table(batch, self._predictor.schema([*batch.labels, "reason"]))
        columns = {name: whole[self._names.get(name, name)] for name in schema.names if name != "unseen_elements"}
        columns["unseen_elements"] = pa.nulls(whole.num_rows, pa.string())
        return pa.table([columns[name] for name in schema.names], schema=schema)

    def energies(self, formulas: Sequence[str]) -> np.ndarray:
        """Return the energies of canonical formulas (formulas,), eV/atom."""
        batch = self.featurizer.batch(list(formulas))
        found, _ = self._predictor.base.predict(batch.x, self._predictor.heads)
        energies = np.full(len(formulas), np.nan)
        energies[batch.predicted_rows] = found[:, 0]
        return energies


def _default(predictor: BasePredictor) -> str:
    ids = predictor.base.heads
    if PROPERTY in ids:
        return PROPERTY
    energies = [head.id for head in predictor.base.facts.heads if head.unit == "eV/atom"]
    if len(energies) == 1:
        return energies[0]
    raise DataError(f"{predictor.path}: name the formation energy (--property) among {', '.join(ids)}.")


@dataclass(frozen=True)
class Difference:
    """How the energies of a base differ from those of a hull.

    Attributes:
        n: Number of known phases that are compared.
        mean: Mean of predicted minus known energy, eV/atom.
        absolute: Mean of its absolute value, eV/atom.
        by_element: Mean of the phases with an element, of those of at least three, eV/atom.
    """

    n: int
    mean: float
    absolute: float
    by_element: dict[str, float]

    @classmethod
    def of(cls, predictor: BaseEnergies, phases: Phases, elements: Sequence[str] | None = None) -> "Difference | None":
        """Compare the energies of the known phases of some elements; None if there are none.

        Args:
            predictor: The base.
            phases: The known phases.
            elements: Symbols; None compares all phases, however many.
        """
        rows = np.arange(len(phases))
        if elements is not None:
            numbers = np.array([0, *(SYMBOLS.index(symbol) + 1 for symbol in elements)])
            rows = np.flatnonzero(np.isin(phases.compositions.elements, numbers).all(axis=1))[:MOST_COMPARED]
        if not len(rows):
            return None
        predicted = predictor.energies([phases.compositions.formulas[row] for row in rows.tolist()])
        difference = predicted - phases.energies[rows]
        some = np.isfinite(difference)
        by_element = {}
        for number in np.unique(phases.compositions.elements[rows]).tolist():
            own = some & (phases.compositions.elements[rows] == number).any(axis=1)
            if number and own.sum() >= _FEWEST:
                by_element[SYMBOLS[number - 1]] = float(difference[own].mean())
        kept = difference[some]
        return cls(len(kept), float(kept.mean()), float(np.abs(kept).mean()), by_element)

    def describe(self) -> str:
        """Return the difference in a sentence."""
        shifted = {name: value for name, value in self.by_element.items() if abs(value) >= SHIFTED}
        text = (
            f"on the {self.n:,} known phases of these elements the base's energies differ from the hull's by "
            f"{self.mean:+.3f} eV/atom in the mean, {self.absolute:.3f} in absolute value"
        )
        if not shifted:
            return text
        order = sorted(shifted.items(), key=lambda each: -abs(each[1]))
        return f"{text}; phases with {', '.join(f'{name} by {value:+.3f}' for name, value in order)}"
