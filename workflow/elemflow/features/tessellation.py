"""Voronoi tessellation of a periodic structure, complete and no larger than it has to be."""

from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.spatial import QhullError, Voronoi, cKDTree

from elemflow.chemistry.crystal import Crystal

MAX_POINTS = 20_000
"""Most atoms, periodic images included, in one tessellation; what bounds the time of a single call of qhull."""

OVERLAP = 0.01
"""Sites closer than this are one site given twice, Å."""

_FIRST_REACH = 2.6  # in units of the cube root of the volume per atom; enough for most packings
_GROWTH = 1.6
_BEYOND_LAYER = 1.05
_MAX_CANDIDATES = 1_000_000
_SMALLEST_VOLUME = 0.1  # Å³ per atom; the densest known matter at ordinary pressure has some 5


class Faces(NamedTuple):
    """Faces of the Voronoi cells of all sites, each seen from one site, sorted by that site.

    Attributes:
        site: Site whose cell has the face (faces,).
        neighbor: Site beyond the face (faces,).
        image: Cell of the neighbor (faces, 3), relative to that of the site, both wrapped into their cells.
        distance: From site to neighbor (faces,), Å.
        area: Area of the face (faces,), Å².
        volume: Volume per formula cell, Å³.
    """

    site: np.ndarray
    neighbor: np.ndarray
    image: np.ndarray
    distance: np.ndarray
    area: np.ndarray
    volume: float


def tessellate(crystal: Crystal) -> Faces:
    """Compute the Voronoi cells of all sites of a crystal.

    The points are all images within some distance of the sites of one cell. A Voronoi cell whose vertices lie within
    ρ of its site is final if all points within 2 ρ took part, so the distance grows until that holds for every site;
    unlike with a fixed cutoff the result is then that of the infinite crystal.

    Raises:
        ValueError: The cell has no volume, sites overlap, or too many images would be needed.
    """
    sites = len(crystal.species)
    volume = float(abs(np.linalg.det(crystal.lattice)))
    if not volume > _SMALLEST_VOLUME * sites:
        raise ValueError(f"the cell has a volume of {volume:.3g} Å³ for {sites} sites")
    home = crystal.coordinates - np.floor(crystal.coordinates)
    home[home >= 1] = 0  # -1e-17 - floor is 1
    heights = 1 / np.linalg.norm(np.linalg.inv(crystal.lattice), axis=0)
    reach = max(_FIRST_REACH * (volume / sites) ** (1 / 3), _BEYOND_LAYER * _thickest_empty_layer(home, heights))
    while True:
        points, owner, image = _points_within(home, crystal.lattice, heights, reach)
        _check_overlap(points, sites)
        try:
            found = _home_faces(Voronoi(points), sites)
        except QhullError:  # too few points for a first simplex
            found = None
        if found is None:
            reach *= _GROWTH
            continue
        pairs, area, radius = found
        if 2 * radius <= reach:
            break
        reach = 2 * radius * (1 + 1e-9)
    site, other = _from_both_sides(pairs, sites)
    own = np.concatenate([area[pairs[:, 0] < sites], area[pairs[:, 1] < sites]])
    order = np.lexsort((other, site))
    site, other, own = site[order], other[order], own[order]
    distance = np.linalg.norm(points[other] - points[site], axis=1)
    return Faces(site, owner[other], image[other], distance, own, volume)


def _thickest_empty_layer(home: np.ndarray, heights: np.ndarray) -> float:
    """Return the largest distance between neighboring atomic layers along the three cell axes, Å.

    Cells next to an empty layer reach at least to its middle, and without the atoms beyond it they would be open.
    """
    ordered = np.sort(home, axis=0)
    return float((np.diff(ordered, axis=0, append=ordered[:1] + 1).max(axis=0) * heights).max())


def _points_within(
    home: np.ndarray, lattice: np.ndarray, heights: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions (n, 3), site and image of all atoms within `reach` of a site; the sites themselves first."""
    margin = reach / heights
    low, high = home.min(axis=0) - margin, home.max(axis=0) + margin
    ranges = [np.arange(np.floor(a), np.floor(b) + 1) for a, b in zip(low, high, strict=True)]
    if np.prod([float(len(r)) for r in ranges]) * len(home) > _MAX_CANDIDATES:
        raise ValueError(_too_large(reach))
    images = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    images = images[np.argsort(np.abs(images).sum(axis=1), kind="stable")]  # the cell of the sites itself first
    fractional = (images[:, None] + home).reshape(-1, 3)
    owner = np.tile(np.arange(len(home)), len(images))
    image = np.repeat(images.astype(np.int64), len(home), axis=0)
    inside = ((fractional >= low) & (fractional <= high)).all(axis=1)
    fractional, owner, image = fractional[inside], owner[inside], image[inside]
    points = fractional @ lattice
    distance, _ = cKDTree(points[: len(home)]).query(points, distance_upper_bound=reach)
    near = np.isfinite(distance)
    if near.sum() > MAX_POINTS:
        raise ValueError(_too_large(reach))
    return points[near], owner[near], image[near]


def _too_large(reach: float) -> str:
    return (
        f"its Voronoi cells need the atoms within {reach:.0f} Å, more than {MAX_POINTS}: the cell is too large, too "
        "flat, or holds too much vacuum"
    )


def _check_overlap(points: np.ndarray, sites: int) -> None:
    """Raise ValueError if a site lies on another one or on its image."""
    distance = cKDTree(points).query(points[:sites], k=2)[0][:, 1] if len(points) > 1 else np.array([np.inf])
    if distance.min() < OVERLAP:
        raise ValueError(f"sites overlap: site {int(distance.argmin())} has a neighbor at {distance.min():.4f} Å")


def _home_faces(voronoi: Voronoi, sites: int) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Return points (n, 2) and areas (n,) of the faces of the first `sites` points, and their cells' largest radius.

    None if a cell is open.
    """
    chosen = np.flatnonzero((voronoi.ridge_points < sites).any(axis=1))
    corners = [voronoi.ridge_vertices[i] for i in chosen.tolist()]
    lengths = np.fromiter(map(len, corners), np.int64, len(corners))
    flat = np.fromiter(chain.from_iterable(corners), np.int64, lengths.sum())
    pairs = voronoi.ridge_points[chosen]
    if not len(flat) or (flat < 0).any() or len(np.unique(pairs[pairs < sites])) < sites:
        return None
    face = np.repeat(np.arange(len(corners)), lengths)
    vertices = voronoi.vertices[flat]
    centers = voronoi.points[np.where(pairs[:, 0] < sites, pairs[:, 0], pairs[:, 1])]
    radius = float(np.linalg.norm(vertices - centers[face], axis=1).max())
    # qhull gives the corners of a face in order: a fan of triangles from the first one covers it.
    ends = np.cumsum(lengths)
    arms = vertices - vertices[(ends - lengths)[face]]
    inner = np.ones(len(flat), dtype=bool)
    inner[ends - 1] = False
    inner = np.flatnonzero(inner)
    triangles = np.linalg.norm(np.cross(arms[inner], arms[inner + 1]), axis=1) / 2
    return pairs, np.bincount(face[inner], weights=triangles, minlength=len(corners)), radius


def _from_both_sides(pairs: np.ndarray, sites: int) -> tuple[np.ndarray, np.ndarray]:
    """Return site and other point of each face, twice where both points are sites of the cell itself."""
    first, second = pairs[:, 0] < sites, pairs[:, 1] < sites
    site = np.concatenate([pairs[first, 0], pairs[second, 1]])
    return site, np.concatenate([pairs[first, 1], pairs[second, 0]])
