"""Labels of predefined splits: roles and folds that a list of entries or a column of the source names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.core.errors import DataError, nearest
from elemflow.core.roles import ROLES, Role
from elemflow.splits.schemes.base import SplitScheme

LABELS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
"""Labels that are understood without the key `roles`."""
DROPPED = "none"
"""Label of a material that is in no set."""
_SHOWN = 10  # labels in a message


class LabelledScheme(SplitScheme):
    """Base class of the schemes whose roles or folds are labels from outside."""

    roles: dict[str, Literal["train", "validation", "test", "none"]] = Field(
        default={},
        description="Labels and their roles, where they are not train, val, valid, validation, test or the number of a "
        'fold; an empty label is "", and none drops a material.',
    )
    members_per_fold: int = Field(
        1, ge=1, le=100, description="Ensemble members per split, which differ by their seed."
    )

    @property
    def n_splits(self) -> None:
        """None: the labels decide."""

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share a split."""
        return self.members_per_fold

    @property
    def repeated(self) -> dict[str, int]:
        """Number of members."""
        return {"members_per_fold": self.members_per_fold}

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the labels that there are; see `SplitScheme.explain_empty`."""
        counts = Counter([] if labels is None else labels.tolist())
        found = ", ".join(f"{label} {times:,} times" for label, times in sorted(counts.items())[:_SHOWN])
        return (
            f"The split is predefined, with the sets or folds {found or 'of no material'}. Needed is a training set "
            "and a test set, or at least two folds; 'split.roles' maps labels to sets."
        )

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the one split that the labels name, or one for each fold, which is then the test set.

        See `SplitScheme.splits`.
        """
        if labels is None:
            raise ValueError("a predefined split needs the label of each material")
        folds = sorted({label for label in labels if label not in ROLES}, key=int)
        if not folds:
            yield np.array([ROLES.index(label) for label in labels])
        for fold in folds:
            named = np.where(labels == fold, Role.TEST, np.where(np.isin(labels, ROLES), labels, Role.TRAIN))
            yield np.array([ROLES.index(label) for label in named])


def read_labels(found: Sequence[str], names: Sequence[str], roles: Mapping[str, str], where: str) -> np.ndarray:
    """Return the role that each label means, or the number of its fold as text.

    Args:
        found: Labels.
        names: What each of them belongs to, for the message.
        roles: The key `roles` of the scheme.
        where: Place of the labels in messages.

    Raises:
        DataError: A label means nothing.
    """
    known = {**LABELS, **roles}
    for label, name in zip(found, names, strict=True):
        if label not in known and not label.isdecimal():
            raise DataError(
                f"{where}: '{name}' has the label '{label}'. Allowed: {', '.join(known)}, the number of a fold, or a "
                f"label that the key 'split.roles' explains.{nearest(label, known)}"
            )
    return np.array([known.get(label, label) for label in found], dtype=object)


def column_labels(values: Sequence[str | None]) -> np.ndarray:
    """Return the values of a column as labels; a material without a value is dropped."""
    return np.array([DROPPED if value is None or value == "" else str(value) for value in values], dtype=object)
