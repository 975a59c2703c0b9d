"""Splits of a pre-training dataset without the evaluation compositions of the fine-tuned run."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.core.declared import Declared
from elemflow.splits.schemes.base import Shares, SplitScheme
from elemflow.splits.schemes.fractions import Fractions


class FineTunedRun(Declared):
    """The dataset, property and protocol whose validation and test compositions are excluded."""

    dataset: str
    property: str
    protocol: str


class Pretraining(SplitScheme):
    """Fractions of what is left of a pre-training dataset; derived by `elemflow.config.pretraining`, not declared.

    Each member excludes the validation and test compositions of the same member of the fine-tuned run; all members
    split what is left in one order.
    """

    scheme: Literal["pretraining"]
    train: float
    validation: float = 0.0
    test: float
    seed: int
    max_materials: int | None = None
    exclude: FineTunedRun
    members_of_fine_tuned: int = Field(1, description="Ensemble members of the fine-tuned run.")

    @property
    def n_splits(self) -> None:
        """None: the split of the fine-tuned run decides."""

    @property
    def shares(self) -> Shares:
        """Shares of the three roles, of what is left."""
        return Shares(self.train, self.validation, self.test)

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles of what is left for one member; see `SplitScheme.splits`."""
        del labels
        once = Fractions(
            scheme="fractions", train=self.train, validation=self.validation, test=self.test, seed=self.seed
        )
        return once.splits(compositions)
