"""Compositions that may be one, rounded in different ways: Ag2Pr and Ag67Pr33."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from elemflow.chemistry.composition import amounts

NEAR = 0.005
"""Difference of atomic fractions below which compositions of the same elements may be one."""


class Near(NamedTuple):
    """How many compositions have another one near, and two that are near each other."""

    rows: int
    example: tuple[str, str]


def near_compositions(names: Sequence[str]) -> Near | None:
    """Return how many compositions have another one of the same elements nearer than `NEAR`; None if none has.

    It takes n log n: a tree of nearest neighbours for each number of elements, with chemical systems far apart in it.

    Args:
        names: Canonical formulas, each once.
    """
    systems = [tuple(sorted(amounts(name))) for name in names]
    several = {system for system, count in Counter(systems).items() if count > 1 and len(system) > 1}
    number = {system: 2.0 * place for place, system in enumerate(sorted(several))}
    by_size: dict[int, list[int]] = {}
    for place, system in enumerate(systems):
        if system in number:
            by_size.setdefault(len(system), []).append(place)
    count, example = 0, None
    for size in sorted(by_size):
        places = by_size[size]
        points = np.array([[amount for _, amount in sorted(amounts(names[place]).items())] for place in places], float)
        points /= points.sum(axis=1, keepdims=True)
        points = np.column_stack([[number[systems[place]] for place in places], points])
        distances, others = cKDTree(points).query(points, k=2, p=np.inf, distance_upper_bound=NEAR)
        near = np.flatnonzero(np.isfinite(distances[:, 1]))
        count += len(near)
        if example is None and len(near):
            # Of two points at no distance the first may be the other one.
            first = int(near[0])
            other = next(int(each) for each in others[first] if each != first)
            example = (names[places[first]], names[places[other]])
    return Near(count, example) if example else None
