"""Extrapolation to chemical systems that no training material belongs to."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.chemistry.composition import amounts
from elemflow.splits.schemes.whole_groups import GroupScheme


class LeaveSystemsOut(GroupScheme):
    """Folds of chemical systems: all materials with the same set of elements are in one fold."""

    scheme: Literal["leave_systems_out"] = Field(
        description="Folds of chemical systems: all materials with the same set of elements are in one fold."
    )

    @property
    def group(self) -> str:
        """What a group is."""
        return "chemical system"

    def groups(self, compositions: Sequence[str], labels: np.ndarray | None) -> list[str]:
        """Return the chemical system of each material."""
        return ["-".join(sorted(amounts(composition))) for composition in compositions]
