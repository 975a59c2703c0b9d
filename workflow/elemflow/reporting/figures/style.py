"""One look for all figures: fonts, colours that colour-blind readers can tell apart, equal bytes for equal data."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from elemflow.core.files import atomic_path

# Okabe and Ito, Color Universal Design (2008), without yellow, which is too pale for lines on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
INK = "#1b1f24"
SOFT = "#5b6470"
GRID = "#e3e7eb"
PNG_DPI = 200
SVG_CLOUD_DPI = 150  # only point clouds are pixels in an SVG

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # of labels, which may have dollars
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.8,
    "ytick.minor.size": 1.8,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.5,
    "lines.linewidth": 1.4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": PNG_DPI,
    "svg.fonttype": "path",  # the same look where the font is not installed
    "svg.hashsalt": "elemflow",  # element ids that do not change from run to run
}


def apply_style() -> None:
    """Set the look of every figure drawn afterwards in this process."""
    plt.rcdefaults()
    plt.style.use(RC)


def pick_color(number: int) -> str:
    """Return the colour of the series with this number; colours repeat after seven."""
    return PALETTE[number % len(PALETTE)]


def pick_colors(labels: Sequence[str], of_study: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return a colour for each label of a figure: that of the label in the whole study, as far as seven colours go.

    Args:
        labels: Labels of the figure, each once.
        of_study: Labels of every figure of the study; figures with more of them choose before others.
    """
    known: dict[str, int] = {}
    for group in sorted(of_study, key=len, reverse=True):
        known = _number_colors(group, known) | known
    return {label: pick_color(number) for label, number in _number_colors(labels, known).items()}


def _number_colors(labels: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """Number labels as known, where no other label of the figure needs that colour, and others as seldom used."""
    uses: Counter[int] = Counter()
    found: dict[str, int] = {}
    for label in labels:
        if label in known and uses[known[label]] < -(-len(labels) // len(PALETTE)):
            found[label] = known[label]
            uses[found[label]] += 1
    for label in labels:
        if label not in found:
            found[label] = min(range(len(PALETTE)), key=lambda number: uses[number])
            uses[found[label]] += 1
    return found


def density_colors(color: str) -> LinearSegmentedColormap:
    """Return a scale from a light tint (few points) to a dark shade (many points) of one colour."""
    rgb = to_rgb(color)
    light = tuple(0.55 * part + 0.45 for part in rgb)
    dark = tuple(0.22 * part for part in rgb)
    return LinearSegmentedColormap.from_list("density", [light, rgb, dark])


def parse_math_of_powers(figure: Figure) -> None:
    """Let the labels of logarithmic scales alone be formulas; the dollar of any other text is a dollar."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                for label in (*axis.get_ticklabels(), *axis.get_ticklabels(minor=True), axis.get_offset_text()):
                    label.set_parse_math(True)


def save_figure(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Write a figure as SVG and PNG without dates or versions, and close it."""
    parse_math_of_powers(figure)
    with atomic_path(svg) as temporary:
        clean = {"Date": None, "Creator": None}
        figure.savefig(temporary, format="svg", metadata=clean, bbox_inches="tight", dpi=SVG_CLOUD_DPI)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    plt.close(figure)
    with Image.open(buffer) as image, atomic_path(png) as temporary:
        # A third of the size, same look. The default method gives small marks the colours of larger ones.
        few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(temporary, format="PNG", optimize=True, dpi=(PNG_DPI, PNG_DPI))
