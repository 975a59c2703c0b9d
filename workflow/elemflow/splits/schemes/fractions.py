"""Random splits into given shares of the materials."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import RandomScheme, Shares, describe_members, describe_reductions, random_roles


class Fractions(RandomScheme):
    """Random training, validation and test sets."""

    holds_out: ClassVar[bool] = True
    scheme: Literal["fractions"] = Field(description="Random training, validation and test sets.")
    train: float = Field(gt=0, lt=1, description="Share of the training set.")
    validation: float = Field(0.0, ge=0, lt=1, description="Share of the validation set.")
    test: float = Field(gt=0, lt=1, description="Share of the test set.")
    n_members: int = Field(
        1, ge=1, le=100, alias="members", description="Ensemble members per run, or per split where there are several."
    )
    repeats: int | None = Field(
        None,
        ge=1,
        le=100,
        alias="splits",
        description="Number of splits under `split_per_member: false`, each with all `members`; 1 if absent.",
    )
    split_per_member: bool = Field(
        True, description="true: each member has its own split; false: all share one and differ by their seed alone."
    )

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return self.n_members if self.split_per_member else self.repeats or 1

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a split."""
        return 1 if self.split_per_member else self.n_members

    @property
    def n_random_test_sets(self) -> int | None:
        """Number of random test sets; None where an element is held out."""
        return None if self.hold_out else self.n_splits

    @property
    def shares(self) -> Shares:
        """Shares of the three roles."""
        return Shares(self.train, self.validation, self.test)

    @property
    def repeated(self) -> dict[str, int]:
        """Number of members; the number of splits is the split."""
        return {"members": self.n_members}

    def _tested_by(self) -> dict[str, object]:
        return super()._tested_by() | {"splits": self.n_splits}

    def describe(self) -> str:
        """Return the split in words, for captions."""
        shares = ":".join(f"{100 * share:g}" for share in self.shares if share)
        number = f"{self.n_splits} random" if self.n_splits > 1 else "random"
        text = f"{number} {shares} split{'s' if self.n_splits > 1 else ''} by composition"
        return text + describe_members(self.members_per_split) + describe_reductions(self)

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        for number in range(self.n_splits):
            yield random_roles(compositions, f"{self.seed}/{number}", self.shares)
