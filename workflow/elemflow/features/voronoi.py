"""Part `st`: 126 attributes of a crystal structure, the Voronoi set of Ward et al.

Ward et al., Phys. Rev. B 96, 024104 (2017), as matminer computes them: effective coordination numbers, structural
heterogeneity, chemical ordering, maximum packing efficiency and local property differences, in this order and without
two columns that are maximum minus minimum of others: the ranges of the coordination number and of the variation of
neighbor distances. One tessellation serves all five families.
"""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from scipy.spatial import QhullError

from elemflow.chemistry.composition import SYMBOLS
from elemflow.chemistry.crystal import Crystal
from elemflow.features.magpie import PROPERTIES, PROPERTY_UNITS, element_table
from elemflow.features.tessellation import Faces, tessellate

NEEDS_STRUCTURE = True
PART = "st"
SCALING = "unit_rows"
TIME_LIMIT = 120.0
"""Most seconds for one structure."""

SHELLS = (1, 2, 3)
_STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev")
_WITHOUT_RANGE = tuple(name for name in _STATISTICS if name != "range")

LABELS = (
    *(f"{statistic} CN_VoronoiNN" for statistic in _WITHOUT_RANGE),
    "mean absolute deviation in relative bond length",
    "max relative bond length",
    "min relative bond length",
    *(f"{statistic} neighbor distance variation" for statistic in _WITHOUT_RANGE),
    "mean absolute deviation in relative cell size",
    *(f"mean ordering parameter shell {shell}" for shell in SHELLS),
    "max packing efficiency",
    *(f"{statistic} local difference in {name}" for name in PROPERTIES for statistic in _STATISTICS),
)
_BEFORE_DIFFERENCES = len(LABELS) - len(PROPERTIES) * len(_STATISTICS)
UNITS = (
    *("1" for _ in range(_BEFORE_DIFFERENCES)),
    *(PROPERTY_UNITS[name] for name in PROPERTIES for _ in _STATISTICS),
)
VERSION = "1"
CITATIONS = ("ward2017", "ward2018")

_ATOMIC_NUMBER = {symbol: number for number, symbol in enumerate(SYMBOLS, start=1)}


def featurize(structures: Sequence[Crystal]) -> tuple[np.ndarray, dict[int, str]]:
    """Compute the Voronoi attributes of crystal structures.

    Args:
        structures: Crystal structures.

    Returns:
        Float32 array (structures, 126), and the reason by row for structures that have no attributes.
    """
    matrix, reasons = np.zeros((len(structures), len(LABELS))), {}
    for row, crystal in enumerate(structures):
        try:
            with time_limit(TIME_LIMIT):
                matrix[row] = attributes(crystal)
        except (ValueError, TimeoutError) as error:
            reasons[row] = str(error)
    return matrix.astype(np.float32), reasons


def attributes(crystal: Crystal) -> np.ndarray:
    """Compute the 126 attributes of one structure in float64.

    Raises:
        ValueError: The structure has no such attributes; the message says why.
    """
    numbers = _atomic_numbers(crystal)
    try:
        faces = tessellate(crystal)
    except QhullError as error:
        raise ValueError(f"qhull cannot tessellate it: {str(error).splitlines()[0]}") from None
    start = np.flatnonzero(np.diff(faces.site, prepend=-1))
    weight = faces.area / np.maximum.reduceat(faces.area, start)[faces.site]
    vector = np.concatenate(
        [
            _coordination(weight, start),
            _heterogeneity(faces, weight, start),
            _ordering(faces, weight, start, numbers),
            [_packing_efficiency(faces, start)],
            _local_differences(faces, weight, start, element_table().properties[numbers]),
        ]
    )
    if not np.isfinite(vector).all():
        raise ValueError("its tessellation is degenerate: an attribute is not a finite number")
    return vector


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError if the block takes longer.

    A signal ends the block between two steps of Python, so a single call of qhull is not cut short; its size is what
    `elemflow.features.tessellation.MAX_POINTS` bounds. Outside the main thread there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError(f"no result after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _atomic_numbers(crystal: Crystal) -> np.ndarray:
    for site, name in enumerate(crystal.species):
        if name not in _ATOMIC_NUMBER:
            if any(character.isdigit() for character in name):
                raise ValueError(f"site {site} is disordered ({name}); order the structure first")
            raise ValueError(f"site {site} holds {name!r}, which is no element")
    return np.array([_ATOMIC_NUMBER[name] for name in crystal.species])


def _statistics(values: np.ndarray, names: Sequence[str] = _STATISTICS) -> np.ndarray:
    """Return statistics (statistics, ...) over the first axis, the sites."""
    low, high, mean = values.min(axis=0), values.max(axis=0), values.mean(axis=0)
    every = {"minimum": low, "maximum": high, "range": high - low, "mean": mean}
    every["avg_dev"] = np.abs(values - mean).mean(axis=0)
    return np.stack([every[name] for name in names])


def _coordination(weight: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return statistics of the effective coordination number, (Σ w)² / Σ w² over the faces of a site."""
    numbers = np.add.reduceat(weight, start) ** 2 / np.add.reduceat(weight**2, start)
    return _statistics(numbers, _WITHOUT_RANGE)


def _heterogeneity(faces: Faces, weight: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return how bond lengths and cell volumes vary between sites, and bond lengths within a site."""
    total = np.add.reduceat(weight, start)
    length = np.add.reduceat(weight * faces.distance, start) / total
    spread = np.add.reduceat(weight * np.abs(faces.distance - length[faces.site]), start) / total / length
    relative = length / length.mean()
    # A cell is made of pyramids: face area × half the distance to the neighbor / 3.
    size = np.add.reduceat(faces.area * faces.distance, start) / 6
    return np.concatenate(
        [
            [_statistics(relative)[-1], relative.max(), relative.min()],
            _statistics(spread, _WITHOUT_RANGE),
            [_statistics(size)[-1] / size.mean()],
        ]
    )


def _packing_efficiency(faces: Faces, start: np.ndarray) -> float:
    """Return the share of space in spheres that reach to the nearest face of their cell."""
    radius = np.minimum.reduceat(faces.distance, start) / 2
    return float(4 / 3 * np.pi * (radius**3).sum() / faces.volume)


def _local_differences(faces: Faces, weight: np.ndarray, start: np.ndarray, properties: np.ndarray) -> np.ndarray:
    """Return statistics of the weighted mean difference between a site's properties (sites, p) and its neighbors'."""
    difference = np.abs(properties[faces.neighbor] - properties[faces.site])
    mean = np.add.reduceat(weight[:, None] * difference, start) / np.add.reduceat(weight, start)[:, None]
    return _statistics(mean).T.ravel()


def _ordering(faces: Faces, weight: np.ndarray, start: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the mean ordering parameter of three neighbor shells; 0 for a single element.

    A shell holds the ends of all paths over as many faces that visit no atom twice; a path counts with the product of
    its weights. Of these sums only the weight of the closed triangles needs the paths one by one; the rest follows
    from the sums of the shell before.
    """
    elements, kind = np.unique(numbers, return_inverse=True)
    if len(elements) == 1:
        return np.zeros(len(SHELLS))
    own = np.eye(len(elements))[kind]
    site, neighbor, w = faces.site, faces.neighbor, weight[:, None]
    back, triangles = (values[:, None] for values in _back_and_triangle_weights(faces, weight, start))
    first = np.add.reduceat(w * own[neighbor], start)
    second = np.add.reduceat(w * (first[neighbor] - back * own[site]), start)
    returning = back * (first[site] - w * own[neighbor]) + triangles * own[site]
    third = np.add.reduceat(w * (second[neighbor] - returning), start)
    fractions = own.mean(axis=0)
    shells = np.stack([first, second, third])
    return np.abs(1 - shells / shells.sum(axis=2, keepdims=True) / fractions).mean(axis=(1, 2))


def _back_and_triangle_weights(faces: Faces, weight: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each face the weight of the way back, and the sum over ways on and from there back to the site."""
    sites, n_faces = len(start), len(weight)
    span = 2 * int(np.abs(faces.image).max()) + 1
    base = 2 * span + 1

    def key(a: np.ndarray, b: np.ndarray, image: np.ndarray) -> np.ndarray:
        x, y, z = (image + span).T
        return (((a * sites + b) * base + x) * base + y) * base + z

    keys = key(faces.site, faces.neighbor, faces.image)
    order = np.argsort(keys)
    keys = keys[order]

    def weight_of(wanted: np.ndarray) -> np.ndarray:
        place = np.minimum(np.searchsorted(keys, wanted), n_faces - 1)
        return np.where(keys[place] == wanted, weight[order[place]], 0)

    back = weight_of(key(faces.neighbor, faces.site, -faces.image))
    size = np.diff(start, append=n_faces)
    ways = size[faces.neighbor]
    step = np.repeat(np.arange(n_faces), ways)
    after = start[faces.neighbor][step] + np.arange(len(step)) - np.repeat(np.cumsum(ways) - ways, ways)
    closing = weight_of(key(faces.neighbor[after], faces.site[step], -(faces.image[step] + faces.image[after])))
    return back, np.bincount(step, weights=weight[after] * closing, minlength=n_faces)
