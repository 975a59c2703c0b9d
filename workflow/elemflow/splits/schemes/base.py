"""What all schemes of a train/validation/test split have in common."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from elemflow.core.declared import Declared
from elemflow.core.roles import ROLES, Role

TRAIN, VALIDATION, TEST = (ROLES.index(role) for role in ROLES)


class Shares(NamedTuple):
    """Shares of the materials that one member trains on, validates with and is tested on; they sum to 1."""

    train: float
    validation: float
    test: float


class HoldOut(Declared):
    """An element whose materials are held out of training, except for a share of them.

    Huang and Ling, J. Appl. Phys. 128, 124901 (2020), section III C.
    """

    element: str = Field(description="Symbol of the element.")
    train_fraction: float = Field(
        ge=0,
        lt=1,
        description="Share of the element's materials that stays in the training set; a larger share contains a "
        "smaller one. What is neither in the training set nor tested is dropped.",
    )
    test_fraction: float = Field(
        0.2, gt=0, le=1, description="Share of the element's materials that is tested, the same at any train_fraction."
    )


class SplitScheme(Declared):
    """Base class of the schemes; a subclass has a field `scheme` with its name as the only value.

    Attributes:
        grouped: Whether all materials of one composition have the same role.
        predefined: Whether the roles come from outside, so that no material is drawn.
    """

    grouped: ClassVar[bool] = True
    predefined: ClassVar[bool] = False

    @property
    @abstractmethod
    def n_splits(self) -> int | None:
        """Number of different splits; None if the data decide."""

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a split and differ by their seed alone."""
        return 1

    @property
    def n_random_test_sets(self) -> int | None:
        """Number of test sets that are drawn at random from all materials; None if chance does not choose them."""
        return None

    @property
    def shares(self) -> Shares | None:
        """Shares of the three roles; None if a list or a column decides."""
        return None

    @property
    def needed_roles(self) -> tuple[Role, ...]:
        """Roles that must not be empty."""
        if self.shares is None:
            return (Role.TRAIN, Role.TEST)
        return tuple(role for role, share in zip(ROLES, self.shares, strict=True) if share > 0)

    @abstractmethod
    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles of the materials under each split.

        Args:
            compositions: Canonical composition of each material.
            labels: Predefined role or fold of each material, shape (materials,), if the scheme reads any.

        Yields:
            Positions in `elemflow.core.roles.ROLES`, shape (materials,).
        """

    def members(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles of the materials for each ensemble member; see `splits`."""
        for roles in self.splits(compositions, labels):
            yield from [roles] * self.members_per_split


def hash_order(compositions: Sequence[str], key: str) -> np.ndarray:
    """Return the positions of `compositions` in an order fixed by `key`; equal compositions are neighbours."""
    salt = f"{key}/".encode()
    keys = [hashlib.blake2b(salt + c.encode(), digest_size=8).digest() + c.encode() for c in compositions]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def group_numbers(compositions: Sequence[str]) -> np.ndarray:
    """Return a number for each material, the same for materials of one composition, shape (materials,)."""
    _, groups = np.unique(np.asarray(compositions, dtype=object), return_inverse=True)
    return np.asarray(groups)


def cut(groups: np.ndarray, order: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return the number of the part of each row when an order of rows is cut into shares.

    Args:
        groups: Group number of each row, shape (rows,).
        order: Row positions with each group contiguous, shape (rows,).
        shares: Share of each part; they sum to 1.

    Returns:
        Part number of each row, shape (rows,). A group belongs to the part that its first row falls into.
    """
    bounds = np.rint(np.cumsum(shares)[:-1] * len(order)).astype(np.int64)
    ordered = groups[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    start_of_group = np.repeat(first, np.diff(np.r_[first, len(order)]))
    parts = np.empty(len(order), dtype=np.int64)
    parts[order] = np.searchsorted(bounds, start_of_group, side="right")
    return parts


def labelled_splits(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the roles that labels name, or one split for each fold, which is then the test set.

    Args:
        labels: Role, or number of the fold as text, of each material, shape (materials,).
    """
    folds = sorted({label for label in labels if label not in ROLES}, key=int)
    if not folds:
        yield np.array([ROLES.index(label) for label in labels])
    for fold in folds:
        named = np.where(labels == fold, Role.TEST, np.where(np.isin(labels, ROLES), labels, Role.TRAIN))
        yield np.array([ROLES.index(label) for label in named])
