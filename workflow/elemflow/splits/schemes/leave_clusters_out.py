"""Extrapolation to clusters of similar compositions (leave one cluster out)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.chemistry.composition_clusters import cluster
from elemflow.splits.schemes.whole_groups import GroupScheme


class LeaveClustersOut(GroupScheme):
    """Each fold is one cluster of similar compositions, found by k-means."""

    scheme: Literal["leave_clusters_out"] = Field(
        description="Each fold is one cluster of similar compositions, found by k-means."
    )

    @property
    def group(self) -> str:
        """What a group is."""
        return "cluster of similar compositions"

    def groups(self, compositions: Sequence[str], labels: np.ndarray | None) -> list[str]:
        """Return the cluster of each material."""
        return [f"{number:03d}" for number in cluster(compositions, self.folds).tolist()]

    def folds_of(self, groups: Sequence[str], key: str) -> np.ndarray:
        """Return the number of the cluster, which is the fold."""
        return np.array([int(group) for group in groups])
