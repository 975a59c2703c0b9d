"""What the schemes share that put the materials in an order and test its end."""

import logging
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import TEST, RandomScheme, Shares, cut, group_numbers, hash_order

log = logging.getLogger(__name__)


class OrderedScheme(RandomScheme):
    """Base class of the schemes that test the end of an order; the part before it is the validation set."""

    test: float = Field(0.1, gt=0, lt=1, description="Share of the test set.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the validation set.")
    n_members: int = Field(
        1, ge=1, le=100, alias="members", description="Ensemble members, which differ by their seed."
    )

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return 1

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share the split."""
        return self.n_members

    @property
    def shares(self) -> Shares:
        """Shares of the three roles."""
        return Shares(1 - self.validation - self.test, self.validation, self.test)

    @property
    def repeated(self) -> dict[str, int]:
        """Number of members."""
        return {"members": self.n_members}

    def roles_by(self, compositions: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Return the roles where the highest values are tested (materials,).

        Args:
            compositions: Canonical composition of each material; its materials stay together, by their highest value.
            values: What they are ordered by (materials,); equal values are ordered by a hash.
        """
        groups = group_numbers(compositions)
        highest = np.full(groups.max() + 1, -np.inf)
        np.maximum.at(highest, groups, values)
        hashed = hash_order(compositions, f"{self.seed}/order")
        order = hashed[np.argsort(-highest[groups[hashed]], kind="stable")]
        roles = TEST - cut(groups, order, (self.test, self.validation, 1 - self.test - self.validation))
        tested = roles == TEST
        edge = highest[groups[tested]].min(initial=np.inf)
        if equal := int((highest[groups[~tested]] == edge).sum()):
            log.warning(
                "%s: %s materials have the value at the edge of the test set and are not in it, %s are: chance divides "
                "equal values.",
                *(self.name, f"{equal:,}", f"{(highest[groups[tested]] == edge).sum():,}"),
            )
        return roles
