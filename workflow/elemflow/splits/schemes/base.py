"""What all schemes of a train/validation/test split have in common.

The role of a material is decided by a hash of the seed and its composition, not by a random number generator: a split
is the same on every machine and with every version of every library, does not depend on the order of rows, and all
materials of one composition stay together.
"""

import hashlib
import json
import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from elemflow.core.declared import Declared
from elemflow.core.roles import ROLES, Role

TEST_KEYS = (
    "scheme", "seed", "test", "folds", "repeats", "rows", "column", "path", "roles", "max_materials", "hold_out",
    "elements", "by", "numbers", "end", "systems",
)  # fmt: skip
"""Keys that decide which materials are tested; how many splits there are is added to them."""
TRAIN, VALIDATION, TEST = (ROLES.index(role) for role in ROLES)
DROPPED = -1
"""In place of a position in `ROLES`: the material is in no set."""


class Shares(NamedTuple):
    """Shares of the materials in the training, validation and test set of one member; they sum to 1."""

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


class Reductions(NamedTuple):
    """How a split is made smaller than its materials allow.

    Attributes:
        seed: Seed of the draws.
        max_materials: Most materials that enter, drawn by composition; None for all.
        train_rows: Number of training materials that stay; None for all.
        hold_out: Element whose materials are held out of training.
    """

    seed: int = 0
    max_materials: int | None = None
    train_rows: int | None = None
    hold_out: HoldOut | None = None


class SplitScheme(Declared):
    """Base class of the schemes; a subclass has a field `scheme` with its name as the only value.

    Attributes:
        grouped: Whether all materials of one composition have the same role.
        predefined: Whether the roles come from outside, so that no material is drawn.
        reads_target: Whether the labels of `splits` are the values of the property.
        holds_out: Whether an element can be held out: its materials get roles of their own, which is no leak only where
            chance, and nothing that the materials have in common, decides about the roles of the others.
        one_test_set: Whether all splits have the same test set.
    """

    grouped: ClassVar[bool] = True
    predefined: ClassVar[bool] = False
    reads_target: ClassVar[bool] = False
    holds_out: ClassVar[bool] = False
    one_test_set: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The scheme."""
        return str(getattr(self, "scheme", ""))

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
    def n_trainings(self) -> int:
        """Number of trainings: members of all splits, as far as the data do not decide."""
        return (self.n_splits or 1) * self.members_per_split

    @property
    def repeated(self) -> dict[str, int]:
        """Numbers of trainings that differ by seed or shuffle alone, by key."""
        return {}

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation set, as far as the data do not decide."""
        return self.shares is None or self.shares.validation > 0

    @property
    def test_sets(self) -> str:
        """Name of the test sets, the same for all splits that test the same materials."""
        return json.dumps(self._tested_by(), sort_keys=True)

    def _tested_by(self) -> dict[str, object]:
        """Return what decides which materials are tested."""
        keys = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {key: keys[key] for key in TEST_KEYS if key in keys}

    @property
    def set_of_train_rows(self) -> int | None:
        """Of how many materials `train_rows` are the training share; None without them."""
        rows = self.reductions.train_rows
        return round(rows / self.shares.train) if rows and self.shares else None

    def caps(self, max_materials: int | None, members: int | None, *, ensemble: bool = False) -> dict[str, int]:
        """Return the keys that caps change, with their new values.

        Folds stay, since they are the split, and so do predefined splits; an ensemble keeps two members.

        Args:
            max_materials: Most materials; None for any number.
            members: Most members that differ by seed or shuffle alone; None for any number.
            ensemble: Whether members become one prediction.
        """
        del max_materials
        if members is None:
            return {}
        fewest = {key: 2 if ensemble and key != "repeats" else 1 for key in self.repeated}
        return {key: most for key, n in self.repeated.items() if (most := max(members, fewest[key])) < n}

    @property
    def needed_roles(self) -> tuple[Role, ...]:
        """Roles that must not be empty."""
        if self.shares is None:
            return (Role.TRAIN, Role.TEST)
        shares = zip(ROLES, self.shares, strict=True)
        return tuple(role for role, share in shares if share > 0 or role is Role.TRAIN)

    @property
    def reductions(self) -> Reductions:
        """How the split is made smaller; not at all by default."""
        return Reductions()

    @property
    def label_column(self) -> str | None:
        """Column of the materials that `labels` reads; None if the scheme has no labels."""
        return None

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the predefined role or fold of each material, for `splits`.

        Args:
            material_ids: Ids of the materials, for messages.
            values: Their values of `label_column`.
            listed: File with a list of entries, for the scheme that reads one.
            where: Name of the split in messages.

        Returns:
            Labels, shape (materials,); `none` drops a material.

        Raises:
            DataError: The materials do not fit the predefined split.
        """
        raise TypeError(f"{type(self).__name__} has no predefined labels")

    def describe(self) -> str:
        """Return the split in words, for captions."""
        return f"split scheme {self.name}"

    @abstractmethod
    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles of the materials under each split.

        Args:
            compositions: Canonical composition of each material.
            labels: Predefined role or fold of each material, shape (materials,), if the scheme reads any.

        Yields:
            Positions in `elemflow.core.roles.ROLES`, or `DROPPED`, shape (materials,).
        """

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty and what to do, for messages.

        Args:
            role: The empty set.
            number: Number of the split.
            compositions: Canonical composition of each material.
            labels: What the scheme read about each material (materials,); None if nothing.
        """
        return "Give it a larger share in the protocol, or use a dataset with more materials."

    def members(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles of the materials for each ensemble member; see `splits`."""
        for roles in self.splits(compositions, labels):
            yield from [roles] * self.members_per_split


class RandomScheme(SplitScheme):
    """Base class of the schemes that split the compositions at random."""

    seed: int = Field(ge=0, description="Seed of the split.")
    max_materials: int | None = Field(
        None,
        ge=3,
        description="Most materials that enter, drawn by composition with the seed; polymorphs enter together, which "
        "may add a few. All if absent.",
    )
    train_rows: int | None = Field(
        None,
        ge=1,
        description="Training materials that stay, drawn by composition with the seed; fewer are a subset of more. The "
        "validation and test sets do not change. All if absent.",
    )
    hold_out: HoldOut | None = Field(
        None,
        description="An element whose materials are held out of training; none if absent. All other materials are "
        "split as usual.",
    )

    @property
    def reductions(self) -> Reductions:
        """How the split is made smaller."""
        return Reductions(self.seed, self.max_materials, self.train_rows, self.hold_out)

    def caps(self, max_materials: int | None, members: int | None, *, ensemble: bool = False) -> dict[str, int]:
        """Return the keys that caps change, with their new values; see `SplitScheme.caps`."""
        found = super().caps(max_materials, members, ensemble=ensemble)
        if max_materials is None:
            return found
        most = min(self.max_materials or max_materials, max_materials)
        if most != self.max_materials:
            found["max_materials"] = most
        if self.train_rows and self.shares:
            # Shares are rounded, so that there may be two fewer.
            rows = max(1, math.floor(self.shares.train * most) - 2)
            if rows < self.train_rows:
                found["train_rows"] = rows
        return found


class TestedFolds(SplitScheme):
    """Base class of the schemes whose folds are each the test set once, with a validation set from the other folds."""

    folds: int = Field(ge=2, le=100, description="Number of folds; each is the test set once.")
    validation: float = Field(
        0.1, ge=0, lt=1, description="Share of each training set that becomes the validation set."
    )
    members_per_fold: int = Field(1, ge=1, le=100, description="Ensemble members per fold, which differ by their seed.")

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return self.folds

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a fold."""
        return self.members_per_fold

    @property
    def repeated(self) -> dict[str, int]:
        """Number of members."""
        return {"members_per_fold": self.members_per_fold}

    @property
    def shares(self) -> Shares:
        """Shares of the three roles; those of the materials differ if they are in groups of unequal size."""
        rest = 1 - 1 / self.folds
        return Shares(rest * (1 - self.validation), rest * self.validation, 1 / self.folds)

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the number of groups and folds; see `SplitScheme.explain_empty`."""
        if role is Role.VALIDATION:
            return super().explain_empty(role, number, compositions, labels)
        return explain_empty_fold(compositions, self.folds, "compositions")


def explain_empty_fold(groups: Sequence[str], folds: int, named: str) -> str:
    """Return why a fold is empty and what to do: there are too few groups, or a large one covers several folds.

    Args:
        groups: Group of each material.
        folds: Number of folds.
        named: What the groups are.
    """
    sizes = Counter(groups)
    return (
        f"{folds} folds are made of whole groups, and the materials are of {len(sizes):,} {named}, the largest with "
        f"{max(sizes.values(), default=0):,} materials. Lower 'split.folds', or use a dataset with more {named}."
    )


def describe_reductions(scheme: SplitScheme) -> str:
    """Return in words what a scheme takes out of the materials or of the training set; empty if nothing."""
    most, rows, held = (getattr(scheme, key, None) for key in ("max_materials", "train_rows", "hold_out"))
    parts = [f"at most {most:,} materials"] if most else []
    parts += [f"{rows:,} training materials"] if rows else []
    parts += [f"{held.element} held out but for {100 * held.train_fraction:g} %"] if held else []
    return "".join(f", {part}" for part in parts)


def describe_members(members: int, place: str = "split") -> str:
    """Return in words how many ensemble members share a split; empty for one."""
    return f", {members} members per {place}" if members > 1 else ""


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


def random_roles(compositions: Sequence[str], key: str, shares: Shares) -> np.ndarray:
    """Return random roles by composition, as positions in `ROLES`, shape (materials,).

    Args:
        compositions: Canonical composition of each material.
        key: What the order depends on besides the compositions.
        shares: Shares of the three roles. The test set comes first in the order, so that it stays the same when only
            the validation share changes.
    """
    order = hash_order(compositions, key)
    return TEST - cut(group_numbers(compositions), order, (shares.test, shares.validation, shares.train))


def random_folds(compositions: Sequence[str], folds: int, key: str) -> np.ndarray:
    """Return the number of a random fold for each material, by composition, shape (materials,).

    Args:
        compositions: Canonical composition of each material.
        folds: Number of folds.
        key: What the order depends on besides the compositions.
    """
    return cut(group_numbers(compositions), hash_order(compositions, key), [1 / folds] * folds)
