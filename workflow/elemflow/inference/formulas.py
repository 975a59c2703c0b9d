"""Formulas as batches of features, for the prediction of new materials."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from elemflow.chemistry.composition import canonical_forms
from elemflow.chemistry.formula_arrays import plain_forms
from elemflow.chemistry.formula_text import phase_label
from elemflow.chemistry.suggestions import did_you_mean
from elemflow.chemistry.weights import CANONICAL, Basis
from elemflow.core.errors import DataError, quoted
from elemflow.features.store import Descriptors

UnsupportedRows = Callable[[np.ndarray], dict[int, str]]
"""Unscaled features (rows, columns) to the rows that a model cannot read, with reasons."""

_DATABASE_ID = re.compile(r"(?:mp|mvc|oqmd|jvasp|aflow|icsd|cod)[-_:][0-9a-f]+", re.IGNORECASE)
_BETWEEN_FORMULAS = re.compile(r"[,;/\s]+")


@dataclass(frozen=True)
class Chunk:
    """Rows of a table of formulas.

    Attributes:
        formulas: Their formulas (rows,).
        further: The further columns of the table; None if it has only formulas.
    """

    formulas: Sequence[str]
    further: pa.Table | None = None


@dataclass(frozen=True)
class Batch:
    """Materials to predict.

    Attributes:
        labels: Columns that name the materials, each (rows,).
        x: Unscaled features of those that have some, float32 (rows without reason, columns).
        reasons: Why a material has no features, or None (rows,).
        further: Further columns of the table that the materials are from, (rows,) each; None if there are none.
    """

    labels: dict[str, list[str | None]]
    x: np.ndarray
    reasons: list[str | None]
    further: pa.Table | None = None

    @property
    def predicted_rows(self) -> list[int]:
        """Return the numbers of the rows that have features."""
        return [row for row, reason in enumerate(self.reasons) if reason is None]


class Featurizer:
    """Features of formulas, for one model.

    Args:
        parts: Modules of the parts of the representation.
        unsupported_rows: Rows that the model cannot read.
    """

    def __init__(self, parts: Sequence[Descriptors], unsupported_rows: UnsupportedRows):
        self._parts, self._unsupported_rows = parts, unsupported_rows

    def batch(self, formulas: Sequence[str], amounts: Basis = "atomic") -> Batch:
        """Return some formulas with their features; those that cannot be predicted have a reason.

        Args:
            formulas: Chemical formulas (rows,).
            amounts: What their amounts count.
        """
        forms = plain_forms(formulas) if amounts == "atomic" else {}
        others, unread = canonical_forms((each for each in formulas if each not in forms), CANONICAL[amounts])
        forms |= others
        reasons = [unread.get(formula) for formula in formulas]
        good = [row for row, reason in enumerate(reasons) if reason is None]
        computed = [_columns_of(part, [forms[formulas[row]] for row in good]) for part in self._parts]
        for _, rejected in computed:
            for place, reason in rejected.items():
                reasons[good[place]] = reasons[good[place]] or reason
        x = np.concatenate([matrix for matrix, _ in computed], axis=1)
        for place, reason in self._unsupported_rows(x).items():
            reasons[good[place]] = reasons[good[place]] or reason
        kept = [place for place, row in enumerate(good) if reasons[row] is None]
        for row, formula in enumerate(formulas):
            if formula in unread:
                reasons[row] = f"{reasons[row]}.{_advice(formula)}".removesuffix(".")
        labels = {"formula": list[str | None](formulas), "composition": [forms.get(formula) for formula in formulas]}
        return Batch(labels, x if len(kept) == len(x) else x[kept], reasons)

    def batches(self, chunks: Iterable[Chunk], where: str, *, skip: bool, amounts: Basis = "atomic") -> Iterator[Batch]:
        """Yield chunks of formulas with their features.

        Args:
            chunks: Rows of a table, some at a time.
            where: What the formulas are read from, for messages.
            skip: Whether rows that cannot be predicted get a reason; they are an error otherwise.
            amounts: What the amounts of the formulas count.

        Raises:
            DataError: A row cannot be predicted.
        """
        done = 0
        for chunk in chunks:
            batch = self.batch(chunk.formulas, amounts)
            bad = next((row for row, reason in enumerate(batch.reasons) if reason), None)
            if bad is not None and not skip:
                reason = str(batch.reasons[bad])
                raise DataError(
                    f"{where}, row {done + bad + 1}: {quoted(chunk.formulas[bad])} cannot be predicted: "
                    f"{reason if reason.endswith('?') else reason + '.'} Correct or remove the row, or skip such rows "
                    "(--skip), which keeps them without a prediction."
                )
            yield replace(batch, further=chunk.further)
            done += len(chunk.formulas)


def _advice(formula: str) -> str:
    """Return what to write in place of a text that is no formula, or nothing."""
    if _DATABASE_ID.fullmatch(formula):
        return " This is the id of an entry of a database; give the formula of the material."
    if phase_label(formula):  # its reason says what to write; NiTi B2 is not meant for two formulas
        return ""
    several = [text for text in _BETWEEN_FORMULAS.split(formula) if text]
    if len(several) > 1 and not canonical_forms(several)[1]:
        return f" For {len(several)} formulas, write each as an argument or a line of its own."
    return did_you_mean(formula)


def _columns_of(part: Descriptors, compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Return the features of some compositions (rows, columns), and the rows without any, with reasons."""
    if not compositions:
        return np.empty((0, len(part.LABELS)), np.float32), {}
    return part.featurize(compositions)
