"""Splits of a pre-training dataset without the evaluation compositions of the fine-tuned run."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from elemflow.core.declared import Declared
from elemflow.splits.schemes.base import Reductions, Shares, SplitScheme, random_roles


class FineTunedRun(Declared):
    """The dataset, property and protocol whose validation and test compositions are excluded."""

    dataset: str = Field(description="Dataset of the fine-tuned run.")
    property: str = Field(description="Property of the fine-tuned run.")
    protocol: str = Field(description="Protocol of the fine-tuned run.")


_MEMBER_COUNTS = ("members", "splits", "folds", "repeats", "members_per_fold")
"""Keys of the fine-tuned run's split whose product is the number of its members."""


class Pretraining(SplitScheme):
    """Fractions of what is left of a pre-training dataset; derived by `elemflow.config.pretraining`, not declared.

    Each member excludes the validation and test compositions of the same member of the fine-tuned run; all members
    split what is left in one order.
    """

    scheme: Literal["pretraining"] = Field(description="Fractions of what is left of a pre-training dataset.")
    train: float = Field(gt=0, lt=1, description="Share of the training set.")
    validation: float = Field(0.0, ge=0, lt=1, description="Share of the validation set.")
    test: float = Field(gt=0, lt=1, description="Share of the test set.")
    seed: int = Field(ge=0, description="Seed of the split.")
    max_materials: int | None = Field(
        None, ge=3, description="Most materials of what is left, drawn by composition with the seed. All if absent."
    )
    exclude: FineTunedRun = Field(description="Run whose validation and test compositions are excluded.")
    members_of_fine_tuned: int = Field(1, ge=1, le=100, description="Ensemble members of the fine-tuned run.")

    @model_validator(mode="before")
    @classmethod
    def _count_members(cls, declared: Any) -> Any:
        """Replace the keys of the fine-tuned run's split that count members by their product."""
        if not isinstance(declared, dict) or not set(_MEMBER_COUNTS) & declared.keys():
            return declared
        counts = [int(declared[key] or 1) for key in _MEMBER_COUNTS if key in declared]
        own = {key: value for key, value in declared.items() if key not in _MEMBER_COUNTS}
        return {"members_of_fine_tuned": prod(counts)} | own

    @property
    def n_splits(self) -> None:
        """None: the split of the fine-tuned run decides."""

    @property
    def n_trainings(self) -> int:
        """Number of members of the fine-tuned run."""
        return self.members_of_fine_tuned

    @property
    def shares(self) -> Shares:
        """Shares of the three roles, of what is left."""
        return Shares(self.train, self.validation, self.test)

    @property
    def reductions(self) -> Reductions:
        """How the split is made smaller."""
        return Reductions(self.seed, self.max_materials)

    def describe(self) -> str:
        """Return the split in words, for captions."""
        shares = ":".join(f"{100 * share:g}" for share in self.shares if share)
        return (
            f"random {shares} split by composition, without the compositions that {self.exclude.protocol} evaluates "
            f"{self.exclude.dataset} on"
        )

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles of what is left for one member; see `SplitScheme.splits`."""
        yield random_roles(compositions, f"{self.seed}/0", self.shares)
