"""Extrapolation to chosen chemical systems."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from elemflow.chemistry.composition import SYMBOLS, amounts
from elemflow.core.errors import nearest
from elemflow.core.roles import Role
from elemflow.splits.schemes.base import (
    TEST,
    TRAIN,
    VALIDATION,
    RandomScheme,
    Shares,
    describe_members,
    describe_reductions,
    hash_order,
)

TESTED = 0.01
"""Share of the test set where the materials are not known yet."""
_SHOWN = 4


class NamedSystems(RandomScheme):
    """All materials with exactly the elements of a chosen system are tested; the validation set is of other systems."""

    scheme: Literal["named_systems"] = Field(
        description="All materials with exactly the elements of one of some chemical systems are the test set."
    )
    systems: tuple[str, ...] = Field(min_length=1, description="Chemical systems that are left out, such as Li-Mn-O.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the other systems that are the validation set.")
    n_members: int = Field(
        1, ge=1, le=100, alias="members", description="Ensemble members, which differ by their seed."
    )

    @field_validator("systems")
    @classmethod
    def _sorted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for system in value:
            for symbol in system.split("-"):
                if symbol not in SYMBOLS:
                    raise ValueError(f"'{system}': '{symbol}' is no element.{nearest(symbol, SYMBOLS)}")
        return tuple("-".join(sorted(system.split("-"))) for system in value)

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return 1

    @property
    def members_per_split(self) -> int:
        """Number of ensemble members that share the split."""
        return self.n_members

    @property
    def repeated(self) -> dict[str, int]:
        """Number of members."""
        return {"members": self.n_members}

    @property
    def shares(self) -> Shares:
        """Shares of the three roles if one of a hundred materials is tested; how many are is known with the data."""
        return Shares((1 - TESTED) * (1 - self.validation), (1 - TESTED) * self.validation, TESTED)

    def describe(self) -> str:
        """Return the split in words, for captions."""
        shown = ", ".join(self.systems[:_SHOWN])
        more = f" and {len(self.systems) - _SHOWN} further systems" if len(self.systems) > _SHOWN else ""
        text = f"trained without {shown}{more}"
        return text + describe_members(self.members_per_split) + describe_reductions(self)

    def explain_empty(
        self, role: Role, number: int, compositions: Sequence[str], labels: np.ndarray | None = None
    ) -> str:
        """Return why a set is empty, with the systems; see `SplitScheme.explain_empty`."""
        own = {"-".join(sorted(amounts(composition))) for composition in compositions}
        shown = ", ".join(self.systems[:_SHOWN]) + (", …" if len(self.systems) > _SHOWN else "")
        if role is Role.TEST:
            return f"No material has exactly the elements of {shown}. Name another system, or use another dataset."
        return (
            f"The materials are of {len(own):,} chemical systems, of which {len(own & set(self.systems)):,} are tested "
            f"({shown}). Change 'split.validation' or 'split.systems', or use a dataset with more systems."
        )

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under the one split; see `SplitScheme.splits`."""
        own = ["-".join(sorted(amounts(composition))) for composition in compositions]
        tested = np.isin(np.array(own, dtype=object), self.systems)
        roles = np.where(tested, TEST, TRAIN)
        others = sorted({system for system, test in zip(own, tested.tolist(), strict=True) if not test})
        order = hash_order(others, f"{self.seed}/validation")[: round(self.validation * len(others))]
        chosen = {others[place] for place in order.tolist()}
        roles[[system in chosen for system in own]] = VALIDATION
        yield roles
