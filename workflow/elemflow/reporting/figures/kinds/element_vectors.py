"""Element vectors: what a network that reads elemental fractions has learned about the elements."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

from elemflow.chemistry.composition import ELEMENTS_86, SYMBOLS
from elemflow.config.kinds import FigureKind
from elemflow.plan.items import PlannedFigure
from elemflow.reporting.figures import style
from elemflow.reporting.figures.elements import count_elements
from elemflow.reporting.figures.panels import Array, Numbers, Panel, grid_of_axes, mark_empty

KIND = FigureKind(
    description="Principal components of what the first layer of a network has learned of each element.",
    inputs=("model",),
    reads_materials=True,
)
EXPLANATION = (
    "First two principal components of the element vectors of member 0: the weights with which each element enters the "
    "first dense layers, those of all branches and shortcuts side by side. Drawn for networks whose input is ef alone, "
    "and for the elements of the materials with a value."
)
FEWEST = 3
FAMILIES = {
    "alkali and alkaline earth metals": "Li Na K Rb Cs Be Mg Ca Sr Ba",
    "transition metals": "Sc Ti V Cr Mn Fe Co Ni Cu Zn Y Zr Nb Mo Tc Ru Rh Pd Ag Cd Hf Ta W Re Os Ir Pt Au Hg",
    "lanthanides": "La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu",
    "actinides": "Ac Th Pa U Np Pu",
    "p-block metals and metalloids": "B Al Si Ga Ge As In Sn Sb Te Tl Pb Bi",
    "other nonmetals": "H C N O P S Se Kr Xe",
    "halogens": "F Cl Br I",
}
COLORS = {symbol: style.pick_color(n) for n, members in enumerate(FAMILIES.values()) for symbol in members.split()}


def draw(panels: Sequence[Panel], planned: PlannedFigure, numbers: Numbers) -> Figure:
    """Draw one plot per series, as figure 3b of Huang and Ling (2020)."""
    del planned
    plots = [(panel, series) for panel in panels for series in panel.series]
    figure, axes = grid_of_axes(len(plots), width=4.6, height=4.2)
    for axis, (panel, series) in zip(axes, plots, strict=True):
        vectors = _read_vectors(series.folder) if series.representation == "ef" else None
        if vectors is None:
            mark_empty(axis, f"{series.label} has no dense layer\non elemental fractions alone")
            continue
        seen = count_elements(series.materials, series.property) if series.materials else ELEMENTS_86
        symbols = [symbol for symbol in ELEMENTS_86 if symbol in seen]
        if len(symbols) < FEWEST:
            mark_empty(axis, f"the dataset has {len(symbols)} elements")
            continue
        places, shares = principal_components(vectors[[ELEMENTS_86.index(symbol) for symbol in symbols]])
        axis.plot(*places.T, linestyle="")  # texts set no limits
        for symbol, (x, y) in zip(symbols, places, strict=True):
            axis.text(x, y, symbol, ha="center", va="center", fontsize=6.5, color=COLORS[symbol])
            numbers.add(panel, series, f"vector_of_{symbol}", member=0, x=x, y=y, count=SYMBOLS.index(symbol) + 1)
        axis.set(title=f"{panel.label} · {series.label}", xlabel=f"PC1 ({shares[0]:.0%} of the variance)")
        axis.set_ylabel(f"PC2 ({shares[1]:.0%} of the variance)")
        axis.margins(0.06)
    handles = [
        style.plt.Line2D([], [], color=style.pick_color(n), marker="o", markersize=4, linestyle="", label=family)
        for n, family in enumerate(FAMILIES)
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _read_vectors(folder: Path) -> Array | None:
    """Return the weights of the dense layers that read the elemental fractions, shape (86, units), if there are any."""
    path = folder / "model" / "member-0.keras"
    if not path.is_file():
        return None
    with zipfile.ZipFile(path) as archive:
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    found: list[Array] = []

    def keep(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset) and name.startswith("layers/dense") and item.ndim == 2:  # noqa: PLR2004
            found.extend([np.asarray(item, dtype=np.float64)] * (item.shape[0] == len(ELEMENTS_86)))

    weights.visititems(keep)
    return np.concatenate(found, axis=1) if found else None


def principal_components(vectors: Array) -> tuple[Array, Array]:
    """Project vectors on their first two principal components.

    Args:
        vectors: One per row, shape (rows, columns).

    Returns:
        Places, shape (rows, 2), with the farthest element of each component on the positive side, and the share of the
        variance that each component has.
    """
    left, scale, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    places = left[:, :2] * scale[:2]
    places *= np.sign(places[np.abs(places).argmax(axis=0), [0, 1]])
    return places, scale[:2] ** 2 / np.sum(scale**2)
