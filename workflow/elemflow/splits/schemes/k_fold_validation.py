"""One test set, and each fold of the rest as the validation set once."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.core.roles import Role
from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    VALIDATION,
    RandomScheme,
    Shares,
    cut,
    describe_reductions,
    explain_empty_fold,
    group_numbers,
    hash_order,
)


class KFoldValidation(RandomScheme):
    """A common test set; each fold of the other materials is the validation set of one ensemble member."""

    holds_out: ClassVar[bool] = True
    one_test_set: ClassVar[bool] = True
    scheme: Literal["k_fold_validation"] = Field(
        description="A common test set; each fold of the other materials is the validation set of one ensemble member."
    )
    test: float = Field(gt=0, lt=1, description="Share of the test set, common to all members.")
    folds: int = Field(ge=2, le=100, description="Folds of the other materials, one member each.")

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return self.folds

    @property
    def n_random_test_sets(self) -> int | None:
        """One: all members share the test set; None where an element is held out."""
        return None if self.hold_out else 1

    @property
    def shares(self) -> Shares:
        """Shares of the three roles."""
        rest = 1 - self.test
        return Shares(rest * (1 - 1 / self.folds), rest / self.folds, self.test)

    def _tested_by(self) -> dict[str, object]:
        # The test set is the first of `fractions`.
        keys = super()._tested_by() | {"scheme": "fractions", "splits": 1}
        return {key: value for key, value in keys.items() if key != "folds"}

    def describe(self) -> str:
        """Return the split in words, for captions."""
        test = 100 * self.test
        folds = f"{self.folds} folds of the {100 - test:g} % for validation"
        text = f"random {100 - test:g}:{test:g} split by composition, {folds}"
        return text + describe_reductions(self)

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the number of compositions; see `SplitScheme.explain_empty`."""
        if role is not Role.VALIDATION:
            return super().explain_empty(role, number, compositions, labels)
        return explain_empty_fold(compositions, self.folds, "compositions")

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        groups = group_numbers(compositions)
        # The test set is that of `fractions` with the same seed and share.
        order = hash_order(compositions, f"{self.seed}/0")
        in_test = cut(groups, order, (self.test, 1 - self.test)) == 0
        rest = np.flatnonzero(~in_test)
        inner = hash_order([compositions[i] for i in rest.tolist()], f"{self.seed}/0/folds")
        folds = np.full(len(groups), -1)
        folds[rest] = cut(groups[rest], inner, [1 / self.folds] * self.folds)
        for fold in range(self.folds):
            roles = np.where(folds == fold, VALIDATION, TRAIN)
            roles[in_test] = TEST
            yield roles
