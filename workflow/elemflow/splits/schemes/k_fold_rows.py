"""Folds over the rows of the source, as Matbench makes them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.core.errors import DataError
from elemflow.core.roles import Role
from elemflow.splits.schemes.base import (
    Reductions,
    TestedFolds,
    describe_members,
    describe_reductions,
)
from elemflow.splits.schemes.k_fold import rotate_test_fold

SHOWN = 5  # rows in a message


class KFoldRows(TestedFolds):
    """Folds over rows as scikit-learn's shuffled KFold makes them; not grouped by composition."""

    grouped: ClassVar[bool] = False
    scheme: Literal["k_fold_rows"] = Field(
        description="Folds over rows as scikit-learn's shuffled KFold makes them; not grouped by composition."
    )
    rows: int = Field(ge=2, description="Rows of the source, all of which must be materials (`keep: all`).")
    validation: float = Field(
        0.0, ge=0, lt=1, description="Share of each training set that becomes the validation set, by composition."
    )
    train_rows: int | None = Field(
        None,
        ge=1,
        description="Training materials that stay, drawn by composition with the seed; fewer are a subset of more. The "
        "validation and test sets do not change. All if absent.",
    )
    seed: int = Field(ge=0, description="Seed of the shuffling.")

    @property
    def reductions(self) -> Reductions:
        """How the split is made smaller."""
        return Reductions(self.seed, train_rows=self.train_rows)

    @property
    def label_column(self) -> str:
        """The ids of the entries, which are the numbers of their rows."""
        return "entry_id"

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the fold of each material over the rows of the source; see `SplitScheme.labels`.

        Raises:
            DataError: The materials are not the rows of the source, one each.
        """
        numbers = [str(value) for value in values]
        found = {int(number) + 1 for number in numbers if number.isdecimal()}
        if absent := sorted(set(range(1, self.rows + 1)) - found):
            raise DataError(
                f"{where}: {len(absent)} of {self.rows} rows of the source are no materials with a value, such as "
                f"{', '.join(map(str, absent[:SHOWN]))}. The dataset needs `keep: {{rule: all}}`, no "
                "columns.entry_id and no filters."
            )
        if len(numbers) != self.rows:
            raise DataError(
                f"{where}: the dataset has {len(numbers)} rows with a value, key 'split.rows' says {self.rows}."
            )
        return shuffled_folds(self.rows, self.folds, self.seed)[np.array(numbers, dtype=np.int64)]

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"{self.folds} folds over the rows of the source"
        text += f", {100 * self.validation:g} % of each training set for validation" if self.validation else ""
        return text + describe_members(self.members_per_split, "fold") + describe_reductions(self)

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty; see `SplitScheme.explain_empty`."""
        if role is Role.VALIDATION:
            return super().explain_empty(role, number, compositions, labels)
        return f"{self.folds} folds need as many rows. Lower 'split.folds', or use a dataset with more materials."

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split, from the number of the fold of each material; see `SplitScheme.splits`."""
        if labels is None:
            raise ValueError("k_fold_rows needs the fold of each material")
        yield from rotate_test_fold(compositions, labels, self.folds, self.validation, f"{self.seed}/0")


def shuffled_folds(rows: int, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row as scikit-learn's KFold(shuffle=True) makes them, shape (rows,)."""
    # The legacy generator never changes; KFold cuts its permutation into nearly equal pieces, larger ones first.
    order = np.random.RandomState(seed).permutation(rows)
    fold_of = np.empty(rows, dtype=np.int64)
    for fold, piece in enumerate(np.array_split(order, folds)):
        fold_of[piece] = fold
    return fold_of
