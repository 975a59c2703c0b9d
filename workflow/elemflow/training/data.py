"""The numbers of a run: features and targets of every member's training, validation and test set, by material."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata
from elemflow.core.parquet import read_frame
from elemflow.core.roles import ROLES, Role
from elemflow.features.scaling import Scaling, Target
from elemflow.features.store import read_features


@dataclass(frozen=True)
class RoleData:
    """Rows of one role: a training, validation or test set.

    Attributes:
        material_id: Ids, shape (rows,), sorted.
        x: Features, float32, shape (rows, features).
        y: The property in its unit, or the target that follows from it, float64, shape (rows,).
    """

    material_id: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> "RoleData":
        """Return some of the rows.

        Args:
            rows: Their positions, or a mask.
        """
        return RoleData(self.material_id[rows], self.x[rows], self.y[rows])


@dataclass(frozen=True)
class MemberData:
    """Training, validation and test set of one member.

    Attributes:
        member: Number of the member.
        train: Training set.
        validation: Validation set, for early stopping or the selection of hyperparameters; may be empty if unused.
        test: Test set.
        dropped: Number of rows of the split that were dropped, by reason (`without_features`, `without_value`).
        target: How `y` follows from the property.
        in_unit: The same rows with the property itself, if `y` is another target.
        pretrained: Network of the pre-training run that the member is fine-tuned from, if there is one.
    """

    member: int
    train: RoleData
    validation: RoleData
    test: RoleData
    dropped: dict[str, int]
    target: Target = field(default_factory=Target)
    in_unit: "MemberData | None" = None
    pretrained: Path | None = None

    def of(self, role: Role) -> RoleData:
        """Return the rows of a role."""
        return {Role.TRAIN: self.train, Role.VALIDATION: self.validation, Role.TEST: self.test}[role]

    def scaled(self, scaling: Scaling) -> "MemberData":
        """Return the same rows with scaled features."""
        train, validation, test = (replace(self.of(role), x=scaling.apply(self.of(role).x)) for role in ROLES)
        return replace(self, train=train, validation=validation, test=test)

    def targeted(self, target: Target) -> "MemberData":
        """Return the same rows with a scaled target in place of the property."""
        train, validation, test = (replace(self.of(role), y=target.apply(self.of(role).y)) for role in ROLES)
        return replace(self, train=train, validation=validation, test=test, target=target, in_unit=self)


class RunData:
    """Features and targets of a run, read at their first use and cut into members on demand.

    Args:
        features: Feature files, one per part of the representation, in its order.
        materials: `materials.parquet` of the dataset.
        split: Split file with `material_id`, `member` and `role`.
        dataset: Id of the dataset, for messages.
        property_id: Column of the target in `materials`.
    """

    def __init__(self, features: Sequence[Path], materials: Path, split: Path, *, dataset: str, property_id: str):
        self._where = f"dataset '{dataset}', property '{property_id}'"
        self._features, self._materials, self._property = list(features), materials, property_id
        self._split = read_frame(split, ["material_id", "member", "role"])

    @cached_property
    def _inputs(self) -> tuple[pd.Index, np.ndarray]:
        """Materials with features, and the features (materials, columns)."""
        ids, x = read_features(self._features)
        return pd.Index(np.asarray(ids, dtype=object)), x

    @cached_property
    def _values(self) -> pd.Series:
        """The property by material."""
        try:
            table = read_frame(self._materials, ["material_id", self._property])
        except (KeyError, ValueError) as error:
            raise DataError(f"{self._materials}: no column '{self._property}' ({self._where}). {error}") from None
        return table.set_index("material_id")[self._property].astype("float64")

    @property
    def n_features(self) -> int:
        """Number of features."""
        return sum(width for _, width in self.parts)

    @cached_property
    def parts(self) -> list[tuple[str, int]]:
        """Parts of the representation and the number of their columns, in order."""
        return [(about["part"], len(about["labels"])) for about in map(read_metadata, self._features)]

    @property
    def members(self) -> list[int]:
        """Numbers of the members, in order."""
        return sorted(int(member) for member in self._split["member"].unique())

    @property
    def train_rows(self) -> int:
        """Largest number of training rows of a member in the split, those without features or value included."""
        rows = self._split.loc[self._split["role"] == "train", "member"].value_counts()
        return int(rows.max()) if len(rows) else 0

    def member(self, member: int, needed: Collection[Role]) -> MemberData:
        """Join the rows of one member; rows without features or without a value are dropped and counted.

        Args:
            member: Number of the member.
            needed: Roles that must have rows.

        Raises:
            DataError: The column of the property is absent, or a needed role has no rows left.
        """
        known, x = self._inputs
        rows = self._split[self._split["member"] == member].sort_values("material_id", kind="stable")
        positions = known.get_indexer(pd.Index(rows["material_id"]))
        y = self._values.reindex(rows["material_id"]).to_numpy()
        has_features, has_value = positions >= 0, np.isfinite(y)
        dropped = {
            "without_features": int(np.sum(~has_features)),
            "without_value": int(np.sum(has_features & ~has_value)),
        }
        ids, roles = rows["material_id"].to_numpy(dtype=object), rows["role"].to_numpy(dtype=object)
        sets = {}
        for role in ROLES:
            used = (roles == role) & has_features & has_value
            sets[role] = RoleData(ids[used], x[positions[used]], y[used])
            if role in needed and not used.any():
                lost = int(np.sum(roles == role))
                raise DataError(
                    f"{self._where}, member {member}: no {role} rows. The split has {lost}, and none has both features "
                    f"and a value; check the {role} share of the protocol and the rejected features."
                )
        return MemberData(member, sets[Role.TRAIN], sets[Role.VALIDATION], sets[Role.TEST], dropped)
