"""Phase diagrams of two to four elements: known phases, their hull, and candidates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox
from scipy.spatial import ConvexHull

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path
from elemflow.reporting.figures import style
from elemflow.stability.phases import Phases

BINARY, TERNARY, QUATERNARY = 2, 3, 4
SUFFIXES = (".png", ".svg")
CANDIDATE = style.PALETTE[1]
_HEIGHT = np.sqrt(3) / 2
_CORNERS = {
    TERNARY: np.array([(0, 0), (1, 0), (0.5, _HEIGHT)]),
    QUATERNARY: np.array([(0, 0.16), (0.58, -0.14), (1, 0.2), (0.5, _HEIGHT)]),
}
"""Places of the elements: corners of a triangle, or of a tetrahedron seen from the side."""
_ON_HULL = 1e-8
OFFSETS = tuple((x, y) for distance in (1, 2.5, 4) for y in (4 * distance, -4 - 5 * distance) for x in (5, -5))
"""Where a name may stand next to its point, in points, in this order."""


@dataclass(frozen=True)
class System:
    """The phases of a chemical system.

    Attributes:
        elements: Its elements.
        names: Formulas of the known phases, elements first.
        fractions: Their atomic fractions (phases, elements).
        energies: Their formation energies (phases,), eV/atom.
        candidates: Formulas of the candidates.
        candidate_fractions: Their atomic fractions (candidates, elements).
        candidate_energies: Their predicted energies (candidates,), eV/atom.
        heights: Their ΔHd (candidates,), eV/atom.
    """

    elements: tuple[str, ...]
    names: list[str]
    fractions: np.ndarray
    energies: np.ndarray
    candidates: list[str]
    candidate_fractions: np.ndarray
    candidate_energies: np.ndarray
    heights: np.ndarray

    @classmethod
    def of(cls, phases: Phases, tables: Sequence[pa.Table]) -> "System":
        """Collect the known phases of the elements of some candidates.

        Args:
            phases: All known phases.
            tables: Candidates as `elemflow.inference.stable` returns them.

        Raises:
            DataError: The candidates have fewer than two or more than four elements.
        """
        rows = [row for table in tables for row in table.to_pylist() if row["decomposition"] is not None]
        elements = tuple(sorted({element for row in rows for element in amounts(row["composition"])}))
        if len(elements) not in (BINARY, TERNARY, QUATERNARY):
            raise DataError(
                f"a phase diagram of {len(elements)} elements ({', '.join(elements)}) cannot be drawn. Give formulas "
                "of two to four elements together."
            )
        known = [
            (formula, energy)
            for formula, energy in zip(phases.compositions.formulas, phases.energies.tolist(), strict=True)
            if amounts(formula).keys() <= set(elements)
        ]
        names = [*elements, *(formula for formula, _ in known)]
        return cls(
            elements,
            names,
            _fractions(names, elements),
            np.array([0.0] * len(elements) + [energy for _, energy in known]),
            [row["formula"] for row in rows],
            _fractions([row["composition"] for row in rows], elements),
            np.array([row["y_pred"] for row in rows]),
            np.array([row["decomposition"] for row in rows]),
        )

    def edges(self) -> tuple[list[tuple[int, int]], np.ndarray]:
        """Return the tie lines between known phases, and whether each phase is on the hull (phases,)."""
        rows = np.flatnonzero(self.energies <= 0)
        points = np.column_stack([self.fractions[rows, 1:], self.energies[rows]])
        on_hull = np.zeros(len(self.names), dtype=bool)
        on_hull[: len(self.elements)] = True
        if len(rows) == len(self.elements):
            return list(combinations(range(len(rows)), 2)), on_hull
        hull = ConvexHull(points)
        lower = hull.simplices[hull.equations[:, -2] < -_ON_HULL]
        facets = [tuple(sorted(rows[corner] for corner in facet)) for facet in lower]
        lines = {pair for facet in facets for pair in combinations(facet, 2)}
        on_hull[sorted({corner for facet in facets for corner in facet})] = True
        return sorted((int(a), int(b)) for a, b in lines), on_hull


def _fractions(formulas: Sequence[str], elements: Sequence[str]) -> np.ndarray:
    found = np.array([[amounts(formula).get(element, 0) for element in elements] for formula in formulas], dtype=float)
    return found.reshape(len(formulas), len(elements)) / np.maximum(found.sum(axis=1, keepdims=True), 1)


def write_phase_diagram(path: Path, phases: Phases, tables: Sequence[pa.Table]) -> None:
    """Draw the phase diagram of the elements of some candidates.

    Args:
        path: File to write, .png or .svg.
        phases: The known phases.
        tables: Candidates as `elemflow.inference.stable` returns them.

    Raises:
        DataError: The candidates have fewer than two or more than four elements, or the file has another format.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: a figure is a file {' or '.join(SUFFIXES)}.")
    system = System.of(phases, tables)
    with style.plt.rc_context():
        style.apply_style()
        figure = draw(system)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=200)
        style.plt.close(figure)


def draw(system: System) -> Figure:
    """Draw a system."""
    size = (6.2, 4.2) if len(system.elements) == BINARY else (6.6, 5.6)
    figure, axis = style.plt.subplots(figsize=size, layout="constrained")
    lines, on_hull = system.edges()
    if len(system.elements) == BINARY:
        _draw_binary(axis, system, lines, on_hull)
    else:
        _draw_corners(axis, system, lines, on_hull)
    axis.legend(loc="upper left", bbox_to_anchor=(0, -0.12 if len(system.elements) == BINARY else 0.02), ncols=3)
    n = len(system.names) - len(system.elements)
    axis.set_title(f"{'-'.join(system.elements)}: {n} known compounds", loc="left")
    return figure


def _draw_binary(axis: Axes, system: System, lines: Sequence[tuple[int, int]], on_hull: np.ndarray) -> None:
    x, y = system.fractions[:, 1], system.energies
    for a, b in lines:
        axis.plot(x[[a, b]], y[[a, b]], color=style.INK, linewidth=0.9)
    _plot_known(axis, x, y, on_hull)
    axis.plot(
        system.candidate_fractions[:, 1],
        system.candidate_energies,
        "D",
        color=CANDIDATE,
        markersize=5.5,
        label="predicted",
    )
    _name(axis, system, np.column_stack([x, y]), on_hull, np.column_stack(
        [system.candidate_fractions[:, 1], system.candidate_energies]
    ))  # fmt: skip
    axis.set(xlim=(-0.02, 1.02), xlabel=f"Fraction of {system.elements[1]}", ylabel="Formation energy (eV/atom)")


def _draw_corners(axis: Axes, system: System, lines: Sequence[tuple[int, int]], on_hull: np.ndarray) -> None:
    n = len(system.elements)
    corners = _CORNERS[n]
    points, candidates = system.fractions @ corners, system.candidate_fractions @ corners
    if n == QUATERNARY:
        for a, b in combinations(range(n), 2):
            axis.plot(corners[[a, b], 0], corners[[a, b], 1], color=style.INK, linewidth=0.9)
    width, alpha = (0.7, 0.6) if n == TERNARY else (0.4, 0.25)
    for a, b in lines:
        axis.plot(points[[a, b], 0], points[[a, b], 1], color=style.INK, linewidth=width, alpha=alpha)
    _plot_known(axis, points[:, 0], points[:, 1], on_hull)
    axis.plot(candidates[:, 0], candidates[:, 1], "D", color=CANDIDATE, markersize=5.5, label="predicted")
    _name(axis, system, points, on_hull, candidates)
    axis.set(xlim=(-0.1, 1.1), ylim=(corners[:, 1].min() - 0.06, _HEIGHT + 0.08), aspect="equal")
    axis.set_axis_off()


def _plot_known(axis: Axes, x: np.ndarray, y: np.ndarray, on_hull: np.ndarray) -> None:
    axis.plot(x[on_hull], y[on_hull], "o", color=style.INK, markersize=4.5, label="known, on the hull")
    rest = ~on_hull
    axis.plot(x[rest], y[rest], "o", color=style.SOFT, markersize=3, fillstyle="none", label="known, above it")


def _name(axis: Axes, system: System, points: np.ndarray, on_hull: np.ndarray, candidates: np.ndarray) -> None:
    """Name the candidates with their ΔHd, and the phases on the hull where there is room."""
    axis.autoscale_view()
    figure = axis.get_figure(root=True)
    assert figure is not None  # noqa: S101  for mypy
    figure.draw_without_rendering()
    taken: list[Bbox] = []
    for name, height, place in zip(system.candidates, system.heights, candidates, strict=True):
        _place(axis, f"{name}  {height:+.3f}", place, CANDIDATE, taken, needed=True)
    n = len(system.elements)
    inside = (system.fractions > 0).sum(axis=1) == n
    for row in np.lexsort((system.energies, ~inside)).tolist():
        if on_hull[row]:
            _place(axis, system.names[row], points[row], style.INK, taken, needed=row < n)


def _place(axis: Axes, text: str, place: np.ndarray, color: str, taken: list[Bbox], *, needed: bool) -> None:
    """Write a name next to a point where it covers no other; nowhere if there is no such place and none is needed."""
    label = axis.annotate(
        text, tuple(place), xytext=OFFSETS[0], textcoords="offset points", fontsize=7, color=color,
        path_effects=[withStroke(linewidth=2.2, foreground="white")],
    )  # fmt: skip
    for x, y in OFFSETS:
        label.set_position((x, y))
        label.set_horizontalalignment("left" if x > 0 else "right")
        box = label.get_window_extent()
        if not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return
    if needed:
        label.set_position(OFFSETS[0])
        label.set_horizontalalignment("left")
        taken.append(label.get_window_extent())
    else:
        label.remove()
