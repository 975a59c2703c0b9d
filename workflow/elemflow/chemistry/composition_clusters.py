"""Clusters of similar compositions, the same on every machine."""

from collections.abc import Sequence

import numpy as np

from elemflow.chemistry.formula_arrays import element_amounts
from elemflow.chemistry.periodic_table import positions

DESCRIPTORS = (
    "group_mean", "group_spread", "period_mean", "period_spread", "share_s", "share_p", "share_d", "share_f",
)  # fmt: skip
"""Labels of the columns of `descriptors`."""
_DECIMALS = 9
_MOST_STEPS = 100


def descriptors(compositions: Sequence[str]) -> np.ndarray:
    """Return mean and spread of group and period over the atoms, and the shares of s, p, d and f elements.

    Args:
        compositions: Canonical formulas.

    Returns:
        Columns of `DESCRIPTORS` (compositions, 8).
    """
    found = element_amounts(compositions)
    n = len(compositions)
    share = found.values / np.bincount(found.rows, found.values, minlength=n)[found.rows]
    columns = []
    for values in positions().T:
        own = values[found.numbers]
        mean = np.bincount(found.rows, share * own, minlength=n)
        square = np.bincount(found.rows, share * own**2, minlength=n)
        columns += [mean, np.sqrt(np.maximum(square - mean**2, 0))]
    blocks = _blocks()[found.numbers]
    columns += [np.bincount(found.rows, share * (blocks == block), minlength=n) for block in range(4)]
    return np.column_stack(columns)


def cluster(compositions: Sequence[str], n_clusters: int) -> np.ndarray:
    """Return the cluster of each composition by k-means, numbered by decreasing size (compositions,).

    The first centres are compositions far from each other, the first of them the one nearest to the mean. Equal
    compositions are counted once, in alphabetical order, so that neither the order nor repetitions of the rows matter.

    Args:
        compositions: Canonical formulas.
        n_clusters: Most clusters; there are fewer if there are fewer compositions.
    """
    names, places = np.unique(np.asarray(compositions, dtype=object), return_inverse=True)
    matrix = descriptors(names.tolist())
    spread = matrix.std(axis=0)
    points = np.round((matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0), _DECIMALS)
    centres = points[_far_apart(points, min(n_clusters, len(points)))]
    labels = np.full(len(points), -1)
    for _ in range(_MOST_STEPS):
        distances = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
        found = distances.argmin(axis=1)
        if (found == labels).all():
            break
        labels = found
        for number in range(len(centres)):
            own = labels == number
            centres[number] = points[own].mean(axis=0) if own.any() else points[distances.min(axis=1).argmax()]
    sizes = np.bincount(labels, minlength=len(centres))
    ranks = np.empty(len(centres), dtype=np.int64)
    ranks[np.argsort(-sizes, kind="stable")] = np.arange(len(centres))
    return ranks[labels][places]


def _far_apart(points: np.ndarray, n: int) -> list[int]:
    """Return positions of points, each the farthest from those before it."""
    chosen = [int((points**2).sum(axis=1).argmin())]
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < n:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return chosen


def _blocks() -> np.ndarray:
    """Return the block by atomic number (119,): 0 s, 1 p, 2 d, 3 f."""
    groups = positions()[:, 0]
    found = np.select([groups <= 2, groups > 12], [0, 1], 2)  # noqa: PLR2004  last groups of the s and the d block
    return np.where(groups % 1 > 0, 3, found)
