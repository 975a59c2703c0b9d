"""What the schemes share that leave out whole groups of materials, to test extrapolation.

The validation set consists of other whole groups, so that early stopping, intervals and searches are tuned for the same
kind of extrapolation that is tested.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import Field

from elemflow.chemistry.composition import amounts
from elemflow.core.roles import Role
from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    VALIDATION,
    RandomScheme,
    TestedFolds,
    describe_members,
    describe_reductions,
    explain_empty_fold,
    hash_order,
    random_folds,
)
from elemflow.splits.schemes.k_fold import rotate_test_fold

_TOLERANCE = 1.5
"""How many times the declared share a validation set may have before another class is tried."""


class GroupScheme(TestedFolds, RandomScheme):
    """Base class of the schemes that leave out whole groups, of which each material belongs to one."""

    folds: int = Field(ge=2, le=100, description="Folds of whole groups; each is the test set once.")
    validation: float = Field(
        0.1, ge=0, lt=1, description="Share of each training set that becomes the validation set, in whole groups."
    )

    @property
    @abstractmethod
    def group(self) -> str:
        """What a group is, in words, for captions."""

    @abstractmethod
    def groups(self, compositions: Sequence[str], labels: np.ndarray | None) -> list[str]:
        """Return the group of each material; materials of one composition are in one group."""

    def folds_of(self, groups: Sequence[str], key: str) -> np.ndarray:
        """Return the number of the fold of each material, of whole groups drawn by `key` (materials,)."""
        return random_folds(groups, self.folds, key)

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"{self.folds} folds by {self.group}"
        text += f", {100 * self.validation:g} % of each training set for validation" if self.validation else ""
        return text + describe_members(self.members_per_split, "fold") + describe_reductions(self)

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the number of groups; see `SplitScheme.explain_empty`."""
        groups = self.groups(compositions, labels)
        if role is Role.VALIDATION:
            return (
                f"The materials are of {len(set(groups)):,} groups by {self.group}, and the validation set consists of "
                "whole ones. Raise 'split.validation', or use a dataset with more groups."
            )
        return explain_empty_fold(groups, self.folds, f"groups by {self.group}")

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        groups = self.groups(compositions, labels)
        key = f"{self.seed}/0"
        yield from rotate_test_fold(groups, self.folds_of(groups, key), self.folds, self.validation, key)


class ClassScheme(RandomScheme):
    """Base class of the schemes that leave out classes of elements, of which a material may belong to several."""

    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="About which share of the rest becomes the validation set: all materials of other classes, drawn "
        "with the seed.",
    )
    n_members: int = Field(
        1, ge=1, le=100, alias="members", description="Ensemble members per class, which differ by their seed."
    )

    @property
    @abstractmethod
    def left_out(self) -> tuple[str, ...]:
        """The classes that are tested, one after the other."""

    @abstractmethod
    def class_of(self, element: str) -> str:
        """Return the class of an element."""

    @abstractmethod
    def named(self, name: str) -> str:
        """Return what a class is, in words, for messages."""

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return len(self.left_out)

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a split."""
        return self.n_members

    @property
    def repeated(self) -> dict[str, int]:
        """Number of members."""
        return {"members": self.n_members}

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation set."""
        return self.validation > 0

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the class that is tested; see `SplitScheme.explain_empty`."""
        name = self.left_out[number]
        if role is Role.TEST:
            return f"No material has {self.named(name)}, which is tested. Leave out another, or use another dataset."
        if role is Role.TRAIN:
            return (
                f"Every material has {self.named(name)}, which is tested, or is in the validation set. Leave out "
                "another, or lower 'split.validation'."
            )
        return (
            f"Without those with {self.named(name)}, no class is small enough to validate. Raise 'split.validation', "
            "leave out fewer, or use a dataset with more materials."
        )

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        member_of: dict[str, list[int]] = {}
        for row, composition in enumerate(compositions):
            for name in {self.class_of(element) for element in amounts(composition)}:
                member_of.setdefault(name, []).append(row)
        rows = {name: np.array(found) for name, found in sorted(member_of.items())}
        for name in self.left_out:
            roles = np.full(len(compositions), TRAIN)
            roles[rows.get(name, np.empty(0, dtype=np.int64))] = TEST
            others = [other for other in rows if other not in self.left_out]
            self._add_validation(roles, rows, others, f"{self.seed}/{name}/validation")
            yield roles

    def _add_validation(self, roles: np.ndarray, rows: dict[str, np.ndarray], classes: Sequence[str], key: str) -> None:
        """Turn the training materials of some classes into the validation set."""
        wanted = self.validation * (roles == TRAIN).sum()
        taken = 0
        for place in hash_order(classes, key).tolist():
            own = rows[classes[place]]
            new = own[roles[own] == TRAIN]
            if taken >= wanted:
                return
            if taken + len(new) <= _TOLERANCE * wanted:
                roles[new] = VALIDATION
                taken += len(new)


def one_group_per_composition(compositions: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return one label for all materials of a composition: the first of theirs in alphabetical order."""
    first: dict[str, str] = {}
    for composition, label in zip(compositions, labels, strict=True):
        first[composition] = min(first.get(composition, label), label)
    return [first[composition] for composition in compositions]
